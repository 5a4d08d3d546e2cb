#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make check-docs: what the documents say is there, is there. Closes with
# "check-docs: N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
bryo=.build/${FLAVOR:-release}/bin/bryo
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAILED: $*"; }
skip() { skipped=$((skipped + 1)); echo "SKIPPED: $*"; }

mapfile -t pages < <(find . -path ./.build -prune -o -name '*.md' -print | sed 's,^\./,,' | sort)

# ---- The documents every project has ----
for f in README.md LICENSE CONTRIBUTING.md SECURITY.md CHANGELOG.md docs/architecture.md docs/style.md \
	docs/HACKING.md docs/performance.md; do
	if [ -s "$f" ]; then ok; else bad "$f is missing"; fi
done

# ---- Links lead somewhere ----
for page in "${pages[@]}"; do
	broken=""
	while read -r link; do
		[ -n "$link" ] || continue
		case $link in http://* | https://* | mailto:* | \#*) continue ;; esac
		file=${link%%#*}
		[ -e "$(dirname "$page")/$file" ] || broken+=" $link"
	done < <(sed '/^```/,/^```/d' "$page" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
	if [ -z "$broken" ]; then ok; else bad "$page links to what is not there:$broken"; fi
done

# ---- Make targets that are named exist ----
targets=$(sed -n 's/^\([a-z][a-z -]*\):.*/\1/p' Makefile | tr ' ' '\n' | sort -u)
for page in README.md CONTRIBUTING.md docs/HACKING.md docs/performance.md; do
	[ -e "$page" ] || continue
	missing=""
	for t in $(grep -oE '\bmake( -j[0-9]*)? [a-z][a-z-]*( |`|$)' "$page" | sed 's/^make\( -j[0-9]*\)\? //; s/[ `]*$//' | sort -u); do
		case $t in targets | a | an | it | the | sure | is | that | them | one) continue ;; esac
		grep -qx -- "$t" <<<"$targets" || missing+=" $t"
	done
	if [ -z "$missing" ]; then ok; else bad "$page names make targets that are not there:$missing"; fi
done

# ---- Folders and files that the tree maps name exist ----
for page in README.md docs/HACKING.md; do
	[ -e "$page" ] || continue
	missing=""
	for f in $(grep -oE '`(engine|rootless|userns|netns|cli|tests|docs)/[A-Za-z0-9_./-]+`' "$page" | tr -d '`' | grep -v '[A-Z]\{3\}' | sort -u); do
		[ -e "${f%/}" ] || missing+=" $f"
	done
	if [ -z "$missing" ]; then ok; else bad "$page names what is not there:$missing"; fi
done

# ---- Every format and decision is found from somewhere ----
for f in docs/formats/*.md docs/decisions/*.md; do
	[ -e "$f" ] || continue
	if grep -lq -- "${f##*/}" $(printf '%s\n' "${pages[@]}" | grep -vxF "$f") $(find engine rootless userns netns cli -name '*.[ch]' 2>/dev/null); then
		ok
	else
		bad "$f: no other page or source names it"
	fi
done
# An index that leaves one out is worse than none.
for dir in docs/formats docs/decisions; do
	[ -d $dir ] || continue
	missing=""
	for f in $dir/*.md; do
		[ "${f##*/}" = README.md ] || grep -qF "${f##*/}" $dir/README.md 2>/dev/null || missing+=" ${f##*/}"
	done
	if [ -z "$missing" ]; then ok; else bad "$dir/README.md leaves out:$missing"; fi
done

# ---- A folder that forks draws its processes ----
for dir in $(grep -lE '\b(fork|clone3|vfork|posix_spawn|proc_fork[a-z_]*) ?\(' -r engine rootless userns netns cli --include='*.c' 2>/dev/null |
	xargs -r -n1 dirname | sort -u | grep -vx engine/base); do
	if [ -s "$dir/README.md" ]; then ok; else bad "$dir forks, and has no README.md that draws its processes"; fi
done

# ---- Manual pages come from the option tables: each can be made, man(1) finds no fault in it ----
if [ ! -x "$bryo" ]; then
	bad "$bryo is missing: make first"
elif ! names=$("$bryo" __man --list 2>/dev/null) || [ -z "$names" ]; then
	bad "bryo __man --list names no page"
else
	while read -r name; do
		page=$("$bryo" __man "$name" 2>&1) || { bad "bryo __man $name: $page"; continue; }
		faults=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z - <<<"$page" 2>&1 >/dev/null)
		if [ -z "$faults" ]; then ok; else bad "manual page $name: $faults"; fi
		file=docs/man/bryo-${name// /-}.1.md
		if [ "$("$bryo" __man --markdown "$name")" = "$(cat "$file" 2>/dev/null)" ]; then ok; else
			bad "$file is not what the tables say: bryo __man --markdown $name >$file"
		fi
	done <<<"$names"
fi

# ---- What belongs to one machine stays out of the documents ----
strangers=$(grep -nE '\.\./shared' "${pages[@]}" Makefile $(find tests .ci -type f ! -path 'tests/docs.sh') 2>/dev/null | head -5)
if [ -z "$strangers" ]; then ok; else bad "paths of one machine: $strangers"; fi

echo "check-docs: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
