#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bryo-overlay by itself: what a union of folders looks like from above, what changes leave below,
# and that the kernel's overlay sees the same. Each test mounts in namespaces of its own.
load ../lib/bryo
load ../lib/overlay

setup_file() { fresh_home; }
teardown_file() { remove_all; }

@test "layers are merged, the highest first, and whiteouts of all kinds hide" {
	inside <<-'EOF'
		mkdir -p a/d/opaque b/d/opaque c/d
		echo a >a/same; echo b >b/same; echo c >c/only-c; echo b >b/d/in-b; echo a >a/d/in-a
		echo x >b/gone-dev; mknod a/gone-dev c 0 0
		echo x >b/gone-wh; : >a/.wh.gone-wh
		echo x >b/gone-up; mkdir -p up/.wh.gone-up # in the upper folder, and whatever the mark is
		echo x >c/d/gone-below; : >b/d/.wh.gone-below
		echo x >b/d/opaque/hidden; setfattr -n user.overlay.opaque -v y a/d/opaque
		mkdir -p a/oci b/oci; : >a/oci/.wh..wh..opq; echo x >b/oci/hidden; echo y >a/oci/seen
		lay a:b:c
		is "$(cat m/same)" a
		is "$(ls m | tr '\n' ' ')" "d oci only-c same "
		is "$(ls m/d | tr '\n' ' ')" "in-a in-b opaque "
		is "$(ls -A m/d/opaque)" ""
		is "$(ls -A m/oci)" seen
		! cat m/gone-dev 2>/dev/null
		! cat m/gone-wh 2>/dev/null
		! cat m/.wh.gone-wh 2>/dev/null
		! touch m/.wh.x 2>/dev/null
		! mknod m/white c 0 0 2>/dev/null
	EOF
}

@test "500 layers" {
	inside <<-'EOF'
		list=
		for i in $(seq 500); do mkdir -p l$i/d; echo $i >l$i/d/f$i; list=$list:l$i; done
		lay "${list#:}"
		is "$(ls m/d | wc -l)" 500
		is "$(cat m/d/f500)" 500
		rm m/d/f500
		is "$(ls m/d | wc -l)" 499
	EOF
}

@test "a copy keeps owner, mode, times, attributes, ACLs, holes and its inode number" {
	inside <<-'EOF'
		mkdir -p l/d; ln -s to l/d/link
		truncate -s 8M l/d/f; echo data | dd of=l/d/f bs=1M seek=3 conv=notrunc status=none
		setfattr -n user.mine -v 1 l/d/f
		! command -v setfacl >/dev/null || setfacl -m u:5:rw l/d/f
		chown 33:44 l/d/f; chmod 4750 l/d/f; touch -d '2001-02-03 04:05:06.123456789' l/d/f
		touch -d '2001-02-03 04:05:06.5' l/d
		lay l
		look() { stat -c '%n %u:%g %a %Y %y %i %h' m/d/f; getfattr -d -m - m/d/f 2>/dev/null; }
		before=$(look) folder=$(stat -c '%y %i' m/d)
		exec 3>>m/d/f; exec 3>&- # opened for writing alone changes nothing
		[ ! -e up/d/f ]
		setfattr -n user.other -v 2 m/d/f; setfattr -x user.other m/d/f
		[ -e up/d/f ]
		is "$(look)" "$before"
		is "$(stat -c '%y %i' m/d)" "$folder" "the folder above"
		[ "$(stat -c %b up/d/f)" -lt 2000 ] || { echo "holes were filled"; exit 1; }
		cmp m/d/f l/d/f
		down; lay l
		is "$(look)" "$before" "mounted again"
		number=$(stat -c %i m/d/link); chown -h 7 m/d/link; is "$(stat -c %i:%u m/d/link)" "$number:7"
		down; lay l
		is "$(stat -c %i:%u m/d/link)" "$number:7" "a symlink, mounted again"
		echo more >>m/d/f # as root: set-id bits go only for others
		is "$(stat -c %i m/d/f)" "$(echo "$before" | sed -n '1s/.* \([0-9]*\) 1$/\1/p')"
	EOF
}

