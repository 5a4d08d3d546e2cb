# SPDX-License-Identifier: Apache-2.0
# --runtime: containers by another OCI runtime. Each test runs with crun and with runc, whichever
# is installed and can work on this host.
load ../lib/bryo

setup_file() {
	local path why
	fresh_home
	import_tiny
	BEFORE=$(ls "$(run_folder)/oci" 2>/dev/null) || true	# of other stores of this user
	export BEFORE RUNTIMES="" REASON="neither crun nor runc is installed"
	# Debian's runc is in sbin, which a user's PATH does not have.
	for path in $(PATH=$PATH:/usr/sbin:/sbin command -v crun runc); do
		if why=$(bryo --runtime "$path" run --rm tiny true 2>&1); then
			RUNTIMES+=" ${path##*/}"
		elif [[ $why =~ "cgroups in hybrid mode not supported"|RLIM_MEMLOCK ]]; then
			# crun demands pure control groups, and as root the right to raise its limits.
			REASON="runc is not installed, and crun says of this host: $why"
		else
			complain "$path: $why"
		fi
	done
}

teardown_file() {
	remove_all
}

setup() {
	[ -n "$RUNTIMES" ] || skip "$REASON"
}

teardown() {
	bryo rm -af -t 0 >/dev/null
}

# each FUNCTION: FUNCTION NAME for each runtime there is.
each() {
	local name
	for name in $RUNTIMES; do
		echo "# with $name"
		"$1" "$name"
	done
}

# What runtimes keep of containers, in the run folder.
run_folder() { bryo info --format '{{.Store.RunRoot}}'; }
records() { ls "$(run_folder)/oci" 2>/dev/null | grep -vxF "${BEFORE:--}" || true; }

basics() {
	run_bryo 7 --runtime "$1" run --rm tiny sh -c 'echo out; echo err >&2; exit 7'
	is "$output" out
	is "$stderr" err
	run bash -c "echo fed | '$BRYO' ${BRYO_FLAGS:-} --runtime $1 run -i --rm tiny cat"
	is "$output" fed
	is "$(records)" ""
	is "$(ls "$(run_folder)/bundle")" ""
}
@test "output, input and exit status; nothing is left" { each basics; }

settings() {
	run_bryo 1 --runtime "$1" run --rm -e A=b -w /tmp -u 7:8 --hostname inside --read-only \
		--ulimit nofile=99:99 --cap-drop all tiny sh -c \
		'echo $A; pwd; id -u; id -g; hostname; ulimit -n; grep CapBnd /proc/self/status; touch /x'
	is "${lines[*]}" "b /tmp 7 8 inside 99 CapBnd:	0000000000000000"
	has "$stderr" "Read-only file system"
}
@test "the process is what was asked for" { each settings; }

filters() {
	run_bryo --runtime "$1" run --rm tiny grep ^Seccomp: /proc/self/status
	is "$output" "Seccomp:	2"
	run_bryo --runtime "$1" run --rm --security-opt seccomp=unconfined tiny grep ^Seccomp: /proc/self/status
	is "$output" "Seccomp:	0"
	run_bryo --runtime "$1" run -d --name "filter-$1" tiny sleep 100
	run_bryo exec "filter-$1" grep ^Seccomp: /proc/self/status
	is "$output" "Seccomp:	2"
}
@test "the default filter is on, also for exec" { each filters; }

volumes() {
	mkdir -p "$HOME/shared"
	echo here >"$HOME/shared/file"
	run_bryo --runtime "$1" run --rm -v "$HOME/shared:/in:ro" -v "named-$1:/vol" --tmpfs /scratch \
		tiny sh -c 'cat /in/file; touch /vol/a /scratch/b && echo written; touch /in/x 2>&1 | grep -c Read-only'
	is "${lines[*]}" "here written 1"
	run_bryo --runtime "$1" run --rm --mount type=image,source=tiny,destination=/image tiny ls /image/bin/sh
	is "$output" /image/bin/sh
}
@test "volumes, tmpfs and images as mounts" { each volumes; }

terminal() {
	run timeout 20 script -qec "$BRYO ${BRYO_FLAGS:-} --runtime $1 run --rm -t tiny sh -c 'tty; exit 9'" /dev/null
	is "$status" 9
	is "${output//$'\r'/}" /dev/pts/0
	run_bryo --runtime "$1" run -d --name "tty-$1" tiny sleep 100
	run timeout 20 script -qec "$BRYO ${BRYO_FLAGS:-} exec -t tty-$1 sh -c 'tty; exit 3'" /dev/null
	is "$status" 3
	is "${output//$'\r'/}" /dev/pts/0
}
@test "terminals by the console socket, of run and of exec" { each terminal; }

