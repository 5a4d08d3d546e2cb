# SPDX-License-Identifier: Apache-2.0
# The same commands give the same output and exit status as Podman's: run beside it where it is
# installed, else against the record of it beside this file (tests/compat/record makes that).
load ../lib/bryo

setup_file() {
	fresh_home
	import_tiny
	cp "$ROOTFS" rootfs.tar
	export PEER=""
	if command -v podman >/dev/null && [ "$(podman --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 5 ]; then
		mkdir -p "$BATS_FILE_TMPDIR/peer"
		(HOME=$BATS_FILE_TMPDIR/peer podman import -q "$ROOTFS" tiny >/dev/null) && PEER=podman
	fi
}
teardown_file() {
	[ -z "$PEER" ] || (HOME=$BATS_FILE_TMPDIR/peer; podman rm -af -t 0; podman unshare rm -rf "$HOME") >/dev/null 2>&1
	remove_all
}

# Cases whose difference is meant, each with its reason, are in tests/compat/differences.
agree() {	# NAME
	local cases=$BATS_TEST_DIRNAME/$1.cases expected=$BATS_TEST_DIRNAME/$1.expected
	if [ -n "$PEER" ]; then
		expected=$BATS_FILE_TMPDIR/$1.live
		(HOME=$BATS_FILE_TMPDIR/peer; cd "$HOME"; cp -n "$ROOTFS" rootfs.tar; podman --version
			"$BATS_TEST_DIRNAME/run" podman "$cases") >"$expected"
	fi
	"$BATS_TEST_DIRNAME/run" "$BRYO ${BRYO_FLAGS:-}" "$cases" >"$BATS_FILE_TMPDIR/$1.ours"
	bryo rm -af -t 0 >/dev/null
	python3 "$BATS_TEST_DIRNAME/compare.py" "$expected" "$BATS_FILE_TMPDIR/$1.ours" "$BATS_TEST_DIRNAME/differences"
}

@test "run: exit statuses, environment, users, what is inside" { agree run; }
@test "life: create, start, stop, kill, wait, rm" { agree life; }
@test "ps and inspect: columns, filters, templates, fields" { agree ps; }
@test "images: import, tag, images, history, inspect, rmi" { agree images; }
@test "volumes and mounts" { agree volumes; }
@test "refusals: exit statuses of what is wrong" { agree refusals; }
@test "help: the flags of every command, and the words of refusals" { agree help; }
