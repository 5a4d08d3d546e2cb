# SPDX-License-Identifier: Apache-2.0
# Beside systemd: login sessions, units, rootless networking as on a real host.
load ../lib/bryo

setup_file() { cd "$HOME"; bryo image exists tiny || import_tiny; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

@test "a container outlives the session that started it" {
	bryo run -d --name stays tiny sleep 1000
	running stays
	# this session's scope does not hold it
	pid=$(bryo inspect -f '{{.State.Pid}}' stays)
	unlike "$(cat /proc/"$pid"/cgroup)" 'session-.*\.scope'
}

@test "run as a user's unit: start, status, stop" {
	# Its SIGTERM is passed on; a first process without a handler would not see it.
	systemd-run --user --quiet --unit bryo-test-unit --collect "$BRYO" run --rm --name unit tiny \
		sh -c 'trap "exit 0" TERM; while :; do usleep 50000; done'
	wait_for 20 running unit
	systemctl --user stop bryo-test-unit
	wait_for 20 sh -c "! '$BRYO' container exists unit"
}

@test "the default network and a published port" {
	bryo run -d --name web -p 8088:80 tiny sh -c 'echo served >/index.html; exec httpd -f -h /'
	wait_for 20 curl -sf http://127.0.0.1:8088/index.html
	is "$(curl -s http://127.0.0.1:8088/index.html)" served
}

@test "keep-id, subordinate ids and the promise hold here too" {
	run_bryo run --rm --userns=keep-id tiny id -u
	is "$output" 1000
	run bryo run --rm --privileged -v /etc/passwd:/p -v /etc/shadow:/s tiny sh -c \
		'(echo x >>/p) 2>/dev/null && echo SUCCEEDED; cat /s 2>/dev/null && echo SUCCEEDED; echo tried'
	is "$output" tried
}

@test "doctor finds nothing wrong on a plain Debian" {
	run_bryo doctor
	unlike "$output" '(missing|FAIL|✗)'
}
