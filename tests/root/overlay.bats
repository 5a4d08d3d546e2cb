#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bryo-overlay beside the kernel's overlay as real root mounts it, with trusted.* attributes: what
# one leaves of redirects the other reads.
load ../lib/bryo

setup() {
	export OVERLAY=${BRYO%/*}/bryo-overlay
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
}
teardown() { cd / && rm -rf "$BATS_TEST_TMPDIR/w"; }

# inside: the script on standard input, in a mount namespace of its own; prelude first.
inside() {
	{ cat <<-'EOF'; cat; } >script
		set -eux
		mkdir -p a/d/sub/deep a/e a/x b/d/sub b/y up work m
		echo 1 >a/d/f; echo 2 >b/d/g; echo d >a/d/sub/deep/f; echo s >b/d/sub/s; echo x >a/x/f; echo y >b/y/f
		kernel() { mount -t overlay overlay -o "redirect_dir=on,lowerdir=a:b,upperdir=up,workdir=work" m; }
		ours() { "$OVERLAY" -o "redirect_dir=$1,lowerdir=a:b,upperdir=up,workdir=$PWD/work" m; }
		down() { umount m; while pgrep -f "workdir=$PWD/work" >/dev/null; do sleep 0.02; done; }
		# mv(1) copies where rename(2) is refused, and no redirect would be there.
		change() {
			mv m/d m/moved; mv m/moved/sub m/e/s2; mv m/x m/e/s2/x; mkdir m/d; echo new >m/d/n
			mv m/e m/c; mv m/y m/x; echo more >>m/c/s2/deep/f; mv m/c/s2/x m/c/x2
		}
		all() { (cd m; find . -type f | sort | xargs grep -H .; find . | sort); }
		redirects() { (cd up; find . -type d | sort | while read -r f; do echo "$f $(getfattr --only-values -n "$1.overlay.redirect" "$f" 2>/dev/null)"; done); }
		is() { [ "$1" = "$2" ] || { echo "got '$1', expected '$2': ${3:-}"; exit 1; }; }
	EOF
	run timeout 100 unshare -m --propagation private bash script
	[ "$status" != 77 ] || skip "the kernel's overlay with redirect_dir=on cannot be mounted here"
	[ "$status" = 0 ] || { echo "$output"; false; }
}

@test "redirects that the kernel's overlay made are followed, and go on" {
	inside <<-'EOF'
		kernel 2>/dev/null || exit 77
		change; before=$(all); umount m
		ours follow; is "$(all)" "$before"; down
		ours on; mv m/moved m/c/again; mv m/c/s2 m/c/s3; is "$(cat m/c/again/g m/c/s3/s)" "2
		s"
		before=$(all); down; ours follow; is "$(all)" "$before" "renamed again"; down
	EOF
}

@test "redirects are the kernel's, byte by byte, and it follows them" {
	inside <<-'EOF'
		kernel 2>/dev/null || exit 77
		change; before=$(all) theirs=$(redirects trusted); umount m; rm -rf up work; mkdir up work
		ours on; change; is "$(all)" "$before"; down
		is "$(redirects user)" "$theirs"
		find up -type d | while read -r f; do
			for k in redirect opaque; do
				! v=$(getfattr --only-values -n "user.overlay.$k" "$f" 2>/dev/null) || setfattr -n "trusted.overlay.$k" -v "$v" "$f"
			done
		done
		rm -r work; mkdir work; kernel; is "$(all)" "$before"; umount m
	EOF
}
