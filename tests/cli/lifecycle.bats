# SPDX-License-Identifier: Apache-2.0
# create, start, stop, kill, restart, pause, wait, rm, ps: a container's life.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

@test "create prints the id, start runs it, start -a shows its output" {
	run_bryo create --name made tiny sh -c 'echo started; exit 5'
	like "$output" '^[0-9a-f]{64}$'
	status_is made created
	run_bryo start made
	is "$output" made
	wait_for 5 status_is made exited
	run_bryo 5 start -a made
	is "$output" started
	is "$(bryo logs made | wc -l)" 2
}

@test "a container is named by its name, its id and a prefix of that; an ambiguous or unknown one is refused" {
	id=$(bryo create --name byname tiny true)
	for n in byname "$id" "${id:0:12}" "${id:0:5}"; do
		run_bryo inspect -f '{{.Id}}' "$n"
		is "$output" "$id"
	done
	for verb in start stop kill rm pause unpause exec; do
		args=()
		[ $verb != exec ] || args=(true)
		run bryo $verb nobody "${args[@]}"
		case $verb in
		rm) is "$status" 1 ;;
		*) is "$status" 125 "exit status of $verb" ;;
		esac
		has "$output" nobody
	done
}

@test "stop sends the stop signal, and SIGKILL after the time" {
	bryo run -d --name nice tiny sh -c 'trap "echo got it; exit 3" TERM; while :; do sleep 0.05; done'
	wait_for 5 running nice
	sleep 0.3
	run_bryo stop -t 10 nice
	is "$output" nice
	run_bryo inspect -f '{{.State.ExitCode}}' nice
	is "$output" 3
	container_log_has nice "got it"
	bryo run -d --name stubborn tiny sh -c 'trap "" TERM; while :; do sleep 0.05; done'
	sleep 0.3
	run_bryo stop -t 1 stubborn
	run_bryo inspect -f '{{.State.ExitCode}}' stubborn
	is "$output" 137
}

@test "stop of what is stopped already is fine" {
	bryo run --name done tiny true
	run_bryo stop done
}

@test "kill sends any signal, and refuses what does not run" {
	bryo run -d --name target tiny sh -c 'trap "echo usr1" USR1; while :; do sleep 0.05; done'
	sleep 0.3
	run_bryo kill -s USR1 target
	wait_for 5 container_log_has target usr1
	run_bryo kill target
	wait_for 5 status_is target exited
	run_bryo inspect -f '{{.State.ExitCode}}' target
	is "$output" 137
	run_bryo 125 kill target
	run_bryo 125 kill -s NOSUCH target
	has "$stderr" NOSUCH
}

@test "restart gives a new process and keeps the files" {
	bryo run -d --name re tiny sh -c 'echo x >>/runs; sleep 100'
	wait_for 5 running re
	wait_for 5 bryo exec re test -s /runs
	before=$(bryo inspect -f '{{.State.Pid}}' re)
	run_bryo restart -t 0 re
	isnt "$(bryo inspect -f '{{.State.Pid}}' re)" "$before"
	wait_for 5 bryo exec re sh -c '[ $(wc -l </runs) = 2 ]'
}

@test "wait gives the exit status, also of what has ended" {
	bryo run -d --name w tiny sh -c 'sleep 0.3; exit 6'
	run_bryo wait w
	is "$output" 6
	run_bryo wait w
	is "$output" 6
}

@test "rm refuses a running container by name, -f does it, -a takes all" {
	id=$(bryo run -d --name runs tiny sleep 100)
	run bryo rm runs
	is "$status" 2
	like "$output" "runs|$id"
	run_bryo rm -f -t 0 runs
	is "$output" runs
	bryo create --name a tiny true
	bryo create --name b tiny true
	run_bryo rm -a
	run_bryo ps -aq
	is "$output" ""
}

