#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs unit test programs (cmocka), two at a time, and closes with one line that counts them.
set -uo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export work
one() { local log=$work/log$(echo "$1" | tr / _); "$1" >"$log" 2>&1 || echo "$1" >"$log.failed"; }
export -f one
printf '%s\n' "$@" | xargs -r -P "$(nproc)" -I{} bash -c 'one {}'
passed=$(cat "$work"/* 2>/dev/null | grep -c '^\[       OK \]')
failed=$(cat "$work"/* 2>/dev/null | grep -c '^\[  FAILED  \] [^0-9].*\..*\|^\[  FAILED  \] [a-z_]*$')
skipped=$(cat "$work"/* 2>/dev/null | grep -c '^\[  SKIPPED \] [a-z]')
crashed=0
for f in "$work"/*.failed; do
	[ -e "$f" ] || continue
	crashed=$((crashed + 1)); echo "FAILED: $(cat "$f")"; cat "${f%.failed}"
done
[ $crashed = 0 ] || [ "$failed" != 0 ] || failed=$crashed
echo "unit: $passed passed, $failed failed, $skipped skipped"
[ $crashed = 0 ] && [ "$passed" -gt 0 ]
