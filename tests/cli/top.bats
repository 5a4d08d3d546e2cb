# SPDX-License-Identifier: Apache-2.0
# top: the processes of a container, in columns.
load ../lib/bryo

setup_file() {
	fresh_home
	import_tiny
	bryo run -d --name x -u 4321:4322 --group-add 4323 tiny sh -c 'sleep 100 & exec sleep 200' >/dev/null
	wait_for 10 eval '[ "$(bryo top x pid | wc -l)" = 3 ]'
}

teardown_file() {
	remove_all
}

# column NAME...: the first process's values.
column() { bryo top x "$@" | sed -n 2p; }

@test "top: the usual columns" {
	run_bryo top x
	like "${lines[0]}" '^USER +PID +PPID +%CPU +ELAPSED +TTY +TIME +COMMAND$'
	like "${lines[1]}" '^4321 +1 +0 +[0-9.]+ +[0-9.]+m?s +\? +0s +sleep 200 $'
	like "${lines[2]}" '^4321 +[0-9]+ +1 +[0-9.]+ +[0-9.]+m?s +\? +0s +sleep 100 $'
	is "${#lines[@]}" 3
	run_bryo top -l pid
	is "${lines[0]}" PID
	run_bryo container top x pid
	is "${lines[1]}" 1
}

@test "top: descriptors, with commas, apart, and as codes" {
	run_bryo top x pid,comm %U args
	like "${lines[0]}" '^PID +COMMAND +USER +COMMAND$'
	like "${lines[1]}" '^1 +sleep +4321 +sleep 200 $'
	is "$(column hpid)" "$(bryo inspect -f '{{.State.Pid}}' x)"
	is "$(column group) $(column rgroup) $(column groups) $(column ruser)" "4322 4322 4322,4323 4321"
	is "$(column state) $(column nice) $(column pgid) $(column ppid)" "S 0 1 0"
	is "$(column seccomp)" filter
	is "$(column capeff)" none
	has "$(column capbnd)" CHOWN,DAC_OVERRIDE
	like "$(column vsz)" '^[1-9][0-9]*$'
	like "$(column rss)" '^[1-9][0-9]*$'
	like "$(column stime)" "^$(date +%Y)-[0-9-]+ [0-9:]+ [+-][0-9]{4} [A-Z]+"
	local d
	for d in $(bryo top --list-descriptors); do run_bryo top x "$d"; done
}

@test "top: names of the container's own files, ids of the host, a process of exec" {
	run_bryo run -d --name named tiny sleep 100
	run_bryo exec -d named sleep 77
	wait_for 10 eval 'bryo top named args | grep -q "^sleep 77 $"'
	run_bryo top named user huser hgroup
	like "${lines[1]}" "^root +$(id -u) +$(id -g)\$"
	run_bryo run -d --name terminal -t tiny sleep 100
	is "$(bryo top terminal tty | sed -n 2p)" pts/0
	[ "$BRYO_MODE" = rootless ] || return 0
	run_bryo run -d --name kept --userns keep-id tiny sleep 100
	run_bryo top kept user huser pid
	like "${lines[1]}" "^$(id -un) +$(id -u) +1\$"
}

@test "top: what a process calls itself can neither part columns nor reach the terminal" {
	run_bryo run -d --name odd tiny sh -c \
		'printf "#!/bin/sh\nsleep 100\n:\n" >"/tmp/a) Z 1	"; chmod 755 /tmp/a*; exec "/tmp/a) Z 1	"'
	wait_for 10 eval '[ "$(bryo top odd pid | wc -l)" = 3 ]'
	run_bryo top odd pid state comm args
	is "${#lines[@]}" 3
	like "${lines[1]}" '^1 +S +a\) Z 1\? +/bin/sh /tmp/a\) Z 1\? $'
}

@test "top: --pid=host shows the container's own processes" {
	run_bryo run -d --name hostpid --pid host tiny sh -c 'sleep 100 & wait'
	wait_for 10 eval '[ "$(bryo top hostpid pid | wc -l)" = 3 ]'
	is "$(bryo top hostpid pid | sed -n 2p)" "$(bryo inspect -f '{{.State.Pid}}' hostpid)"
}

@test "top: refusals" {
	refused 'unknown descriptor "bad"' --list-descriptors -- top x pid bad
	refused "options of ps, such as -ef, are not supported yet" -- top x -ef
	refused "you must provide the name or id of a running container" -- top
	refused "no such container" -- top nobody
	run_bryo create --name idle tiny true
	refused "top can only be used on running containers" -- top idle
}
