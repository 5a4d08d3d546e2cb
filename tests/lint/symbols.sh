#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A name that two of our libraries define is one that a reader finds twice, and that a linker may
# take from the wrong one. Closes with "symbols: N passed, N failed", a library counting one.
#
#   tests/lint/symbols.sh [FLAVOR]    of a built tree
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
build=.build/${1:-release}
mapfile -t libraries < <(find "$build" -name '*.a' 2>/dev/null | sort)
[ ${#libraries[@]} -gt 0 ] || { echo "$build holds no libraries: make first"; echo "symbols: 0 passed, 1 failed"; exit 1; }
# "NAME LIBRARY" of what each defines for others.
defined() {
	local l
	for l in "${libraries[@]}"; do
		nm --defined-only -g -P "$l" 2>/dev/null | awk -v l="${l#"$build"/}" 'NF > 1 && $2 ~ /[TDBRC]/ { print $1, l }'
	done
}
twice=$(defined | sort -u | awk '{ n[$1]++; where[$1] = where[$1] " " $2 } END { for (s in n) if (n[s] > 1) print s ":" where[s] }' | sort)
[ -z "$twice" ] || printf 'FAILED: defined more than once: %s\n' "$twice"
failed=$(grep -c . <<<"$twice")
[ -n "$twice" ] || failed=0
echo "symbols: $((${#libraries[@]} - (failed > 0))) passed, $failed failed"
[ "$failed" = 0 ]