@test "hard links of a layer stay links when one of them is written" {
	inside <<-'EOF'
		mkdir -p l/x; echo old >l/a; ln l/a l/b; ln l/a l/x/c; ln l/a l/y
		lay l
		rm m/y; sync; [ ! -e up/a ] || { echo "a name that goes copies the file"; exit 1; }
		echo new >>m/b
		is "$(cat m/a)" "old
		new"
		is "$(stat -c %i:%h m/a)" "$(stat -c %i:%h m/x/c)"
		is "$(stat -c %h m/a)" 3
		down; kernel l
		is "$(cat m/x/c)" "old
		new"
	EOF
}

@test "renames: files, folders of their own, exchange, no replace; EXDEV for merged folders" {
	inside <<-'EOF'
		mkdir -p l/d l/empty; echo f >l/f; echo g >l/g; echo in >l/d/in
		lay l
		mv m/f m/d/f2; is "$(cat m/d/f2)" f; [ ! -e m/f ]
		is "$("$CALLS" rename 0 m/d m/e)" "rename: Invalid cross-device link"
		is "$("$CALLS" rename 4 m/g m/h)" "rename: Invalid argument" "RENAME_WHITEOUT"
		mkdir m/new; echo n >m/new/n; "$CALLS" rename 0 m/new m/empty
		is "$(ls m/empty)" n; is "$(getfattr --only-values -n user.overlay.opaque up/empty)" y
		echo h >m/h; "$CALLS" rename 2 m/g m/h; is "$(cat m/g m/h)" "h
		g"
		is "$("$CALLS" rename 1 m/g m/h)" "rename: File exists"
		mkdir m/d3; rm m/d/in; mv m/d3 m/d/in; [ -d m/d/in ]
		mv m/d m/moved 2>/dev/null # by copying
		is "$(ls m/moved | tr '\n' ' ')" "f2 in "
		down; kernel l
		is "$(ls m/moved | tr '\n' ' ')" "f2 in "; is "$(cat m/g)" h; [ ! -e m/f ]
	EOF
}

@test "redirects: merged folders are renamed, within a folder and to others, and back" {
	inside <<-'EOF'
		mkdir -p a/d/sub/deep b/d/sub a/e b/gone; echo a >a/d/f; echo b >b/d/g; echo s >b/d/sub/s; echo x >a/d/sub/deep/x; echo e >a/e/e
		red() { getfattr --only-values -n user.overlay.redirect "up/$1" 2>/dev/null || true; }
		all() { (cd m && find . -type f | sort | xargs grep -H . && find . -type d -printf '%p %i\n' | sort); }
		lay a:b redirect_dir=on
		[ ! -e work/fuse-overlay-only ]
		mv m/e m/pure 2>/dev/null; [ -e work/fuse-overlay-only ]; is "$(red pure)" e
		number=$(stat -c %i m/d/sub m/d | tr '\n' ' ')
		"$CALLS" rename 0 m/d m/moved; is "$(red moved)" d; is "$(ls m | tr '\n' ' ')" "gone moved pure "
		is "$(cat m/moved/f m/moved/g | tr '\n' ' ')" "a b "; [ ! -e up/moved/g ]; [ ! -e m/d ]
		echo more >>m/moved/g; echo new >m/moved/new; rm m/moved/f; is "$(ls m/moved | tr '\n' ' ')" "g new sub "
		mkdir m/own; "$CALLS" rename 0 m/moved/sub m/own/s2; is "$(red own/s2)" /d/sub
		"$CALLS" rename 0 m/own m/own2; is "$(cat m/own2/s2/s m/own2/s2/deep/x | tr '\n' ' ')" "s x "
		"$CALLS" rename 0 m/own2/s2/deep m/deep; is "$(red deep)" /d/sub/deep; is "$(ls m/own2/s2)" s
		is "$(stat -c %i m/own2/s2 m/moved | tr '\n' ' ')" "$number"
		mkdir m/d; : >m/d/anew; is "$(ls m/d)" anew
		"$CALLS" rename 0 m/deep m/gone; is "$(ls m/gone)" x # over an empty one of a layer
		"$CALLS" rename 2 m/gone m/moved; is "$(cat m/moved/x m/gone/g | tr '\n' ' ')" "x b more "
		before=$(all); down; lay a:b redirect_dir=on; is "$(all)" "$before" "mounted again"
		"$CALLS" rename 2 m/gone m/moved; rm -r m/d; "$CALLS" rename 0 m/moved m/d; is "$(ls m/d | tr '\n' ' ')" "g new "
		rm -r m/d; mkdir m/d; is "$(ls -A m/d)" ""; mv m/pure m/e; is "$(cat m/e/e)" e
		before=$(all); down; lay a:b redirect_dir=follow; is "$(all)" "$before"
		is "$("$CALLS" rename 0 m/e m/f)" "rename: Invalid cross-device link"
		before=$(all | sed 's/ [0-9]*$//'); down; mv up c; rm -r work; lay c:a:b redirect_dir=on; is "$(all | sed 's/ [0-9]*$//')" "$before" "as a layer"
		"$CALLS" rename 0 m/own2 m/own3; "$CALLS" rename 0 m/own3/s2 m/s3; is "$(cat m/s3/s)" s; is "$(red s3)" /own2/s2
		before=$(all); down; lay c:a:b redirect_dir=on; is "$(all)" "$before" "redirects of two layers"
	EOF
}

