# SPDX-License-Identifier: Apache-2.0
# Privileged mode on a host with systemd.
load ../lib/bryo

setup_file() {
	export HOME=/root BRYO_FLAGS=
	cd /root
	bryo image exists tiny || import_tiny
}
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

@test "root: limits, pause, cgroup of its own" {
	run_bryo run --rm --memory 64m --pids-limit 20 tiny sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max'
	is "$output" "$(printf '67108864\n20')"
	bryo run -d --name p tiny sleep 100
	run_bryo pause p
	status_is p paused
	run_bryo unpause p
}

@test "root: the default devices can be used, others not" {
	run_bryo run --rm tiny sh -c 'for i in null zero full random urandom; do head -c 1 </dev/$i >/dev/null || echo "$i: cannot be read"; done; echo x >/dev/null && echo written'
	is "$output" written
	run bryo run --rm --cap-add=MKNOD tiny sh -c 'mknod /m c 1 1 && head -c 1 /m'
	isnt "$status" 0 "memory itself is open"
}

@test "root: network and port" {
	bryo run -d --name web -p 8089:80 tiny sh -c 'echo served >/index.html; exec httpd -f -h /'
	wait_for 20 curl -sf http://127.0.0.1:8089/index.html
}

@test "root: two users' stores are apart" {
	run_bryo images -q
	run su -l tester -c "$BRYO ps -aq"
	is "$status" 0
}
