# SPDX-License-Identifier: Apache-2.0
# For suites about bryo-overlay itself: load ../lib/overlay after ../lib/bryo. Each test gets a folder
# of its own, and runs its script in namespaces with all ids mapped.

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
