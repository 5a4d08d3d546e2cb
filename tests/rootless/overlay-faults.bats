#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bryo-overlay killed, or failed by the disk, at its n-th call that changes something: from above there
# is the old state or the new one, never something between, and it can be mounted again.
load ../lib/bryo
load ../lib/overlay

setup_file() { fresh_home; }
teardown_file() { remove_all; }

# Calls that change files, or copy them. strace counts each by itself.
changing=mkdirat,mknodat,linkat,symlinkat,renameat,renameat2,unlinkat,fchown,fchownat,fchmod,fchmodat,fsetxattr,lsetxattr,utimensat,ftruncate,fsync,fdatasync,copy_file_range,pwrite64,ioctl

# faults KIND: with $prepare (makes l), $change (what is tried, in m) and $check (sets $seen to a text
# of what is seen in m; two are allowed: $old and $new); $options: for all mounts; $first: before all
faults() {
	command -v strace >/dev/null || skip "strace is missing"
	inside <<-EOF
		changing=$changing kind=$1 options=${options:-rw}
		prepare() { $prepare; }
		change() { $change; }
		look() { $look; }
		${first:-true}
		begin() { rm -rf up work m l; mkdir up work m; prepare; }
		# on CALL N: under strace, the fault at the N-th CALL
		on() {
			strace -f -qq -o trace -e trace=\$1 -e signal=none -e inject=\$1:\$kind:when=\$2 \\
				"\$OVERLAY" -f -o lowerdir=l,upperdir=up,workdir=work,threads=1,\$options m & pid=\$!
			for i in \$(seq 200); do ! mountpoint -q m || return 0; kill -0 \$pid 2>/dev/null || return 0; sleep 0.02; done
		}
		off() { umount -l m 2>/dev/null || true; wait \$pid 2>/dev/null || true; }
		begin; lay l \$options; old=\$(look); change; new=\$(look); down
		[ "\$old" != "\$new" ] || { echo "nothing changes"; exit 1; }
		hits=0
		for call in \${changing//,/ }; do for n in \$(seq 1 20); do
			begin; on \$call \$n
			if mountpoint -q m; then change 2>/dev/null || true; fi
			hit=no
			if grep -q INJECTED trace || ! kill -0 \$pid 2>/dev/null; then hit=yes; fi
			off
			lay l \$options; seen=\$(look) 2>&1; down
			[ "\$seen" = "\$old" ] || [ "\$seen" = "\$new" ] || {
				echo "at \$call \$n: \$(tail -3 trace)"; echo "seen: \$seen"; echo "old: \$old"; echo "new: \$new"; exit 1; }
			[ \$hit = yes ] || break
			hits=\$((hits + 1))
		done; done
		[ \$hits -ge 10 ] || { echo "only \$hits faults"; exit 1; }
		echo "\$hits faults"
	EOF
	echo "# ${output##*$'\n'}" >&3
}

file='mkdir -p l/d/e; head -c 200000 /dev/zero | tr "\\0" x >l/d/e/f; chown 5:6 l/d/e/f; chmod 640 l/d/e/f; setfattr -n user.a -v b l/d/e/f; touch -d @1000000000 l/d/e/f l/d/e l/d'
all='find m -printf "%P %m %U:%G %s %l\\n" | sort; cat m/d/e/f 2>/dev/null | md5sum; getfattr -n user.a --only-values m/d/e/f 2>/dev/null || true'

@test "copy-up of a file and the folders above it: killed" {
	prepare=$file change='chmod 600 m/d/e/f' look=$all
	faults signal=KILL
}

@test "copy-up of a file and the folders above it: no space" {
	prepare=$file change='chmod 600 m/d/e/f' look=$all
	faults error=ENOSPC
}

@test "copy-up of a file and the folders above it: the disk fails" {
	prepare=$file change='chmod 600 m/d/e/f' look=$all
	faults error=EIO
}

@test "a layer's file is deleted: killed" {
	prepare=$file change='rm m/d/e/f' look=$all
	faults signal=KILL
}

@test "a layer's file is renamed: no space" {
	prepare=$file change='mv m/d/e/f m/d/f2' look=$all
	faults error=ENOSPC
}

@test "a layer's folder is deleted and made anew: killed" {
	prepare=$file change='rm -r m/d/e && mkdir m/d/e'
	# between the two commands the folder is gone; in the first the files go one by one
	look='ls m/d/e/f 2>/dev/null; [ -e m/d/e/f ] || { [ -z "$(ls m/d/e 2>/dev/null)" ] && echo none; }'
	faults signal=KILL
}

folder='mkdir -p l/d/e l/g; echo f >l/d/e/f; echo x >l/d/x; echo g >l/g/g'
tree='find m -printf "%P %y %m %l\\n" | sort; cat $(find m -type f | sort)'

@test "a layer's folder is renamed, with a redirect: killed" {
	options=redirect_dir=on prepare=$folder change='"$CALLS" rename 0 m/d m/g/d2' look=$tree
	faults signal=KILL
}

@test "a layer's folder is renamed, with a redirect: no space" {
	options=redirect_dir=on prepare=$folder change='"$CALLS" rename 0 m/d m/d2' look=$tree
	faults error=ENOSPC
}

# ---- On another overlay: whiteouts are files with an attribute ----

nested='mkdir base; lay base; cd m'
moved='mkdir -p l/d/e; echo f >l/d/e/f; echo g >l/d/g; echo h >l/h'

@test "nested, a layer's file is deleted: killed" {
	first=$nested prepare=$file change='rm m/d/e/f' look=$all
	faults signal=KILL
}

@test "nested, a layer's file is renamed: killed" {
	first=$nested prepare=$moved change='mv m/d/g m/d/g2' look=$tree
	faults signal=KILL
}

@test "nested, a layer's file is renamed into another folder: no space" {
	first=$nested prepare=$moved change='mv m/d/g m/d/e/g2' look=$tree
	faults error=ENOSPC
}

@test "nested, a folder comes to where one was that looks empty: killed" {
	first=$nested prepare="$moved; mkdir -p up/new up/d/e; echo n >up/new/n; setfattr -n user.overlay.opaque -v x up/d/e; : >up/d/e/f; setfattr -n user.overlay.whiteout -v y up/d/e/f"
	# between two steps the old one may be at the old name, and looks empty there, too
	change='"$CALLS" rename 0 m/new m/d/e' look='find m/d m/new -type f 2>/dev/null | sort'
	faults signal=KILL
}

# ---- Calls that only read ----

# In one daemon's life each PERIOD-th CALL of one kind fails with CODE, from the 16th on: it has begun
# by then. From above each question has its answer or an error, never a lower layer's answer nor
# "nothing there"; what was done is there after a mount without faults, what failed is there or not.
# reads CALL:CODE:PERIOD...
reads() {
	command -v strace >/dev/null || skip "strace is missing"
	inside <<-EOF
		set +x
		faults="$*" folders="1 2 3"
		$(declare -f prepare_reads one_life ask allow is_kept is_done try)
		prepare_reads
		for fault in \$faults; do one_life \$fault; done
		[ \$hits -ge \$((5 * \$(echo \$faults | wc -w))) ] || { echo "only \$hits faults"; exit 1; }
		echo "\$hits faults"
	EOF
	echo "# ${output##*$'\n'}" >&3
}

prepare_reads() {
	hits=0
	for i in $folders; do
		mkdir -p l/$i/sub l2/$i/sub l2/$i/anew
		echo x >l2/$i/anew/x; echo x >l2/$i/marked; : >l/$i/.wh.marked
		echo lower >l/$i/both; echo lower >l/$i/gone; echo x >l2/$i/sub/x; ln -s to l2/$i/link
		for f in f g h k; do echo $f >l2/$i/$f; done
		setfattr -n user.a -v b l2/$i/f
	done
	lay l:l2
	for i in $folders; do echo upper >m/$i/both; rm -r m/$i/gone m/$i/anew; mkdir m/$i/anew; done
	down
	cp -a up up.first
}

# allow WHAT ANSWER... -- COMMAND: runs it; an error but "No such file" (the answer "missing") will do.
allow() {
	local what=$1 expected=() answer
	shift
	while [ "$1" != -- ]; do expected+=("$1"); shift; done
	shift
	if answer=$("$@" 2>err); then :; elif grep -q "No such file" err; then answer=missing; else return 0; fi
	for e in "${expected[@]}"; do [ "$answer" != "$e" ] || return 0; done
	echo "$fault, $what in $i: '$answer', expected '${expected[*]}'"; grep INJECTED trace | tail -3; exit 1
}

ask() {
	allow "both layers" upper -- cat m/$i/both
	allow "a deleted file" missing -- cat m/$i/gone
	allow "a file with a mark" missing -- cat m/$i/marked
	allow "a folder made anew" "" -- ls -A m/$i/anew
	allow "a link" to -- readlink m/$i/link
	allow "an attribute" b -- getfattr --only-values -n user.a m/$i/f
	allow "a folder" x -- ls -A m/$i/sub
	allow "a merged folder" "anew both f g h k link sub" -- bash -c 'set -o pipefail; ls -A "$1" | tr "\n" " " | sed "s/ $//"' - m/$i
	"$CALLS" btime m/$i/k >/dev/null || true
}

try() { if "${@:2}" 2>/dev/null; then done_ones+=" $1$i "; fi; }
is_done() { [[ $done_ones == *" $1$i "* ]]; }

# is_kept WHAT OLD NEW PATH COMMAND: without faults now; the old state only where the change failed.
is_kept() {
	local seen
	seen=$("${@:4}" 2>/dev/null) || seen=missing
	[ "$seen" = "$3" ] || { [ "$seen" = "$2" ] && ! is_done "$1"; } || {
		echo "$fault, $1 of $i: '$seen', before '$2', after '$3'$(is_done "$1" && echo ", and it was done")"; exit 1; }
}

one_life() {
	local call=${1%%:*} period=${1##*:} code=${1#*:} done_ones="" pid
	code=${code%:*}
	rm -rf up work; cp -a up.first up; mkdir work
	strace -f -qq -o trace -e trace=$call -e signal=none -e inject=$call:error=$code:when=16+$period \
		"$OVERLAY" -f -o lowerdir=l:l2,upperdir=up,workdir=work,threads=1 m >/dev/null 2>&1 & pid=$!
	until mountpoint -q m; do kill -0 $pid; sleep 0.02; done
	for i in $folders; do
		ask
		try chmod chmod 600 m/$i/f
		try rm rm -f m/$i/g
		try mv mv m/$i/h m/$i/h2
		try append dd oflag=append conv=notrunc,fsync status=none of=m/$i/k <<<more
		try rmdir rmdir m/$i/sub # is not empty
		try chown chown -h 5 m/$i/link
		! is_done rmdir || { echo "$fault: a folder with a file in it was deleted"; exit 1; }
	done
	kill -0 $pid # it lives
	hits=$((hits + $(grep -c INJECTED trace || true)))
	umount m; wait $pid
	lay l:l2
	for i in $folders; do
		is_kept both upper upper cat m/$i/both
		is_kept gone missing missing cat m/$i/gone
		is_kept marked missing missing cat m/$i/marked
		is_kept anew "" "" ls -A m/$i/anew
		is_kept attribute b b getfattr --only-values -n user.a m/$i/f
		is_kept rmdir x x ls -A m/$i/sub
		is_kept chmod "644 f" "600 f" bash -c 'stat -c %a "$1" | tr "\n" " "; cat "$1"' - m/$i/f
		is_kept rm g missing cat m/$i/g
		is_kept mv "h" "missing" cat m/$i/h
		is_kept mv missing h cat m/$i/h2
		[ -e m/$i/h ] || [ -e m/$i/h2 ] || { echo "$fault: a renamed file of $i is lost"; exit 1; }
		[ ! -e m/$i/h ] || [ ! -e m/$i/h2 ] || { echo "$fault: a renamed file of $i is there twice"; exit 1; }
		is_kept append k "k"$'\n'"more" cat m/$i/k
		is_kept chown "0 to" "5 to" bash -c 'stat -c %u "$1" | tr "\n" " "; readlink "$1"' - m/$i/link
	done
	down
}

@test "lookups, listings and copy-ups where a call that reads fails" {
	reads openat:EIO:3 openat:EMFILE:2 openat2:EIO:3 openat2:ENFILE:2 newfstatat:EIO:7 newfstatat:ENOMEM:5 \
		readlinkat:EIO:2 getdents64:EIO:2 getdents64:ENOMEM:3 lgetxattr:EIO:4 fgetxattr:EIO:1 llistxattr:EIO:1
}
