#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two outputs of tests/compat/run: compare.py EXPECTED OURS DIFFERENCES

DIFFERENCES lists cases that are meant to differ: the case's line, and below it, indented, why. One that
agrees after all, or that no file has, is of no use and should be taken out: that is said, too.
"""
import sys


def blocks(path):
    """{line of the case: (output, status)} in order; a first line without "$ " is a version."""
    found, case = {}, None
    with open(path, errors="replace") as f:
        for line in f.read().splitlines():
            if line.startswith("$ "):
                case = line[2:]
                while case in found:
                    case += " "         # the same line again is another case
                found[case] = []
            elif case is not None:
                found[case].append(line)
    return found


def main(expected_path, ours_path, differences_path):
    expected, ours = blocks(expected_path), blocks(ours_path)
    with open(differences_path) as f:
        meant = {line.rstrip("\n") for line in f if line[:1] not in ("", "#", " ", "\t", "\n")}
    bad = 0
    if not expected:
        print(f"{expected_path} holds no case")
        bad += 1
    for case, want in expected.items():
        have = ours.get(case)
        if have == want:
            if case in meant:
                print(f"agrees after all, take it out of the differences: {case}")
                bad += 1
            continue
        if case in meant:
            continue
        bad += 1
        print(f"$ {case}")
        for line in want:
            print(f"  podman: {line}")
        for line in have or ["(not run)"]:
            print(f"  bryo:   {line}")
    for case in ours.keys() - expected.keys():
        print(f"not in the record, make it anew: {case}")
        bad += 1
    print(f"{len(expected) - bad} of {len(expected)} cases agree")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
