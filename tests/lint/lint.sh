#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make lint: what the tools and our own rules say about the sources, two files at a time. Closes
# with "lint: N passed, N failed"; one check of one file counts one.
#
#   tests/lint/lint.sh [FILE...]    (all sources when none is named)
#
# A check that passed is remembered in .build/lint by a hash of the tool, its settings, the file
# and all headers of ours that it includes; so a second run takes seconds.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

mapfile -t sources < <(find engine rootless userns netns fuse-overlay cli tests -name '*.[ch]' 2>/dev/null | sort)
if [ $# -gt 0 ]; then
	# Named sources bring the headers beside them, and the tests stay aside.
	mapfile -t sources < <({ printf '%s\n' "$@"; dirname "$@" | sort -u |
		xargs -I{} find {} -maxdepth 1 -name '*.h'; find tests -name '*.[ch]'; } | sort -u)
fi
mapfile -t scripts < <(grep -lE '^#!/bin/(ba)?sh' $(find tests .ci -type f ! -name '*.[ch]') 2>/dev/null)
export FLAGS="-std=gnu17 -D_GNU_SOURCE -I. -DBRYO_VERSION=\"lint\""
# -fanalyzer's rules that cleanup attributes mislead (gcc 12): the freed value is never unset, it
# is read by the cleanup function through the pointer that the attribute passes. Those about NULL
# do not follow values across functions; clang-tidy has better ones.
export ANALYZER="-O1 -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-malloc-leak
	-Wno-analyzer-file-leak -Wno-analyzer-double-fclose -Wno-analyzer-possible-null-argument
	-Wno-analyzer-null-argument -Wno-analyzer-null-dereference"
export CPPCHECK="--std=c11 --enable=warning,portability,performance --inline-suppr --quiet
	--suppress=missingIncludeSystem --error-exitcode=1 --template=gcc -D__x86_64__ -D__linux__
	-Djson_object_foreach(o,k,v)=for(;;) -Djson_array_foreach(a,i,v)=for(;;)
	--suppressions-list=tests/lint/cppcheck.txt"
export stamps=.build/lint
work=$(mktemp -d)
export work
trap 'rm -rf "$work"' EXIT
mkdir -p "$stamps"

# What a check of a file depends on, as one hash.
key() {
	local tool=$1 file=$2 deps=$2
	case $file in *.[ch]) deps=$(gcc $FLAGS -MM -MG "$file" 2>/dev/null | tr -d '\\' | cut -d: -f2) ;; esac
	{ echo "$tool $FLAGS $ANALYZER $CPPCHECK"; cat $deps "tests/lint/lint.sh" 2>/dev/null
		case $tool in tidy) cat .clang-tidy ;; format) cat .clang-format ;;
			cppcheck) cat tests/lint/cppcheck.txt ;; esac; } | sha256sum | cut -c1-24
}

check() {
	local tool=$1 file=$2
	case $tool in
	format) clang-format-14 --dry-run --Werror "$file" ;;
	header) echo "#include \"$file\"" | gcc $FLAGS -Wall -Wextra -Werror -fsyntax-only -xc - ;;
	clang) clang-14 $FLAGS -Wall -Wextra -Werror -Wno-unknown-warning-option \
		-Wno-gnu-variable-sized-type-not-at-end -Wno-string-concatenation -fsyntax-only "$file" ;;
	analyzer) gcc $FLAGS $ANALYZER -Werror -c -o /dev/null "$file" ;;
	tidy) clang-tidy-14 --quiet "$file" -- $FLAGS 2>/dev/null ;;
	cppcheck) cppcheck $CPPCHECK -D_GNU_SOURCE -I. "$file" ;;
	syntax) bash -n "$file" ;;
	shellcheck) shellcheck -x -S warning -e SC2086,SC2046,SC1090,SC1091,SC2154,SC2034,SC2206,SC2207,SC2068,SC2089,SC2090,SC2155,SC2164 "$file" ;;
	esac
}

one() {
	local tool=$1 file=$2 stamp log
	stamp=$stamps/$tool-$(key "$tool" "$file")
	log=$work/$tool-${file//\//_}
	if [ -e "$stamp" ]; then
		touch "$stamp" "$log.passed"
	elif check "$tool" "$file" >"$log" 2>&1; then
		touch "$stamp" "$log.passed"
	else
		echo "FAILED: $tool $file"
		head -40 "$log"
		touch "$log.failed"
	fi
}
export -f key check one

jobs() {
	local f
	for f in "${sources[@]}"; do
		echo "format $f"
		case $f in
		*.h) echo "header $f" ;;
		tests/*) echo "clang $f" ;;
		*)
			echo "clang $f"
			echo "analyzer $f"
			echo "tidy $f"
			echo "cppcheck $f"
			;;
		esac
	done
	for f in "${scripts[@]}"; do
		echo "syntax $f"
		! command -v shellcheck >/dev/null || echo "shellcheck $f"
	done
}

for tool in clang-14 clang-format-14 clang-tidy-14 cppcheck python3; do
	command -v $tool >/dev/null || { echo "$tool is missing: make deps-test"; echo "lint: 0 passed, 1 failed"; exit 1; }
done
tests/lint/includes.py "${sources[@]}" | tee "$work/includes"
tests/lint/symbols.sh | tee "$work/symbols"
jobs | xargs -P "$(nproc)" -L1 bash -c 'one "$@"' -
find "$stamps" -type f -mtime +30 -delete
passed=$(find "$work" -name '*.passed' | wc -l) failed=$(find "$work" -name '*.failed' | wc -l)
for part in includes symbols; do
	read -r p f < <(sed -n "s/^$part: \\([0-9]*\\) passed, \\([0-9]*\\) failed$/\\1 \\2/p" "$work/$part")
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
	unset p f
done
echo "lint: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
