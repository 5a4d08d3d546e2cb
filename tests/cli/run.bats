# SPDX-License-Identifier: Apache-2.0
# bryo run: what the command sees, what comes back, what stays.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

@test "run: the command's output and exit status come back" {
	run_bryo run --rm tiny echo hello
	is "$output" hello
	run_bryo 7 run --rm tiny sh -c 'exit 7'
	run_bryo run --rm tiny sh -c 'echo out; echo err >&2'
	is "$output" out
	is "$stderr" err
}

@test "run: 127 for a command that is not there, 126 for one that cannot run" {
	run_bryo 127 run --rm tiny /no/such/command
	has "$stderr" /no/such/command
	run_bryo 127 run --rm tiny no-such-command
	has "$stderr" no-such-command
	run_bryo 126 run --rm tiny /etc
	has "$stderr" /etc
	run_bryo 126 run --rm tiny /etc/passwd
}

@test "run: a payload killed by a signal gives 128 + signal" {
	# pid 1 is immune to its own signals; its child's death is seen by the shell
	run_bryo 137 run --rm tiny sh -c "sh -c 'kill -9 \$\$'; exit \$?"
	run_bryo 143 run --rm --init tiny sh -c 'kill -TERM $$; sleep 5'
}

@test "run: --rm leaves nothing, without it the container stays" {
	run_bryo run --rm --name gone tiny true
	run_bryo 1 container exists gone
	run_bryo 3 run --name stays tiny sh -c 'exit 3'
	run_bryo container exists stays
	run_bryo inspect -f '{{.State.ExitCode}} {{.State.Status}}' stays
	is "$output" "3 exited"
	run_bryo rm stays
	is "$output" stays
}

@test "run: -i feeds standard input, without it there is none" {
	run bash -c 'echo one two | '"$BRYO ${BRYO_FLAGS:-}"' run --rm -i tiny cat'
	is "$output" "one two"
	run bash -c 'echo one two | '"$BRYO ${BRYO_FLAGS:-}"' run --rm tiny cat'
	is "$output" ""
}

@test "run: a megabyte goes in and out unharmed" {
	head -c 3000000 /dev/urandom >blob
	bryo run --rm -i tiny cat <blob >blob.back
	cmp blob blob.back
	rm blob blob.back
}

@test "run: -t gives a terminal" {
	run timeout 20 script -qec "$BRYO ${BRYO_FLAGS:-} run --rm -t tiny sh -c 'tty; test -t 0 && test -t 1 && echo is-tty'" /dev/null
	has "$output" /dev/pts/0
	has "$output" is-tty
	run timeout 20 script -qec "$BRYO ${BRYO_FLAGS:-} run --rm -it tiny sh -c 'exit 9'" /dev/null
	is "$status" 9
}

@test "run: the environment: -e, --env-file, from the caller, TERM, HOME, PATH, HOSTNAME, container" {
	export FROM_CALLER=caller
	printf '# comment\nFILE=from file\nFROM_CALLER\n' >envfile
	run_bryo run --rm -e A=1 -e 'B=two words' --env-file envfile -h thehost tiny env
	like "$output" '^A=1$'
	like "$output" '^B=two words$'
	like "$output" '^FILE=from file$'
	like "$output" '^FROM_CALLER=caller$'
	like "$output" '^HOSTNAME=thehost$'
	like "$output" '^HOME=/root$'
	like "$output" '^PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin$'
	like "$output" '^container=.'
	run_bryo run --rm tiny env
	has_not "$output" FROM_CALLER
	run_bryo run --rm -e FROM_CALLER tiny sh -c 'echo $FROM_CALLER'
	is "$output" caller
}

@test "run: -w, -u, --group-add, HOME of the user" {
	run_bryo run --rm -w /data tiny pwd
	is "$output" /data
	run_bryo 126 run --rm -w /not/there tiny pwd
	has "$stderr" /not/there
	run_bryo run --rm -u alice tiny sh -c 'id -u; id -g; echo $HOME'
	is "$output" "$(printf '1000\n1000\n/home/alice')"
	run_bryo run --rm -u 33:44 tiny sh -c 'id -u; id -g'
	is "$output" "$(printf '33\n44')"
	run_bryo run --rm --group-add video tiny id -G
	like "$output" '\b44\b'
	run_bryo 126 run --rm -u nobody-here tiny true
	has "$stderr" nobody-here
}

@test "run: --entrypoint, and arguments after the image are the command's" {
	run_bryo run --rm --entrypoint echo tiny -n --rm
	is "$output" --rm
	run_bryo run --rm --entrypoint '["sh","-c"]' tiny 'echo $0' x
	is "$output" x
}

@test "run: --hostname, --add-host, --dns" {
	run_bryo run --rm --hostname moss tiny hostname
	is "$output" moss
	run_bryo run --rm --add-host peat:10.1.2.3 tiny cat /etc/hosts
	like "$output" '^10\.1\.2\.3[[:space:]]+peat$'
	run_bryo run --rm --dns 10.9.8.7 --dns-search moss.example --dns-option ndots:3 tiny cat /etc/resolv.conf
	like "$output" '^nameserver 10\.9\.8\.7$'
	like "$output" '^search moss\.example$'
	like "$output" '^options .*ndots:3'
}

