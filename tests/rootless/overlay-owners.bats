#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Owners, modes and types that bryo-overlay keeps in attributes (-o xattr_permissions=2): everything shows
# what it was given, and on the disk all files are one user's.
load ../lib/bryo
load ../lib/overlay

setup_file() { fresh_home; }
teardown_file() { remove_all; }

tools='look() { (cd "$1" && find . -mindepth 1 ! -name ".wh.*" -printf "%P %y %m %U:%G %l\n" | sort); }
	ours() { is "$(find up ! -uid 0 -o ! -gid 0 -o -perm /6000 -o ! -type f ! -type d ! -type c)" ""; }'

@test "owners, modes and types are shown, and kept from mount to mount" {
	inside <<-EOF
		$tools
		mkdir -p l/d; echo low >l/low; ln -s to l/sl; chown -h 33:44 l/sl l/low; mkfifo l/p
		lay l xattr_permissions=2
		is "\$(stat -c %u:%g m/low)" 33:44 # a layer without such attributes is as it lies
		chown 5:6 m/low; chmod 4751 m/low; chown -h 7:8 m/sl; chown 9:10 m/p; chown 11:12 m/d; chmod 2775 m/d
		ln -s target m/new; mkfifo m/fifo; "$CALLS" tmpfile m m/named; ln m/sl m/sl2; mkdir m/d/e; echo x >m/d/f
		is "\$(readlink m/new) \$(readlink m/sl2)" "target to"
		is "\$(stat -c %u:%g:%a m/d/e m/d/f | xargs)" "0:12:2755 0:12:644"
		look m >before; ours
		[ -e work/fuse-overlay-only ]
		down; lay l # its root says how it is to be read
		look m | diff before -
		chmod 600 m/low; ours
	EOF
}

@test "a chown or a stranger's write takes set-id bits away" {
	inside <<-EOF
		$tools
		mkdir l; cp /bin/true l/suid; chmod 6777 l/suid
		lay l xattr_permissions=2
		chown 3 m/suid; is "\$(stat -c %a m/suid)" 777; chmod 6777 m/suid
		setpriv --reuid 33 --regid 44 --clear-groups sh -c 'echo >>m/suid'; is "\$(stat -c %a m/suid)" 777
		umask 027; : >m/f; mkdir m/d; is "\$(stat -c %a m/f m/d | xargs)" "640 750"
		! setpriv --reuid 33 --regid 44 --clear-groups cat m/f 2>/dev/null
		ours
	EOF
}

@test "as a layer: shown, and given to the files themselves where a copy is made" {
	inside <<-EOF
		$tools
		mkdir -p l; : >l/none
		lay l xattr_permissions=2
		mkdir m/d; echo x >m/d/f; chown 5:6 m/d/f; chmod 2711 m/d/f; ln -s to m/sl; chown -h 7:8 m/sl m/d; mkfifo m/p
		look m >before; down
		mv up layer; rm -r work
		: >layer/null; setfattr -n user.containers.override_stat -v 1:2:0640:char-1-3 layer/null
		lay layer:l
		is "\$(stat -c '%F %t:%T %u:%g %a' m/null)" "character special file 1:3 1:2 640"
		is "\$(find m -type c -name null)" m/null
		look m | grep -v ^null | diff before -
		touch m/d/f; mv m/sl m/moved; chmod 700 m/p
		is "\$(stat -c '%F %u:%g %a' up/d/f up/d up/moved up/p)" "regular file 5:6 2711
		directory 7:8 755
		symbolic link 7:8 777
		fifo 0:0 700"
		is "\$(getfattr -d -m - up/d/f 2>/dev/null | grep -c override)" 0
		down; rm -rf up work; lay layer:l xattr_permissions=0
		is "\$(stat -c '%F %u:%g' m/sl)" "regular file 0:0"
	EOF
}

@test "the attributes are nobody's to see or to forge; what is none is an error" {
	inside <<-EOF
		$tools
		mkdir l; echo x >l/f; chown 3:4 l/f; for v in "" 1 1:2 1:2:9 1:2:644:what 1:2:644:dir 4294967295:0:644 1:2:644:char-1 1:2:644x; do
			: >"l/bad-\$v"; setfattr -n user.containers.override_stat -v "\$v" "l/bad-\$v"; done
		setfattr -n user.containers.override_stat -v 0:0:0755:dir l
		lay l xattr_permissions=2
		chmod 600 m/f
		is "\$(getfattr -d -m - m/f 2>/dev/null)" ""; ! getfattr -n user.containers.override_stat m/f 2>/dev/null
		! setfattr -n user.containers.override_stat -v 0:0:4755 m/f 2>/dev/null
		! setfattr -x user.containers.override_stat m/f 2>/dev/null
		for f in l/bad-*; do ! stat "m/\${f#l/}" 2>err; grep -q "Input/output" err; done
		is "\$(stat -c %u:%g:%a m/f)" 3:4:600
	EOF
}

layers='mkdir -p l1 l2 l3; for l in l1 l2 l3; do for d in a b dir sub; do mkdir -p $l/$d; for f in c d file; do echo $l $d $f >$l/$d/$f; done; done
	mkdir -p $l/dir/sub/a; echo deep >$l/dir/sub/a/file; ln -s to-$l $l/link; done
	rm -r l1/b l1/dir/c; mknod l1/b c 0 0; setfattr -n user.overlay.opaque -v y l1/sub; head -c 9000 /dev/urandom >l2/file
	mkfifo l3/d; echo linked >l2/c; ln l2/c l2/dir/b; ln l2/c l2/dir/sub/b; ln l2/c l2/a/b'

@test "random operations by three users: as an ordinary folder" {
	inside <<-EOF
		$tools
		$layers
		lay l1:l2:l3 xattr_permissions=2; cp -a m/. ref
		for seed in 1 2 3; do "\$MODEL" m ref \$seed 3000 -u 3; down; lay l1:l2:l3 xattr_permissions=2; done
		ours; down; mv up layer; rm -r work
		lay layer:l1:l2:l3; "\$MODEL" m ref 4 1000 -u 3
	EOF
}

@test "with a quota: usage is what a count finds" {
	inside <<-EOF
		$tools
		$layers
		lay l1:l2:l3 xattr_permissions=2,size=1g; cp -a m/. ref
		"\$MODEL" m ref 1 2000 -u 3; sync; sleep 0.5; live=\$(df --output=used -B1 m | tail -1)
		kill -KILL "\$(pgrep -f "workdir=\$PWD/work")"; umount m; lay l1:l2:l3 xattr_permissions=2,size=1g
		is "\$(df --output=used -B1 m | tail -1)" "\$live"
	EOF
}