life() {
	run_bryo --runtime "$1" run -d --name "life-$1" tiny sh -c 'echo started; exec sleep 100'
	wait_for 10 container_log_has "life-$1" started
	is "$(bryo inspect -f '{{.OCIRuntime}}' "life-$1")" "$1"
	has "$(bryo ps)" "life-$1"
	isnt "$(records)" "" "the runtime's record"
	run_bryo 5 exec "life-$1" sh -c 'echo inside; exit 5'
	is "$output" inside
	run_bryo exec -e A=b -w /tmp -u 9 "life-$1" sh -c 'echo $A; pwd; id -u'
	is "${lines[*]}" "b /tmp 9"
	run bash -c "echo fed | '$BRYO' ${BRYO_FLAGS:-} exec -i life-$1 cat"
	is "$output" fed
	run_bryo exec -d "life-$1" touch /made
	wait_for 10 bryo exec "life-$1" test -e /made
	run_bryo 127 exec "life-$1" no-such-program
	has "$stderr" "no-such-program"
	run_bryo stop -t 1 "life-$1"
	is "$(bryo inspect -f '{{.State.ExitCode}}' "life-$1")" 137
	is "$(records)" ""
	run_bryo start "life-$1"
	is "$(bryo inspect -f '{{.OCIRuntime}}' "life-$1")" "$1"
	run_bryo exec "life-$1" test -e /made
	run_bryo kill -s KILL "life-$1"
	run_bryo wait "life-$1"
	is "$output" 137
	run_bryo rm "life-$1"
	is "$(records)" ""
}
@test "detached: logs, ps, exec, stop, start, kill, wait, rm" { each life; }

networks() {
	run_bryo --runtime "$1" run --rm tiny ip -o link
	like "$output" "tap0|eth0"
	run_bryo --runtime "$1" run --rm --network none tiny sh -c 'ip -o link | wc -l'
	is "$output" 1
	local port
	port=$(free_port)
	run_bryo --runtime "$1" run -d --name "net-$1" -p "127.0.0.1:$port:80" tiny \
		sh -c 'echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp'
	wait_for 10 curl -sf "http://127.0.0.1:$port/"
	run_bryo --runtime "$1" run --rm --network "container:net-$1" tiny wget -qO- http://127.0.0.1/
	is "$output" hello
}
@test "networks: the default, none, a published port, another container's" { each networks; }

init_first() {
	run_bryo --runtime "$1" run --rm --init tiny sh -c 'echo $$; tr "\0" " " </proc/1/cmdline'
	isnt "${lines[0]}" 1
	like "${lines[1]}" "^/run/podman-init -- sh"
}
@test "--init puts a reaper first" { each init_first; }

missing_command() {
	run_bryo 127 --runtime "$1" run --rm --name "gone-$1" tiny no-such-program
	has "$stderr" "Error: $1: "
	has "$stderr" "no-such-program"
	is "$(wc -l <<<"$stderr")" 1
	run_bryo 126 --runtime "$1" run --rm --name "gone-$1" tiny /etc/passwd
	has "$stderr" "Error: $1: "
	is "$(records)" ""
	is "$(bryo ps -aq)" ""
}
@test "a command that cannot be run: 127 and 126, in the runtime's words" { each missing_command; }

own_ids() {
	run_bryo --runtime "$1" run --rm --userns keep-id tiny sh -c 'id -u; touch /tmp/x && stat -c %u /tmp/x'
	is "${lines[*]}" "$(id -u) $(id -u)"
}
@test "--userns=keep-id" {
	[ "$BRYO_MODE" = rootless ] || skip "keep-id is for users"
	each own_ids
}

other_ids() {
	mkdir -p -m 700 "$HOME/closed"
	echo mine >"$HOME/closed/file"
	chmod 644 "$HOME/closed/file"
	# Its root is nobody to us: neither our run folder nor our home would let it pass.
	run_bryo --runtime "$1" run --rm --userns auto -v "$HOME/closed/file:/file:ro" tiny \
		sh -c 'cat /file; id -u; awk "{ print \$2 }" /proc/self/uid_map; ls /tmp | wc -l'
	is "${lines[0]}" mine
	is "${lines[1]}" 0
	isnt "${lines[2]}" 0
	is "${lines[3]}" 0
}
@test "--userns=auto: sources in closed folders" {
	[ "$BRYO_MODE" = rootless ] || skip "as root there are no subordinate ids"
	each other_ids
}

