# SPDX-License-Identifier: Apache-2.0
# Privileged mode: the caller is real root, the layers are skipped, the commands are the same.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

@test "root inside is root outside: no user namespace" {
	run_bryo run --rm tiny readlink /proc/self/ns/user
	is "$output" "$(readlink /proc/self/ns/user)"
	mkdir -p out
	run_bryo run --rm -v "$PWD/out:/o" tiny sh -c 'touch /o/f; chown 33:44 /o/f'
	is "$(stat -c %u:%g out/f)" 33:44
	rm -r out
}

@test "the same commands: create, start, exec, logs, stop, rm" {
	run_bryo run -d --name p tiny sh -c 'echo up; sleep 100'
	wait_for 5 container_log_has p up
	run_bryo exec p id -u
	is "$output" 0
	run_bryo stop -t 1 p
	run_bryo rm p
}

@test "capabilities and seccomp are on by default, masked paths too" {
	run_bryo run --rm tiny grep -E '^(CapEff|Seccomp):' /proc/self/status
	is "$output" "$(printf 'CapEff:\t00000000800405fb\nSeccomp:\t2')"
	run bryo run --rm tiny sh -c 'mount -t tmpfs none /mnt && echo mounted; mknod /dev/m c 1 1 && cat /dev/m | head -c1 >/dev/null && echo read; echo x >/proc/sys/kernel/core_pattern && echo written'
	has_not "$output" mounted
	has_not "$output" read
	has_not "$output" written
}

@test "the default devices can be used, others not; exec is in the same groups" {
	run_bryo run --rm tiny sh -c 'for i in null zero full random urandom; do head -c 1 </dev/$i >/dev/null || echo "$i: cannot be read"; done; echo x >/dev/null && echo written'
	is "$output" written
	run_bryo run --rm -t tiny sh -c 'echo x >/dev/tty && echo written'
	has "$output" written
	bryo run -d --name groups tiny sleep 100
	run_bryo exec groups cat /proc/self/cgroup
	inside=$output
	run_bryo exec groups cat /proc/1/cgroup
	is "$inside" "$output"
	run_bryo exec -d groups sleep 99
	run_bryo exec groups sh -c 'for p in $(pidof sleep); do cat /proc/$p/cgroup; done | sort | uniq -c | awk "{ print \$1 }" | sort -u'
	is "$output" 2 "each group of the two sleeps is the same"
	run_bryo exec groups head -c 1 /dev/zero
	run bryo run --rm --cap-add=MKNOD tiny sh -c 'mknod /m c 1 1 && head -c 1 /m'
	isnt "$status" 0 "memory itself is open"
	bryo rm -f -t 0 groups
}

@test "overlay by the kernel, and images with their owners" {
	run_bryo run --rm tiny stat -c %u:%g /data/sub/two
	is "$output" 33:44
	run_bryo run --rm tiny sh -c 'grep " / " /proc/self/mountinfo'
	like "$output" ' - overlay '
}

@test "the default network and a published port" {
	port=$(free_port)
	bryo run -d --name web -p 127.0.0.1:"$port":80 tiny sh -c 'echo served >/index.html; exec httpd -f -h /'
	wait_for 10 curl -sf http://127.0.0.1:"$port"/index.html
	is "$(curl -s http://127.0.0.1:"$port"/index.html)" served
	bryo rm -f -t 0 web
}

@test "--userns=keep-id is refused by name, --privileged gives devices" {
	run bryo run --rm --userns=keep-id tiny true
	if [ "$status" != 0 ]; then has "$output" keep-id; fi
	run_bryo run --rm --privileged tiny grep CapEff /proc/self/status
	is "$output" "$(grep CapEff /proc/self/status)"
}

@test "the store is closed to others" {
	[ "$(stat -c %a "$HOME/store" | cut -c3)" = 0 ] || complain "$(stat -c '%a %n' "$HOME/store")"
	run as_test_user cat "$HOME/store/containers" "$HOME/store/images"
	isnt "$status" 0
}