@test "redirects: hard links of a layer stay links in folders that were moved" {
	inside <<-'EOF'
		mkdir -p l/d/in l/e; echo old >l/a; ln l/a l/d/in/b; ln l/a l/e/c
		lay l redirect_dir=on; "$CALLS" rename 0 m/d m/e/d; "$CALLS" rename 0 m/e m/f
		echo new >>m/a; is "$(cat m/f/d/in/b)" "old
		new"; is "$(stat -c %h:%i m/f/c m/f/d/in/b | uniq | wc -l)" 1
		down; rm -r up work; lay l redirect_dir=on; "$CALLS" rename 0 m/d m/e/d; "$CALLS" rename 0 m/e m/f
		down; lay l redirect_dir=follow; echo new >>m/f/c; is "$(cat m/f/d/in/b)" "$(cat m/a)" "mounted again"
	EOF
}

@test "redirects that are forged lead nowhere, and none is followed unless told" {
	inside <<-'EOF'
		mkdir -p l/a/b l/z l2/a out up work m; echo in >l/a/in; echo z >l/z/z; echo out >out/secret; ln -s "$PWD/out" l/link; ln -s ../../out l2/a/link
		try() { # try VALUE OPTION: what is in up/d then
			rm -rf up work; mkdir -p up/d/own work; setfattr -n user.overlay.redirect -v "$1" up/d
			lay l:l2 "redirect_dir=$2"
			ls m/d 2>&1 | sed 's/.*: //' | tr '\n' ' '; is "$(ls m | tr '\n' ' ')" "a d link z " >&2; down
		}
		for v in "" . .. / // a/b /a/ //a /a//b /../out /a/../../out /a/./b "$(printf 'x%.0s' $(seq 300))" "/$(printf 'x%.0s' $(seq 300))"; do
			is "$(try "$v" on)" "Invalid argument " "$v"
		done
		is "$(try a on)" "b in link own "; is "$(try /a/b follow)" "own "; is "$(try /z follow)" "own z "
		for v in nothing /no/where link /link /link/secret /a/link /a/in /a/in/more; do is "$(try "$v" on)" "own " "$v"; done
		for v in off nofollow; do is "$(try a $v)" "Operation not permitted "; done
		# What a kill leaves before the rename: it leads to where it is.
		for v in a /a; do
			rm -rf up work; mkdir -p up/a; setfattr -n user.overlay.redirect -v $v up/a; lay l:l2 redirect_dir=on
			is "$(ls m/a | tr '\n' ' ')" "b in link "; "$CALLS" rename 0 m/a m/n; is "$(ls m/n | tr '\n' ' ')" "b in link "; is "$(ls m | tr '\n' ' ')" "link n z "; down
		done
		# One folder in two places, and one inside of itself.
		rm -rf up work; mkdir -p up/x up/y up/a/b; for i in x y; do setfattr -n user.overlay.redirect -v a up/$i; done
		setfattr -n user.overlay.redirect -v /a up/a/b
		lay l:l2 redirect_dir=on; ls -R m >/dev/null 2>&1 || true; cat m/x/in m/y/in >/dev/null; mv m/x m/a/b/x; mv m/y m/a/b/x/y
		ls -R m >/dev/null 2>&1 || true; is "$(cat m/z/z)" z
	EOF
}

@test "a removed folder's lower parts are not taken for another's" {
	inside <<-'EOF'
		for i in $(seq 60); do mkdir -p a/d$i b/d$i a/e$i b/e$i; echo $i >b/e$i/f; done
		lay a:b; ls m/d* >/dev/null; rmdir m/d*; sync; sleep 0.3
		for i in $(seq 60); do is "$(cat m/e$i/f)" $i; done
	EOF
}