@test "rm takes the container's whole folder and its process away" {
	bryo run -d --name whole tiny sleep 54321
	pid=$(bryo inspect -f '{{.State.Pid}}' whole)
	run_bryo rm -f -t 0 whole
	[ ! -d "/proc/$pid" ] || complain "process $pid is still there"
	run_bryo 1 container exists whole
	[ -z "$(processes 'sleep 54321')" ] || complain "left: $(processes 'sleep 54321')"
}

@test "ps: running ones, -a all, -q ids, filters, formats" {
	up=$(bryo run -d --name up tiny sleep 100)
	bryo run --name ended tiny sh -c 'exit 3' || true
	run_bryo ps
	like "${lines[0]}" '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$'
	has "$output" up
	has_not "$output" ended
	run_bryo ps -a
	like "$output" 'Exited \(3\) .* ago'
	like "$output" 'Up .* up$'
	run_bryo ps -q
	is "$output" "${up:0:12}"
	run_bryo ps -q --no-trunc
	is "$output" "$up"
	run_bryo ps -a --filter status=exited --format '{{.Names}}'
	is "$output" ended
	run_bryo ps -a --filter name=up --format '{{.Names}} {{.Image}} {{.Command}}'
	is "$output" "up localhost/tiny:latest sleep 100"
	run_bryo ps -a --format json
	is "$(jq -r '.[].Names[0]' <<<"$output" | sort | tr '\n' ' ')" "ended up "
	is "$(jq -r '.[] | select(.Names[0] == "ended") | .ExitCode' <<<"$output")" 3
	run_bryo ps --filter name=nothing-like-it --format '{{.Names}}'
	is "$output" ""
	run_bryo 125 ps --filter nosuch=1
	has "$stderr" nosuch
}

@test "ps: a template of fields that are not there is refused" {
	bryo create tiny true
	run_bryo 125 ps -a --format '{{.NoSuchField}}'
	has "$stderr" NoSuchField
}

@test "pause freezes and unpause thaws, or the cgroup that is missing is named" {
	bryo run -d --name frozen tiny sh -c 'while :; do date +%s%N >/tick; sleep 0.02; done'
	wait_for 5 bryo exec frozen test -s /tick
	run bryo pause frozen
	if [ "$status" = 0 ]; then
		status_is frozen paused
		before=$(date +%s%N)
		run_bryo unpause frozen
		status_is frozen running
		wait_for 5 bryo exec frozen sh -c "[ \$(cat /tick) -gt $before ]"
	else
		is "$status" 125
		like "$output" "cgroup|control group"
		status_is frozen running
	fi
}

@test "rename keeps the container under its new name" {
	bryo create --name old tiny true
	run_bryo rename old new
	run_bryo container exists new
	run_bryo 1 container exists old
}

@test "\$(run -d) returns at once: no descriptor of the caller stays open" {
	begun=$(date +%s%N)
	id=$(bryo run -d --name detached tiny sleep 100 2>&1)
	[ $(($(date +%s%N) - begun)) -lt 5000000000 ] || complain "run -d held its caller"
	like "$id" '^[0-9a-f]{64}$'
	# nor any other one: a lock held on descriptor 9 is free once the command is back
	(
		exec 9>lockfile
		flock 9
		bryo run -d --name second tiny sleep 100
	) >/dev/null
	flock -n lockfile true || complain "descriptor 9 of the caller is still open"
	# pipes of start, exec -d and restart
	out=$(timeout 20 "$BRYO" ${BRYO_FLAGS:-} exec -d detached sleep 50 2>&1)
	out=$(timeout 20 "$BRYO" ${BRYO_FLAGS:-} restart -t 0 detached 2>&1)
	is "$out" detached
}

@test "what is given with -e shows in no command line of a process" {
	bryo run -d --name secretive -e PASSWORD=hunter2hunter2 tiny sleep 100
	bryo exec -d -e TOKEN=hunter2hunter2 secretive sleep 50
	found=$(grep -la 'hunter2hunter2' /proc/[0-9]*/cmdline 2>/dev/null || true)
	is "$found" "" "processes that show it"
	# but it is where it belongs
	run_bryo exec secretive sh -c 'echo $PASSWORD'
	is "$output" hunter2hunter2
}