@test "run: --label, --annotation, --name are recorded" {
	run_bryo run -d --name lab -l one=1 --label two --annotation note=yes tiny true
	run_bryo inspect -f '{{index .Config.Labels "one"}} {{.Name}}' lab
	is "$output" "1 lab"
	run_bryo ps -a --filter label=one=1 --format '{{.Names}}'
	is "$output" lab
	run_bryo rm -f lab
}

@test "run: a name in use is refused, and names that are none" {
	run_bryo create --name taken tiny true
	refused taken -- run --name taken tiny true
	refused 'no/name' -- run --name no/name tiny true
	run_bryo rm taken
}

@test "run: --read-only, --tmpfs, --read-only-tmpfs=false" {
	run_bryo 1 run --rm --read-only tiny touch /new
	run_bryo run --rm --read-only tiny sh -c 'touch /tmp/a /run/b /dev/shm/c && echo writable'
	is "$output" writable
	run_bryo 1 run --rm --read-only --read-only-tmpfs=false tiny touch /tmp/a
	run_bryo run --rm --tmpfs /scratch:size=1m,mode=1777 tiny sh -c 'grep " /scratch tmpfs" /proc/mounts; stat -c %a /scratch'
	like "$output" 'size=1024k'
	like "$output" '^1777$'
}

@test "run: --umask, --shm-size, --tz, --ulimit, --sysctl" {
	run_bryo run --rm --umask 077 tiny sh -c 'umask'
	is "$output" 0077
	run_bryo run --rm --shm-size 3m tiny grep ' /dev/shm ' /proc/mounts
	has "$output" size=3072k
	run_bryo run --rm --ulimit nofile=100:200 tiny sh -c 'ulimit -Sn; ulimit -Hn'
	is "$output" "$(printf '100\n200')"
	run_bryo run --rm --sysctl net.ipv4.ip_default_ttl=33 tiny cat /proc/sys/net/ipv4/ip_default_ttl
	is "$output" 33
}

@test "run: capabilities: the default set, drop, add, privileged" {
	run_bryo run --rm tiny grep CapEff /proc/self/status
	is "$output" "$(printf 'CapEff:\t00000000800405fb')"
	run_bryo run --rm --cap-drop all tiny grep -E 'Cap(Eff|Bnd)' /proc/self/status
	is "$output" "$(printf 'CapEff:\t0000000000000000\nCapBnd:\t0000000000000000')"
	run_bryo run --rm --cap-drop all --cap-add net_bind_service --cap-add CAP_CHOWN tiny grep CapEff /proc/self/status
	is "$output" "$(printf 'CapEff:\t0000000000000401')"
	run_bryo run --rm -u alice tiny grep CapEff /proc/self/status
	is "$output" "$(printf 'CapEff:\t0000000000000000')"
	run_bryo run --rm --privileged tiny sh -c 'grep CapEff /proc/self/status'
	like "$output" '0000(01|00)ffffffffff'
	refused -- run --rm --cap-add no_such_cap tiny true
	has "${stderr,,}" no_such_cap
}

@test "run: --security-opt no-new-privileges, seccomp=unconfined, a profile" {
	run_bryo run --rm --security-opt no-new-privileges tiny grep -E 'NoNewPrivs|Seccomp:' /proc/self/status
	like "$output" '^NoNewPrivs:.*1$'
	like "$output" '^Seccomp:.*2$'
	run_bryo run --rm --security-opt seccomp=unconfined tiny grep Seccomp: /proc/self/status
	like "$output" '^Seccomp:.*0$'
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod","fchmodat","fchmodat2","fchmod"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}' >profile.json
	run_bryo 1 run --rm --security-opt seccomp=profile.json tiny chmod 700 /tmp
	has "$stderr" "not supported"
	refused nosuch.json -- run --rm --security-opt seccomp=nosuch.json tiny true
}

@test "run: masked and read-only paths of /proc and /sys" {
	run_bryo run --rm tiny sh -c 'for f in kcore keys timer_list sched_debug; do test ! -e /proc/$f || cat /proc/$f; done | wc -c; ls -A /sys/firmware | wc -w'
	is "$output" "$(printf '0\n0')"
	run bryo run --rm tiny sh -c 'echo x >/proc/sys/kernel/core_pattern && echo written'
	has_not "$output" "written"
	run bryo run --rm tiny sh -c 'echo x >/proc/sysrq-trigger && echo written'
	has_not "$output" "written"
}

