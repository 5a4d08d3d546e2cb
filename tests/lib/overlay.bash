# SPDX-License-Identifier: Apache-2.0
# For suites about bryo-overlay itself: load ../lib/overlay after ../lib/bryo. Each test gets a folder
# of its own, and runs its script in namespaces with all ids mapped.

# Makes three layers for fs-model: whiteouts, an opaque folder, hard links, a file where others have a folder.
# shellcheck disable=SC2034 # for suites
layers='mkdir -p l1 l2 l3; for l in l1 l2 l3; do for d in a b dir sub; do mkdir -p $l/$d; for f in c d file; do echo $l $d $f >$l/$d/$f; done; done
	mkdir -p $l/dir/sub/a; echo deep >$l/dir/sub/a/file; ln -s to-$l $l/link; done
	rm -r l1/b l1/dir/c; mknod l1/b c 0 0; setfattr -n user.overlay.opaque -v y l1/sub; head -c 9000 /dev/urandom >l2/file
	mkfifo l3/d; echo linked >l2/c; ln l2/c l2/dir/b; ln l2/c l2/dir/sub/b; ln l2/c l2/a/b
'

setup() {
	OVERLAY=${BRYO%/*}/bryo-overlay
	for program in fs-model fs-calls fs-cases; do
		[ -x "$BRYO_WORK/$program" ] || skip "no C compiler: $program was not built"
	done
	export OVERLAY CALLS=$BRYO_WORK/fs-calls MODEL=$BRYO_WORK/fs-model CASES=$BRYO_WORK/fs-cases
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
}

# Removes what belongs to subordinate ids, too.
teardown() {
	cd /
	"$BRYO" unshare rm -rf "$BATS_TEST_TMPDIR/w"
}

# inside: the script on standard input, with all ids mapped and a mount namespace; prelude first.
inside() {
	{ cat <<-'EOF'; cat; } >script
		set -eux
		lay() { # lay LOWER:... [OPTIONS]: at m, with up and work
			mkdir -p up work m
			"$OVERLAY" -o "lowerdir=$1,upperdir=up,workdir=$PWD/work${2:+,$2}" m
		}
		kernel() { mount -t overlay overlay -o "userxattr,lowerdir=$1,upperdir=up,workdir=work" m; }
		# Waits for the daemon's end: it may write until then.
		down() { umount m; while pgrep -f "workdir=$PWD/work" >/dev/null; do sleep 0.02; done; }
		is() { [ "$1" = "$2" ] || { echo "got '$1', expected '$2': ${3:-}"; exit 1; }; }
	EOF
	run timeout 100 "$BRYO" unshare bash script
	[ "$status" = 0 ] || { echo "$output"; false; }
}