shared_memory() {
	run_bryo --runtime "$1" run -d --name "shm-$1" tiny sh -c 'echo seen >/dev/shm/file; exec sleep 100'
	wait_for 10 bryo exec "shm-$1" test -s /dev/shm/file
	run_bryo --runtime "$1" run --rm --ipc "container:shm-$1" --pid "container:shm-$1" tiny \
		sh -c 'cat /dev/shm/file; ps | grep -c "[s]leep 100"'
	is "${lines[*]}" "seen 1"
}
@test "namespaces of another container" { each shared_memory; }

policy() {
	run_bryo --runtime "$1" run -d --name "again-$1" --restart on-failure:2 tiny sh -c 'echo run; exit 4'
	wait_for 20 status_is "again-$1" exited
	is "$(bryo logs "again-$1" | grep -c run)" 3
}
@test "--restart makes it anew" { each policy; }

killed_monitor() {
	local pid monitor
	run_bryo --runtime "$1" run -d --name "lost-$1" tiny sleep 100
	pid=$(bryo inspect -f '{{.State.Pid}}' "lost-$1")
	monitor=$(bryo inspect -f '{{.State.ConmonPid}}' "lost-$1")
	kill -KILL "$monitor"
	wait_for 10 status_is "lost-$1" exited
	is "$(bryo inspect -f '{{.State.ExitCode}}' "lost-$1")" 137
	wait_for 10 test ! -d "/proc/$pid/root"
	run_bryo start "lost-$1"
	run_bryo rm -f -t 0 "lost-$1"
	is "$(records)" ""
}
@test "a killed monitor: the next command ends the container and cleans up" { each killed_monitor; }

flags() {
	run_bryo 125 --runtime "$1" --runtime-flag no-such-option run --rm tiny true
	has "$stderr" "no-such-option"
	is "$(bryo ps -aq)" ""
	run_bryo --runtime "$1" --runtime-flag debug run --rm tiny echo fine
	is "$output" fine
}
@test "--runtime-flag reaches the runtime" { each flags; }

from_file() {
	local conf=$BATS_TEST_TMPDIR/containers.conf path
	path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$1")
	printf '[engine]\nruntime = "mine"\n[engine.runtimes]\nmine = ["/nonexistent/x", "%s"]\n' "$path" >"$conf"
	CONTAINERS_CONF=$conf run_bryo run -d --name "conf-$1" tiny sleep 100
	is "$(bryo inspect -f '{{.OCIRuntime}}' "conf-$1")" mine
	isnt "$(records)" ""
	is "$(CONTAINERS_CONF=$conf bryo info --format '{{.Host.OCIRuntime.Name}}')" mine
	CONTAINERS_CONF=$conf run_bryo --runtime bryo-runtime run --rm tiny echo own
	is "$output" own
	# Later commands use what the container was made with, whatever the file says then.
	run_bryo exec "conf-$1" echo in
	is "$output" in
	run_bryo rm -f -t 0 "conf-$1"
	is "$(records)" ""
}
@test "[engine] runtime and [engine.runtimes] of containers.conf" { each from_file; }

@test "a runtime that is not there is refused before anything is made" {
	refused 'OCI runtime "no-such-runtime" not found' -- --runtime no-such-runtime run --rm tiny true
	refused "no valid executable found for OCI runtime /etc/passwd" -- --runtime /etc/passwd run --rm tiny true
	refused "no valid executable found for OCI runtime ./x" -- --runtime ./x create tiny true
	is "$(bryo ps -aq)" ""
	printf '[engine]\nruntime = "absent"\n' >"$BATS_TEST_TMPDIR/c.conf"
	CONTAINERS_CONF=$BATS_TEST_TMPDIR/c.conf refused 'OCI runtime "absent" not found' -- run --rm tiny true
	printf '[engine]\nruntime = 7\n' >"$BATS_TEST_TMPDIR/c.conf"
	CONTAINERS_CONF=$BATS_TEST_TMPDIR/c.conf refused containers.conf runtime -- run --rm tiny true
}

@test "a program that is no runtime says so, and leaves nothing" {
	printf '#!/bin/sh\necho "I am no runtime" >&2\nexit 3\n' >"$BATS_TEST_TMPDIR/fake"
	chmod 755 "$BATS_TEST_TMPDIR/fake"
	refused "fake" -- --runtime "$BATS_TEST_TMPDIR/fake" run -d tiny true
	printf '#!/bin/sh\nexit 0\n' >"$BATS_TEST_TMPDIR/fake"
	refused "fake wrote no process id" -- --runtime "$BATS_TEST_TMPDIR/fake" run --rm tiny true
	is "$(bryo ps -aq)" "$(bryo ps -aq -f status=created)"
}
