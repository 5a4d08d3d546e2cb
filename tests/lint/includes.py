#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the sources against the rules that no compiler knows.

  includes.py [--docs] FILE...

- each #include "..." names a path from the source root that exists, and the table in
  tests/lint/layers allows it; headers called x-internal.h stay in their folder
- a folder of ours that the table does not name is an error
- the first line is the licence, a comment follows that says what the file is for
- headers say #pragma once; no file mixes in another build system's guards
- unit tests see the part that they test and what that may see

Prints one line for each breach, and at the end "includes: N passed, N failed" in files.
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
SPDX = "SPDX-License-Identifier: Apache-2.0"


class Part:
    def __init__(self, level, name):
        self.level, self.name = level, name
        self.words, self.main_words = [], []


def read_table(path):
    parts = {}
    with open(path) as f:
        for number, line in enumerate(f, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) < 3:
                sys.exit(f"{path}:{number}: needs LEVEL PART WORDS")
            part = Part(int(words[0]), words[1])
            target = part.words
            for word in words[2:]:
                if word == "main:":
                    target = part.main_words
                elif word != "-":
                    target.append(word)
            parts[part.name] = part
    for part in parts.values():
        for word in part.words + part.main_words:
            name = word.lstrip("!")
            if not name.startswith("@") and not name.endswith(".h") and name not in parts:
                sys.exit(f"{path}: {part.name} names the unknown part {name}")
    return parts


def part_of(path, parts):
    """The part with the longest name that path lies in, or None."""
    found = None
    for name in parts:
        if path.startswith(name + "/") and (found is None or len(name) > len(found)):
            found = name
    return parts.get(found)


def word_allows(word, path, part):
    if word.startswith("@"):
        return part.level <= int(word[1:])
    return word == path if word.endswith(".h") else word == part.name


def allowed(source, part, path, target, is_main):
    if target is part:
        return True
    words = part.words + (part.main_words if is_main else [])
    if any(word.startswith("!") and word[1:] in (target.name, path) for word in words):
        return False
    return any(word_allows(word, path, target) for word in words if not word.startswith("!"))


def check_include(source, path, parts):
    """What is wrong with source's line that includes path, or None."""
    if not os.path.exists(os.path.join(TOP, path)):
        return f'includes "{path}", which is no path from the source root'
    target = part_of(path, parts)
    if source.startswith("tests/"):
        # A test may use the ground floor, whatever its part may see, and what tests share.
        if not source.startswith("tests/unit/") or path.startswith(("tests/", "engine/base/")):
            return None
        part = part_of(source[len("tests/unit/"):], parts)
        is_main = True
    else:
        part = part_of(source, parts)
        is_main = source == f"{part.name}/main.c" or source.endswith("/main.c")
        if path.endswith("-internal.h") and os.path.dirname(path) != os.path.dirname(source):
            return f'includes "{path}", which is internal to its folder'
    if target is None:
        return f'includes "{path}", whose folder tests/lint/layers does not name'
    if part is None or allowed(source, part, path, target, is_main):
        return None
    return f'includes "{path}": {part.name} (level {part.level}) must not see {target.name}' \
           f" (level {target.level})"


def check_file(source, parts):
    with open(os.path.join(TOP, source), encoding="utf-8", errors="replace") as f:
        lines = f.read().split("\n")
    if SPDX not in lines[0]:
        yield 1, "the first line is not the licence (SPDX-License-Identifier: Apache-2.0)"
    if len(lines) < 2 or not re.match(r"\s*/[*/]", lines[1]):
        yield 2, "no comment that says what the file is for"
    if source.endswith(".h") and "#pragma once" not in lines:
        yield 1, "a header without #pragma once"
    if not source.startswith("tests/") and part_of(source, parts) is None:
        yield 1, "lies in a folder that tests/lint/layers does not name"
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        problem = check_include(source, match.group(1), parts) if match else None
        if problem:
            yield number, problem


def main(files):
    parts = read_table(os.path.join(TOP, "tests/lint/layers"))
    bad = set()
    for source in files:
        for number, problem in check_file(source, parts):
            print(f"{source}:{number}: {problem}")
            bad.add(source)
    print(f"includes: {len(files) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
