#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What POSIX and Linux say of calls on files, case by case (tests/lib/fs-cases.c): on an ordinary
# folder, to know that the cases are right, and on bryo-overlay, on names that are new in the upper
# folder and on names of a lower layer, which each change copies up.
load ../lib/bryo
load ../lib/overlay

setup_file() { fresh_home; }
teardown_file() { remove_all; }

# Copies are not synced (volatile): no case is about that, and it takes long on a slow disk.
cases='stage() { # stage FOLDER [OPTION...]: on what was just made in it
		mkdir -m 755 -p $1/cases; "$CASES" prepare $1/cases
		sleep 0.05 # times have to differ from then on
		"$CASES" run $1/cases "${@:2}" >log || { cat log; exit 1; }
		cat log
	}
	below() { # of a lower layer; fs-cases.h says what the options stand for
		mkdir -p l/cases; "$CASES" prepare l/cases; sleep 0.05; lay l "$@"
		"$CASES" run m/cases --folders-stay --folders-uncounted --links-untimed >log || { cat log; exit 1; }
		cat log
	}'

@test "cases: an ordinary folder" {
	inside <<-EOF
		$cases
		stage .
	EOF
}

@test "cases: names of the upper folder" {
	inside <<-EOF
		$cases
		mkdir l; lay l volatile; stage m
	EOF
}

@test "cases: names of the upper folder, without the writeback cache" {
	inside <<-EOF
		$cases
		mkdir l; lay l volatile,nowriteback; stage m
	EOF
}

@test "cases: names of a lower layer" {
	inside <<-EOF
		$cases
		below volatile
	EOF
}

@test "cases: names of a lower layer, without the writeback cache" {
	inside <<-EOF
		$cases
		below volatile,nowriteback
	EOF
}

@test "cases: names of the upper folder, with remembered owners" {
	inside <<-EOF
		$cases
		mkdir l; lay l volatile,xattr_permissions=2; stage m
	EOF
}

@test "cases: names of a lower layer, with remembered owners" {
	inside <<-EOF
		$cases
		below volatile,xattr_permissions=2
	EOF
}

@test "cases: names of the upper folder, with a quota" {
	inside <<-EOF
		$cases
		mkdir l; lay l volatile,size=1g,inodes=100000; stage m
	EOF
}
