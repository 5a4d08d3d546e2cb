#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The quota of bryo-overlay (-o size=, inodes=; --storage-opt): who writes too much is told so, at once,
# and what is used can be told from the disk at any time.
load ../lib/bryo
load ../lib/overlay

setup_file() { fresh_home; }
teardown_file() { remove_all; }

# What is in use, as df(1) sees it; counted anew after the daemon was killed.
tools='used() { df --output=used,iused -B1 m | tail -1; }
	quota() { lay l "size=$1,inodes=$2"; }
	# What was open is given back when the kernel tells that it is forgotten, soon after.
	settled() { a=$(used); for i in $(seq 50); do sleep 0.2; b=$(used); [ "$a" != "$b" ] || break; a=$b; done; echo "$b"; }
	soon() { for i in $(seq 50); do "$@" && return; sleep 0.1; done 2>/dev/null; echo "not in 5 s: $*"; exit 1; }
	has_free() { [ "$(df --output=avail -B1 m | tail -1)" -gt "$1" ]; }
	killed() { kill -KILL "$(pgrep -f "workdir=$PWD/work")"; umount m; }'

@test "too many bytes: a short write, then ENOSPC; what is deleted is free again" {
	inside <<-EOF
		$tools
		mkdir l; echo low >l/low; echo more >l/more
		quota 4m 100
		is "\$(df --output=size,avail,itotal,iavail -B1 m | tail -1 | xargs)" "4194304 4194304 100 100"
		! head -c 8M /dev/zero >m/big 2>err; grep -q "No space left" err
		[ "\$(stat -c %s m/big)" -gt 4000000 ]; [ "\$(stat -c %s m/big)" -lt 4194304 ]
		is "\$(df --output=avail -B1 m | tail -1 | xargs)" 0
		! echo x >m/new 2>err; ! echo y >>m/low 2>err # a name is made; no data, and no copy
		is "\$(cat m/low)" low
		echo overwritten | dd of=m/big conv=notrunc status=none # has its blocks
		rm m/low m/more; rm -f m/new; ! ls m/low 2>/dev/null # deleting always works
		exec 3<m/big; rm m/big; [ "\$(df --output=avail -B1 m | tail -1)" -lt 100000 ] # open still
		exec 3<&-; soon has_free 4000000
		head -c 3M /dev/zero >m/big
	EOF
}

@test "too many inodes; hard links cost names, and attributes and symlinks what is in them" {
	inside <<-EOF
		$tools
		mkdir l
		quota 100k 5
		for i in 1 2 3 4; do : >m/\$i; done; ln m/1 m/link; mkdir m/d
		! mkdir m/e 2>err; grep -q "No space left" err; ! ln -s to m/s 2>/dev/null
		is "\$(df --output=iavail m | tail -1 | xargs)" 0
		rm -r m/d m/4; soon ln -s "\$(printf 'x%.0s' {1..2000})" m/s
		[ "\$(df --output=used -B1 m | tail -1)" -ge 4096 ]
		! setfattr -n user.big -v "\$(head -c 60000 /dev/zero | base64 -w0)" m/1 2>/dev/null
		for i in \$(seq 200); do ln m/1 m/n\$i 2>err || break; done; grep -q "No space left" err
	EOF
}

@test "holes are free until they are written, and are paid for while they may be mapped" {
	inside <<-EOF
		$tools
		mkdir l; truncate -s 1G l/sparse; echo end >>l/sparse
		quota 1m 100
		truncate -s 10G m/mine; echo data | dd of=m/mine bs=4k seek=1000 conv=notrunc status=none
		echo more >>m/sparse # a copy with holes
		[ "\$(df --output=used -B1 m | tail -1)" -lt 40000 ]
		is "\$("$CALLS" grow-mapped m/fits 200000)" mapped
		is "\$("$CALLS" grow-mapped m/large 2000000 || true)" "ftruncate: No space left on device"
		is "\$("$CALLS" grow-mapped m/mine 10737418240 || true)" "mmap: No such device"
		fallocate -l 100000 m/whole; ! fallocate -n -l 100000 m/new 2>/dev/null
		! fallocate -l 2000000 m/whole 2>err; grep -q "No space left" err
	EOF
}

@test "usage is kept from mount to mount, and counted after a kill" {
	inside <<-EOF
		$tools
		mkdir -p l/d; echo low >l/d/low; ln l/d/low l/link
		quota 10m 1000
		cp -r /etc/security m/copy 2>/dev/null || true; echo x >>m/d/low; ln -s to m/s; ln m/s m/s2; mkfifo m/f
		setfattr -n user.a -v b m/d; mv m/copy m/moved; truncate -s 5000 m/d/low; rm m/f
		before=\$(settled)
		down; [ -e work/work/usage ]; quota 10m 1000; [ ! -e work/work/usage ]; is "\$(used)" "\$before"
		killed; [ ! -e work/work/usage ]; quota 10m 1000; is "\$(used)" "\$before" counted
		echo >m/more; down; lay l; rm m/more; down; quota 10m 1000; is "\$(used)" "\$before" "without a quota between"
	EOF
}

@test "random operations: alike, and usage is what a count finds" {
	inside <<-EOF
		$tools
		for d in a b dir sub; do mkdir -p l/\$d; for f in c d file; do echo \$d \$f >l/\$d/\$f; done; done; ln l/a/c l/b/linked
		quota 1g 100000; cp -a m/. ref
		for seed in 1 2 3 4; do
			"\$MODEL" m ref \$seed 2000; live=\$(settled)
			killed; quota 1g 100000; is "\$(used)" "\$live" "seed \$seed"
		done
	EOF
}

@test "containers: --storage-opt size and inodes" {
	cd "$HOME"
	bryo image exists tiny || import_tiny
	run_bryo --storage-opt size=8m --storage-opt overlay.inodes=200 create --name limited --network=none tiny \
		sh -c 'df -k / | tail -1; dd if=/dev/zero of=/big bs=64k count=300; wc -c </big'
	run bryo start -a limited
	[[ $output == *8192*"No space left on device"* ]]
	[ "${lines[-1]}" -lt $((8 * 1024 * 1024)) ]
	[ "${lines[-1]}" -gt 7000000 ]
	# the kernel's overlay would let it write on
	run bryo --storage-driver=overlay --storage-opt size=8m create --network=none tiny true
	[ "$status" = 125 ]
	[[ $output == *"the storage driver overlay has no quota"* ]]
	run bryo run --rm --network=none --storage-opt nonsense=1 tiny true
	[ "$status" = 125 ]
	[[ $output == *"nonsense=1 is not supported"* ]]
	run bryo run --rm --network=none --storage-opt size=much tiny true
	[ "$status" = 125 ]
	[[ $output == *"\"much\" for --storage-opt size"* ]]
	run_bryo rm limited
}
