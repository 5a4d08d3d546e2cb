# SPDX-License-Identifier: Apache-2.0
# The promise: a rootless container, --privileged included, never can more than its caller. The
# host's files and devices, mounted into it, stay as they are for the caller outside.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

hosts_files() { sha256sum /etc/passwd /etc/group; stat -c '%n %a %U %G %Y %Z' /etc/passwd /etc/group /etc/shadow; }

# Podman, for one, needs the host's /dev/mqueue for --ipc=host.
if [ -d /dev/mqueue ]; then HOSTS="--pid=host --network=host --uts=host --ipc=host"; else HOSTS="--pid=host --network=host --uts=host"; fi

for_all_kinds() {	# COMMAND...: as root of a container in each kind that claims more than the default
	local kind
	for kind in "" --privileged "--privileged --userns=keep-id -u 0" "--privileged $HOSTS" \
		"--cap-add=all --security-opt seccomp=unconfined --security-opt no-new-privileges=false"; do
		run bryo run --rm $kind -v /etc/passwd:/h/passwd -v /etc/shadow:/h/shadow -v /etc:/h/etc -v /dev:/h/dev tiny "$@"
		echo "# kind '$kind': status $status: $output"
		"$judge"
	done
}
no_success() { has_not "$output" SUCCEEDED; has "$output" tried; }

@test "/etc/passwd and /etc/shadow cannot be written, replaced, chmodded or given away" {
	hosts_files >before
	judge=no_success for_all_kinds sh -c '
		for f in /h/passwd /h/shadow /h/etc/passwd /h/etc/shadow; do
			(echo "evil::0:0::/:/bin/sh" >>$f) 2>/dev/null && echo SUCCEEDED append $f
			(: >$f) 2>/dev/null && echo SUCCEEDED truncate $f
			chmod 666 $f 2>/dev/null && echo SUCCEEDED chmod $f
			chown 0:0 $f 2>/dev/null && echo SUCCEEDED chown $f
			mv $f $f.gone 2>/dev/null && echo SUCCEEDED mv $f
			rm -f $f 2>/dev/null && echo SUCCEEDED rm $f
		done
		touch /h/etc/new 2>/dev/null && echo SUCCEEDED create
		echo tried'
	hosts_files >after
	diff before after
}

@test "/etc/shadow cannot be read" {
	[ ! -r /etc/shadow ] || skip "the caller can read it"
	judge=no_success for_all_kinds sh -c 'for f in /h/shadow /h/etc/shadow; do cat $f >/dev/null 2>&1 && echo SUCCEEDED $f; done; echo tried'
}

@test "devices that the caller cannot open, nobody inside can, nor make them" {
	judge=no_success for_all_kinds sh -c '
		for d in mem kmem port kmsg vda sda nvme0n1 loop0 loop-control; do
			for n in /h/dev/$d /dev/$d; do
				test -e $n || continue
				(exec 3<$n) 2>/dev/null && test $d != kmsg && echo SUCCEEDED read $n
				(exec 3>>$n) 2>/dev/null && test $d != kmsg && echo SUCCEEDED write $n
			done
		done
		mknod /tmp/m c 1 1 2>/dev/null && echo SUCCEEDED mknod c
		mknod /tmp/b b 254 0 2>/dev/null && echo SUCCEEDED mknod b
		echo tried'
}

@test "mounts cannot be made writable again, and no block device mounted" {
	mkdir -p ro
	echo x >ro/f
	judge=no_success
	for_all_kinds sh -c 'for t in ext4 xfs vfat; do for d in /h/dev/vda /h/dev/sda /h/dev/loop0; do
		mount -t $t $d /mnt 2>/dev/null && echo SUCCEEDED $d; done; done; echo tried'
	# a read-only bind of what the caller cannot write anyway
	run bryo run --rm --privileged -v /etc:/h/etc:ro tiny sh -c \
		'mount -o remount,rw,bind /h/etc 2>/dev/null; touch /h/etc/new 2>/dev/null && echo SUCCEEDED; echo tried'
	no_success
	[ ! -e /etc/new ]
}

@test "the host's settings and processes are out of reach" {
	run bryo run --rm --privileged $HOSTS tiny sh -c '
		hostname evil 2>/dev/null && echo SUCCEEDED hostname
		(echo evil >/proc/sys/kernel/hostname) 2>/dev/null && echo SUCCEEDED sysctl
		(echo /evil >/proc/sys/kernel/core_pattern) 2>/dev/null && echo SUCCEEDED core_pattern
		(echo h >/proc/sysrq-trigger) 2>/dev/null && echo SUCCEEDED sysrq
		ip link add evil0 type veth 2>/dev/null && echo SUCCEEDED link
		kill -0 1 2>/dev/null && echo SUCCEEDED kill
		cat /proc/1/environ >/dev/null 2>&1 && echo SUCCEEDED environ
		date -s 2001-01-01 >/dev/null 2>&1; [ "$(date +%Y)" != 2001 ] || echo SUCCEEDED date
		swapoff -a 2>/dev/null && test -s /proc/swaps && echo maybe
		echo tried'
	no_success
	[ "$(hostname)" != evil ]
}

@test "groups: the caller's groups give nothing inside unless asked, and never more than outside" {
	run bryo run --rm --privileged -u alice -v /etc/shadow:/s tiny sh -c 'cat /s >/dev/null 2>&1 && echo SUCCEEDED; echo tried'
	no_success
}

@test "a setuid program in a container's files gains nothing outside" {
	need_subids
	mkdir -p drop
	run_bryo run --rm -v "$PWD/drop:/drop" tiny sh -c 'cp /bin/busybox /drop/id && chown 33:33 /drop/id && chmod 6755 /drop/id'
	owner=$(stat -c %u drop/id)
	[ "$owner" -ge 100000 ] || complain "owned by $owner outside"
	bryo unshare rm -rf "$PWD/drop"
}

@test "unshare and exec: the same" {
	hosts_files >before
	run bryo unshare sh -c 'echo evil >>/etc/passwd && echo SUCCEEDED; cat /etc/shadow >/dev/null && echo SUCCEEDED; echo tried'
	no_success
	bryo run -d --name p --privileged -v /etc:/h tiny sleep 100
	run bryo exec --privileged p sh -c 'echo evil >>/h/passwd && echo SUCCEEDED; chmod 666 /h/shadow && echo SUCCEEDED; echo tried'
	no_success
	bryo rm -f -t 0 p
	hosts_files >after
	diff before after
}