@test "files without names, unlinked ones, mappings, locks, holes, birth times" {
	inside <<-'EOF'
		mkdir l; echo old-text >l/f; echo page >l/map; truncate -s 1M l/holes; echo x | dd of=l/holes bs=1k seek=512 conv=notrunc status=none
		lay l
		"$CALLS" tmpfile m m/named; is "$(cat m/named)" nameless; is "$(stat -c %h:%a m/named)" 1:640
		is "$("$CALLS" unlinked m/f)" "0 links: NEW-text"
		is "$("$CALLS" map m/map)" "shared S, read S, private P"
		is "$("$CALLS" locks m/named)" excluded
		is "$("$CALLS" seek m/holes)" "data 524288 hole 528384 data -1"
		is "$("$CALLS" unsynced m/fresh)" "data 0 hole 4096 data 524288"
		[ "$("$CALLS" btime m/named)" != 0 ]
		fallocate -p -o 0 -l 4096 m/fresh; is "$("$CALLS" seek m/fresh)" "data 524288 hole 528384 data -1"
		! fallocate -c -o 0 -l 4096 m/fresh 2>err; grep -qi "not supported" err
		mkfifo m/fifo; mknod m/sock p; is "$(stat -c %F m/fifo)" fifo
	EOF
}

@test "attributes: names arrive whole, overlay's own are hidden and escaped" {
	inside <<-'EOF'
		mkdir l; : >l/f; setfattr -n user.overlay.opaque -v y l/f
		lay l
		name=user.a-name-of-some-length; setfattr -n $name -v value m/f
		is "$(getfattr --only-values -n $name m/f)" value
		is "$(getfattr -d -m - m/f | grep -c user)" 1
		setfattr -n user.overlay.mine -v kept m/f
		is "$(getfattr --only-values -n user.overlay.mine m/f)" kept
		is "$(getfattr --only-values -n user.overlay.overlay.mine up/f)" kept
		setfattr -x user.overlay.mine m/f
		! getfattr -n user.overlay.mine m/f 2>/dev/null
		! setfattr -n user.fuseoverlayfs.opaque -v y m 2>/dev/null; ! setfattr -x user.fuseoverlayfs.opaque m 2>/dev/null
		big=$(printf 'x%.0s' $(seq 1500)); setfattr -n user.big -v "$big" m/f
		is "$(getfattr --only-values -n user.big m/f)" "$big"
	EOF
}

@test "owners: maps and squashing" {
	inside <<-'EOF'
		mkdir l; : >l/f; chown 5:6 l/f
		lay l uidmapping=0:1000:10,gidmapping=0:2000:10
		is "$(stat -c %u:%g m/f)" 1005:2006
		chown 1001:2002 m/f; is "$(stat -c %u:%g m/f)" 1001:2002; is "$(stat -c %u:%g up/f)" 1:2
		! chown 7 m/f 2>/dev/null
		down
		lay l squash_to_root; is "$(stat -c %u:%g m/f)" 0:0; : >m/new; chown 9 m/new; is "$(stat -c %u:%g m/new)" 0:0; down
		lay l squash_to_uid=7,squash_to_gid=8; is "$(stat -c %u:%g m/f)" 7:8
	EOF
}

@test "new files belong to who made them, with umask, set-group-id and default ACL" {
	inside <<-'EOF'
		mkdir -p l/sg l/pub; chgrp 77 l/sg; chmod 2777 l/sg; chmod 1777 l/pub; chmod 755 l
		! command -v setfacl >/dev/null || setfacl -d -m u:5:rwx l/pub
		lay l
		as() { setpriv --reuid 33 --regid 44 --clear-groups sh -c "$1"; }
		as 'umask 027; echo x >m/pub/f; mkdir m/pub/d; echo y >m/sg/f; mkdir m/sg/d'
		is "$(stat -c %u:%g m/pub/f m/sg/f m/sg/d | tr '\n' ' ')" "33:44 33:77 33:77 "
		is "$(stat -c %a m/sg/f m/sg/d | tr '\n' ' ')" "640 2750 "
		! command -v setfacl >/dev/null || getfacl -ncp m/pub/f | grep -q '^user:5:'
		! as 'echo x >m/sg/../no' 2>/dev/null
		! as 'rm m/pub/f; rm -r m/sg; touch m/pub/../x' 2>/dev/null
		cp /bin/true m/suid; chmod 4777 m/suid; as 'echo >>m/suid'; is "$(stat -c %a m/suid)" 777
		chmod 4777 m/suid; as 'fallocate -l 100000 m/suid'; is "$(stat -c %a m/suid)" 777 "by fallocate(2)"
		rm -r m/sg; mkdir m/sg; is "$(ls -A m/sg)" ""
	EOF
}

