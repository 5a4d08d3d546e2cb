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
# of what is seen in m; two are allowed: $old and $new); $options: for all mounts
faults() {
	command -v strace >/dev/null || skip "strace is missing"
	inside <<-EOF
		changing=$changing kind=$1 options=${options:-rw}
		prepare() { $prepare; }
		change() { $change; }
		look() { $look; }
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