@test "run: /dev holds the few devices and links, --device adds one" {
	run_bryo run --rm tiny sh -c 'cd /dev; ls'
	for d in null zero full random urandom tty ptmx pts shm mqueue fd stdin stdout stderr; do
		like "$output" "^$d\$"
	done
	unlike "$output" '^(mem|kmsg|sda|vda|loop0)$'
	run_bryo run --rm --device /dev/fuse tiny sh -c 'test -c /dev/fuse && echo there'
	is "$output" there
	refused /dev/no-such-device -- run --rm --device /dev/no-such-device tiny true
}

@test "run: pid 1 is the payload, or the init with --init" {
	run_bryo run --rm tiny sh -c 'echo $$'
	is "$output" 1
	run_bryo run --rm --init tiny sh -c 'echo $$; test "$(cat /proc/1/comm)" != sh && echo other'
	isnt "${lines[0]}" 1
	is "${lines[1]}" other
	run_bryo 4 run --rm --init tiny sh -c 'exit 4'
}

@test "run: --pid=host, --uts=host, --ipc=host share the host's namespaces" {
	local all="pid uts ipc"
	[ -d /dev/mqueue ] || all="pid uts"	# Podman, too, wants the host's /dev/mqueue
	for ns in $all; do
		run_bryo run --rm --$ns=host tiny readlink /proc/self/ns/$ns
		is "$output" "$(readlink /proc/self/ns/$ns)" "$ns namespace"
		run_bryo run --rm tiny readlink /proc/self/ns/$ns
		isnt "$output" "$(readlink /proc/self/ns/$ns)" "$ns namespace"
	done
}

@test "run: --pid=container:, --network=container: join another container" {
	run_bryo run -d --name first --network=none tiny sleep 100
	run_bryo run --rm --pid=container:first tiny sh -c 'ps | grep -c "sleep 100$"'
	isnt "$output" 0
	want=$(bryo exec first readlink /proc/self/ns/net)
	run_bryo run --rm --network=container:first tiny readlink /proc/self/ns/net
	is "$output" "$want"
	run_bryo rm -f -t 0 first
}

@test "run: --ipc=container: joins its IPC and its /dev/shm" {
	run_bryo run -d --name shm tiny sh -c 'echo seen >/dev/shm/file; exec sleep 100'
	wait_for 10 bryo exec shm test -s /dev/shm/file
	run_bryo run --rm --ipc=container:shm tiny sh -c 'readlink /proc/self/ns/ipc; cat /dev/shm/file; echo back >/dev/shm/other'
	is "${lines[0]}" "$(bryo exec shm readlink /proc/self/ns/ipc)"
	is "${lines[1]}" seen
	is "$(bryo exec shm cat /dev/shm/other)" back
	run_bryo rm -f -t 0 shm
}

@test "run: --cidfile gets the id, and goes with the container" {
	run_bryo run -d --cidfile cid --name withcid tiny true
	is "$(cat cid)" "$output"
	run_bryo rm -f withcid
	! test -e cid
}

@test "run: --rootfs runs from a folder" {
	mkdir rootfs
	tar -C rootfs -xf "$ROOTFS" 2>/dev/null || true
	run_bryo run --rm --rootfs "$PWD/rootfs" sh -c 'cat /data/one; echo new >/data/new'
	is "$output" one
	is "$(cat rootfs/data/new)" new
	rm -rf rootfs || bryo unshare rm -rf rootfs
}

@test "run: --pull=never of what is not there" {
	run_bryo 125 run --rm --pull=never no-such-image true
	has "$stderr" no-such-image
}

@test "run: one container's writes are not the next one's" {
	run_bryo run --rm tiny sh -c 'echo changed >/data/one; rm /data/sub/two; cat /data/one'
	is "$output" changed
	run_bryo run --rm tiny cat /data/one /data/sub/two
	is "$output" "$(printf 'one\ntwo')"
}

@test "run: owners of the image are kept, and can be changed" {
	need_subids
	run_bryo run --rm tiny stat -c '%u:%g' /data/sub/two /home/alice /data/one
	is "$output" "$(printf '33:44\n1000:1000\n0:0')"
	run_bryo run --rm tiny sh -c 'chown 7:8 /data/one && stat -c %u:%g /data/one'
	is "$output" 7:8
}

@test "run: folders of lower layers can be renamed and removed" {
	run_bryo run --rm tiny sh -c 'mv /data /moved && cat /moved/one && rm -rf /moved && ! test -e /moved && mkdir /data && ls /data'
	is "$output" one
}

@test "run: --stop-signal and --stop-timeout are kept" {
	run_bryo create --name sig --stop-signal SIGUSR1 --stop-timeout 3 tiny true
	run_bryo inspect -f '{{.Config.StopSignal}} {{.Config.StopTimeout}}' sig
	like "$output" '^(10|SIGUSR1) 3$'
	run_bryo rm sig
}

@test "run: --restart=on-failure:2 starts it again" {
	run_bryo run -d --name again --restart=on-failure:2 tiny sh -c 'echo go; exit 1'
	wait_for 10 status_is again exited
	is "$(bryo logs again | grep -c go)" 3
	run_bryo inspect -f '{{.RestartCount}}' again
	is "$output" 2
	run_bryo rm -f again
}
