#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes docs/man anew from the option tables (after a change of theirs); the unit test of the
# table fails while they differ. BRYO: the program to ask.
set -euo pipefail
bryo=${BRYO:-.build/release/bin/bryo}
mkdir -p docs/man
rm -f docs/man/*.md
"$bryo" __man --markdown >docs/man/bryo.1.md
"$bryo" __man --list | while read -r path; do
	# shellcheck disable=SC2086 # the path's words are the command's
	"$bryo" __man --markdown $path >"docs/man/bryo-${path// /-}.1.md"
done