@test "listings beside changes show each file that stays once" {
	inside <<-'EOF'
		mkdir l; for i in $(seq 0 1999); do : >l/stays-$i; done
		lay l
		"$CALLS" churn m 2000
	EOF
}

@test "many merged folders are deleted one after another" {
	inside <<-'EOF'
		for i in $(seq 300); do mkdir -p l/$i l2/$i/d; echo x >l2/$i/d/x; echo y >l2/$i/y; done
		lay l:l2
		for i in $(seq 300); do is "$(ls m/$i)" "d
		y"; rm -r m/$i/d; is "$(ls m/$i)" y; done
	EOF
}

@test "8 writers append to one file" {
	inside <<-'EOF'
		mkdir l; : >l/f
		lay l; "$CALLS" writers m/f 8
		is "$(wc -l <m/f)" 4000; is "$(sort m/f | uniq -c | awk '{print $1}' | tr '\n' ' ')" "500 500 500 500 500 500 500 500 "
	EOF
}

@test "a dead daemon is no dead folder: the mount says so and can be taken away" {
	inside <<-'EOF'
		mkdir l up work m
		"$OVERLAY" -f -o lowerdir=l,upperdir=up,workdir=work m & pid=$!
		until mountpoint -q m; do sleep 0.05; done
		: >m/f
		kill -KILL $pid; wait $pid || true
		! ls m 2>err; grep -q "not connected" err
		umount m; lay l; [ -e m/f ]
	EOF
}

@test "whiteouts that are files with an attribute: in folders that say so, as the kernel has it" {
	inside <<-'EOF'
		white() { : >"$1"; setfattr -n user.overlay.whiteout -v "${2-y}" "$1"; }
		says() { setfattr -n user.overlay.opaque -v "$1" "$2"; }
		mkdir -p a/d b/d/sub a/plain b/plain c/d/sub c/last; for f in gone full kept; do echo $f >b/$f; echo $f >b/d/$f; echo $f >b/plain/$f; echo s >c/d/sub/$f; done
		says x a; says x a/d; white a/gone; white a/d/gone ""; echo more >a/full; setfattr -n user.overlay.whiteout -v y a/full; : >a/d/kept
		white a/d/sub; says x b/d/sub; white b/d/sub/gone
		all() { (cd m && find . | sort && cat full d/full plain/gone d/kept); }
		lay a:b:c; seen=$(all)
		is "$(ls m | tr '\n' ' ')" "d full kept last plain "; is "$(ls m/d | tr '\n' ' ')" "full kept "; is "$(cat m/full)" more
		is "$(cat m/d/gone m/d/sub m/gone 2>&1 | grep -c 'No such file')" 3
		mkdir m/d/sub; is "$(ls -A m/d/sub)" ""; echo new >m/d/gone; rm m/d/gone; rmdir m/d/sub; is "$(all)" "$seen"
		mv m/d/full m/d/gone; mv m/d/gone m/d/full; rm -r m/d; [ ! -e m/d ]; mkdir m/d; is "$(ls -A m/d)" ""
		down; rm -r up work; mkdir up work; kernel a:b:c; is "$(all)" "$seen" "the kernel's"; umount m
		# The lowest layer has nothing to hide, and shows none of them either; nor does one alone.
		says x c/last; white c/last/f; white c/last/g; : >c/last/h
		rm -r up work; lay a:b:c; is "$(ls m/last)" h; ! cat m/last/g 2>/dev/null; down; rm -r up work; lay c; is "$(ls m/last)" h; ! cat m/last/f 2>/dev/null
		! setfattr -x user.overlay.whiteout m/last/h 2>/dev/null; setfattr -n user.overlay.whiteout -v y m/last/h; setfattr -n user.overlay.opaque -v x m/last; down; lay c; is "$(ls m/last)" h
		# Without the folder's word they are files to us (the kernel lists them, too, and finds none).
		down; rm -r up work; white a/plain/f; lay a:b:c; is "$(ls m/plain | tr '\n' ' ')" "f full gone kept "
	EOF
}

