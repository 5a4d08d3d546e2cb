#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs libFuzzer targets: first each one's seeds and past crashes, then a search for new ones.
# Closes with "fuzz: N passed, N failed"; a target counts one for the replay, one for the search.
#
#   tests/fuzz/run.sh SECONDS TARGET...     SECONDS in all, shared out among the targets (0: replay)
#
# Seeds are in tests/fuzz/seeds/NAME, inputs that once crashed in tests/fuzz/crashes/NAME: a new
# one is put there, to be committed with its fix. What the search learns stays in
# .build/corpus/NAME.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
seconds=$1
shift
[ $# -gt 0 ] || { echo "no fuzz targets"; echo "fuzz: 0 passed, 0 failed"; exit 0; }
jobs=$(nproc)
export share=$((seconds * jobs / $#))
[ "$seconds" = 0 ] || [ "$share" -ge 2 ] || share=2
work=$(mktemp -d)
export work
trap 'rm -rf "$work"' EXIT
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

one() {
	local target=$1 name log corpus seeds crashes
	name=${target##*/fuzz-} corpus=.build/corpus/${target##*/fuzz-}
	seeds=tests/fuzz/seeds/$name crashes=tests/fuzz/crashes/$name log=$work/$name
	mkdir -p "$corpus" "$log.found"
	local inputs=()
	[ ! -d "$seeds" ] || mapfile -d '' -O ${#inputs[@]} inputs < <(find "$seeds" -type f -print0)
	[ ! -d "$crashes" ] || mapfile -d '' -O ${#inputs[@]} inputs < <(find "$crashes" -type f -print0)
	if [ ${#inputs[@]} = 0 ]; then
		echo "FAILED: $name has no seed in $seeds"
		echo failed >"$log.replay"
		return
	fi
	if "$target" -timeout=10 -rss_limit_mb=1024 "${inputs[@]}" >"$log" 2>&1; then
		echo "  $name: ${#inputs[@]} seeds and past crashes replayed"
		echo passed >"$log.replay"
	else
		echo "FAILED: $name, replay"
		tail -40 "$log"
		echo failed >"$log.replay"
		return
	fi
	[ "$share" -gt 0 ] || return 0
	local folders=("$corpus")
	[ ! -d "$seeds" ] || folders+=("$seeds")
	[ ! -d "$crashes" ] || folders+=("$crashes")
	if "$target" -max_total_time="$share" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
		-artifact_prefix="$log.found/" -print_final_stats=1 "${folders[@]}" >"$log" 2>&1; then
		echo "  $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs in $share s"
		echo passed >"$log.search"
	else
		echo "FAILED: $name, search"
		tail -40 "$log"
		mkdir -p "$crashes"
		cp "$log.found"/* "$crashes/" 2>/dev/null
		echo "kept in $crashes: $(ls "$log.found")"
		echo failed >"$log.search"
	fi
}
export -f one
printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c 'one {}'
passed=$(cat "$work"/*.replay "$work"/*.search 2>/dev/null | grep -c passed)
failed=$(cat "$work"/*.replay "$work"/*.search 2>/dev/null | grep -c failed)
echo "fuzz: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
