#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What "make test" runs: every part in turn, each to its end. The last line sums their counts.
# Exit status 0 only if no test failed and every part reported.
set -uo pipefail
cd "$(dirname "$0")/.."
make=${MAKE:-make}
unset MAKEFLAGS MAKELEVEL		# its parts choose how many jobs they take
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

part() {
	local begun=$SECONDS line status=0
	echo "==== $* ===="
	"$@" 2>&1 | tee "$log" || status=$?
	line=$(grep -E '^[a-z-]+: [0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -1)
	if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
		[ $status = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
	else
		echo "FAILED: $* gave no count (exit status $status)"
		failed=$((failed + 1))
	fi
	echo "---- $((SECONDS - begun)) s ----"
}

jobs=-j$(nproc)
begun=$SECONDS
"$make" "$jobs" || { echo "FAILED: the build"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
echo "built in $((SECONDS - begun)) s"
part "$make" "$jobs" check
part "$make" check-rootless
part "$make" check-root
part "$make" check-compat
part "$make" check-docs
if [ -n "${FUZZ_SECONDS:-}" ]; then	# CI: seeds, past crashes, and a while of looking for new ones
	part "$make" "$jobs" fuzz SECONDS="$FUZZ_SECONDS"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