# Nested: the inner overlay's layers, upper and work folders lie on an outer one, in m/m, ... each.
nest='nest() { for at in $1; do cd m; lay l1:l2:l3 ${2-}; done; }
	unnest() { for at in $1; do down; cd ..; done; }
	all() { (cd m && find . -printf "%p %y %m %U:%G %s %l\n" | sort && find . -type f | sort | xargs cat); }
'

@test "an overlay on an overlay: deletes, new files, renames, and both mounted again" {
	inside <<-EOF
		$nest
		mkdir l; (cd l; mkdir -p l1/d/e l2/d/e l3; echo f >l2/d/f; echo g >l2/d/g; echo e >l1/d/e/e; echo e2 >l2/d/e/e2; echo x >l3/x; mkdir l3/empty)
		lay l; nest 1
		[ -e work/fuse-overlay-only ]
		rm m/d/f; is "\$(ls m/d | tr '\\n' ' ')" "e g "; ! cat m/d/f 2>/dev/null; [ ! -s up/d/f ] && [ -e up/d/f ]
		is "\$(getfattr --only-values -n user.overlay.opaque up/d)" x; is "\$(getfattr --only-values -n user.overlay.overlay.opaque ../up/up/d)" x
		[ -e ../up/up/d/f ] || { echo "not in the outer upper"; exit 1; }
		echo again >m/d/f; is "\$(cat m/d/f)" again; rm m/d/f; mkdir m/d/f; is "\$(ls -A m/d/f)" ""; rmdir m/d/f; ln m/x m/d/f; is "\$(cat m/d/f)" x; rm m/d/f; ln -s to m/d/f; rm m/d/f
		mv m/d/g m/d/h; is "\$(ls m/d | tr '\\n' ' ')" "e h "; mv m/d/h m/d/f; mv m/x m/d/f; is "\$(cat m/d/f)" x; is "\$(ls m | tr '\\n' ' ')" "d empty "
		is "\$("\$CALLS" rename 0 m/d m/e)" "rename: Invalid cross-device link"
		mkdir m/new; echo n >m/new/n; "\$CALLS" rename 0 m/new m/x; "\$CALLS" rename 0 m/x m/empty; is "\$(ls m)" "d
		empty"; "\$CALLS" rename 0 m/empty m/x; is "\$(ls m/x)" n; mkdir m/empty; is "\$(ls -A m/empty)" ""
		rm -r m/d/e; [ ! -e m/d/e ]; mkdir m/d/e; is "\$(ls -A m/d/e)" ""; : >m/d/e/own; rm -r m/d/e; ! rmdir m/d 2>/dev/null; rm m/d/f; rmdir m/d; [ ! -e m/d ]
		mkdir m/d; is "\$(ls -A m/d)" ""; rmdir m/d; echo file >m/d
		# What looks empty holds whiteouts: a folder comes over it.
		mkdir m/over; echo o >m/over/o; rm -rf m/empty; is "\$(ls m | tr '\\n' ' ')" "d over x "
		seen=\$(all); unnest 1; down; lay l; nest 1; is "\$(all)" "\$seen"
		unnest 1; is "\$(find m -name '.wh.*' -o -type c)" ""; cd m; mv up l0; rm -r work; lay l0:l1:l2:l3; is "\$(all)" "\$seen" "as a layer"
		down; mkdir none; mount -t overlay overlay -o userxattr,lowerdir=none:l0:l1:l2:l3 m; is "\$(all)" "\$seen" "the kernel's"; umount m
	EOF
}

@test "an overlay on an overlay: a folder that looks empty is replaced; hard links; sticky folders" {
	inside <<-EOF
		$nest
		mkdir l; (cd l; mkdir -p l1/to l2/to/sub l3/tmp; chmod 1777 l3/tmp; for i in 1 2 3; do echo \$i >l2/to/\$i; echo \$i >l3/tmp/\$i; done; echo old >l2/a; ln l2/a l2/b)
		lay l; nest 1
		rm -r m/to/*; mkdir m/from; echo o >m/from/o; "\$CALLS" rename 0 m/from m/to; is "\$(ls m/to)" o; [ ! -e m/from ]
		echo new >>m/a; is "\$(cat m/b)" "old
		new"
		chown 33 m/tmp/1; setpriv --reuid 33 --regid 33 --clear-groups rm m/tmp/1; ! setpriv --reuid 33 --regid 33 --clear-groups rm -f m/tmp/2 2>/dev/null; is "\$(ls m/tmp)" "2
		3"
		seen=\$(all); unnest 1; nest 1; is "\$(all)" "\$seen"
	EOF
}

@test "an overlay on an overlay, random operations: as an ordinary folder, two and three deep" {
	inside <<-EOF
		$nest
		mkdir l ref; (cd l; $layers
		)
		mkdir -p l/l1 l/l2 l/l3
		lay l; nest 1; cp -a m/. ../ref
		for seed in 1 2 3; do "\$MODEL" m ../ref \$seed 2000; unnest 1; down; lay l; nest 1; done
		"\$MODEL" m ../ref 4 1500 -u 3
		unnest 1; nest 1 redirect_dir=on; "\$MODEL" m ../ref 5 1500 -r; unnest 1; nest 1 redirect_dir=on; "\$MODEL" m ../ref 6 200 -r
		unnest 1; down; rm -rf up work ref l; mkdir -p l/l1 l/l2 l/l3 ref; (cd l/l2; $layers
		)
		lay l; nest "1 2"; cp -a m/. ../../ref
		for seed in 7 8; do "\$MODEL" m ../../ref \$seed 1000; unnest "1 2"; down; lay l; nest "1 2"; done
	EOF
}

@test "an overlay on the kernel's: deleted files are marked by name" {
	inside <<-EOF
		$nest
		mkdir -p l/l1 l/l2 l/l3/d up work m; echo f >l/l3/d/f; echo g >l/l3/d/g; kernel l; nest 1
		rm m/d/f; mv m/d/g m/d/h; is "\$(ls m/d)" h; unnest 1; umount m; kernel l; nest 1; is "\$(ls m/d)" h; [ -e work/fuse-overlay-only ]
	EOF
}

@test "random operations: as an ordinary folder, and the kernel's overlay sees the same" {
	inside <<-EOF
		$layers
		lay l1:l2:l3; cp -a m/. ref
		for seed in 1 2 3 4; do "\$MODEL" m ref \$seed 3000; done
		down; lay l1:l2:l3; "\$MODEL" m ref 5 300
		down; kernel l1:l2:l3; "\$MODEL" m ref 6 300
		umount m; lay l1:l2:l3 nowriteback; "\$MODEL" m ref \$RANDOM 2000
	EOF
}

@test "random operations with redirects: no folder is refused, also after a new mount" {
	inside <<-EOF
		$layers
		lay l1:l2:l3 redirect_dir=on; cp -a m/. ref
		for seed in 1 2 3 4; do "\$MODEL" m ref \$seed 3000 -r; done
		for seed in 5 6 7 8 9; do down; lay l1:l2:l3 redirect_dir=on; "\$MODEL" m ref \$seed 200 -r; done
		down; mv up l0; rm -r work; lay l0:l1:l2:l3 redirect_dir=on; "\$MODEL" m ref 11 3000 -r
		down; lay l0:l1:l2:l3 redirect_dir=follow; "\$MODEL" m ref 10 200
	EOF
}

@test "random operations by three users, with owners and modes of all kinds" {
	inside <<-EOF
		$layers
		lay l1:l2:l3; cp -a m/. ref
		for seed in 1 2 3; do "\$MODEL" m ref \$seed 3000 -u 3; done
		down; kernel l1:l2:l3; "\$MODEL" m ref 4 300 -u 3
	EOF
}

@test "random operations by four at once" {
	inside <<-'EOF'
		for t in 1 2 3 4; do for d in a dir; do mkdir -p l/t$t-$d/sub; for f in c d file; do echo $t $f >l/t$t-$d/$f; done; done; done
		lay l; cp -a m/. ref
		for t in 1 2 3 4; do "$MODEL" m ref $t 2000 -t $t >$t.log & pids="${pids-} $!"; done
		for p in $pids; do wait $p || { cat ?.log; exit 1; }; done
	EOF
}

@test "containers: by flag and for other ids; a dead daemon is told by name" {
	cd "$HOME"
	bryo image exists tiny || import_tiny
	run_bryo run --rm --network=none --userns=keep-id tiny sh -c 'mount | head -1; stat -c %u:%g /data/sub'
	[[ $output == "bryo-overlay on / "*33:44 ]]
	[ -z "$(find "$HOME" -name 'shift-*' 2>/dev/null)" ]
	run_bryo --storage-driver=fuse-overlay run -d --name dead --network=none tiny sleep 1000
	run_bryo inspect -f '{{.GraphDriver.Name}}' dead
	[ "$output" = fuse-overlay ]
	run_bryo exec dead sh -c 'echo hi >/new; cat /new'
	for p in /proc/[0-9]*; do
		if [ "$(cat "$p/comm" 2>/dev/null)" = bryo-overlay ] && tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -qx "HOME=$HOME"; then
			kill -KILL "${p#/proc/}"
		fi
	done
	wait_for 5 test "$(bryo exec dead true 2>&1 | grep -c 'FUSE overlay of container dead has ended')" = 1
	run_bryo restart -t 0 dead
	run_bryo exec dead cat /new
	[ "$output" = hi ]
	run_bryo rm -f -t 0 dead
}

@test "one container by turns on the kernel's overlay and on this one: every file is the same" {
	cd "$HOME"
	bryo image exists tiny || import_tiny
	turn() { # to DRIVER: a container remembers what it was made for
		bryo stop -t 0 turns >/dev/null
		bryo unshare sh -c 'cd "$1"/containers/"$2"/rootfs && sed -i -e "/^driver /d" -e "1i driver $3" made-of' - \
			"$(bryo info -f '{{.Store.GraphRoot}}')" "$(bryo inspect -f '{{.Id}}' turns)" "$1"
		bryo start turns >/dev/null
		[ "$(bryo inspect -f '{{.GraphDriver.Name}}' turns)" = "$1" ]
	}
	files() {
		bryo exec turns sh -c 'find / -xdev ! -path "/proc*" ! -path "/sys*" ! -path "/dev*" ! -path "/run*" ! -path "/etc/host*" \
			! -path /etc/resolv.conf ! -path / >/tmp/.names; while read -r f; do stat -c "%n %F %u:%g %a %Y" "$f"
			if [ -L "$f" ]; then echo "$f $(readlink "$f")"; elif [ -f "$f" ]; then md5sum "$f"; fi; done </tmp/.names | grep -v /tmp | sort'
	}
	run_bryo run -d --name turns --network=none --cap-add=MKNOD tiny sleep 1000
	bryo exec turns sh -c 'echo more >>/data/one; rm -r /data/sub; mkdir /data/sub; mv /bin/su-busybox /bin/su2; chown 5:6 /home/alice; mkfifo /f; ln -s x /l'
	files >kernel.1; [ "$(wc -l <kernel.1)" -gt 300 ]
	turn fuse-overlay; files | diff kernel.1 -
	bryo exec turns sh -c 'rm /l /f /data/linked; mv /data /moved; mkdir -p /home/alice/d; chmod 4711 /home/alice/d; touch -d @1000000000 /etc/passwd; rm /bin/ls; ln /bin/su2 /bin/su3'
	files >fuse.1
	turn overlay; files | diff fuse.1 -
	bryo exec turns sh -c 'mkdir /data; echo new >/data/one; rm -r /moved/sub /home; mv /bin/su3 /bin/ls'
	files >kernel.2
	turn fuse-overlay; files | diff kernel.2 -
	run_bryo rm -f -t 0 turns
}

@test "options: what cannot be is refused by name" {
	check() {
		local text=$1
		shift
		run "$OVERLAY" "$@"
		[ "$status" = 1 ] || { echo "$* gave $status"; return 1; }
		[[ $output == *"$text"* ]] || { echo "$* said: $output"; return 1; }
	}
	mkdir l m up
	check "no lower folder" m
	check "no mount point" -o lowerdir=l
	check "cannot open the lower folder nothing" -o lowerdir=nothing m
	check "needs a workdir" -o lowerdir=l,upperdir=up m
	check "uidmapping=1:2: expected" -o lowerdir=l,uidmapping=1:2 m
	check "squash_to_uid=x: expected a number" -o lowerdir=l,squash_to_uid=x m
	check "plugins are not supported" -o lowerdir=//plug//x m
	check "redirect_dir=yes: expected on, follow, nofollow or off" -o lowerdir=l,redirect_dir=yes m
	check "unknown option --what" --what
	run "$OVERLAY" --version
	[[ $output == "bryo-overlay: version "* ]]
	run "$OVERLAY" --help
	[[ $output == *lowerdir* ]]
}
