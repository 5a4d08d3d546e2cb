# SPDX-License-Identifier: Apache-2.0
# kill -9 of any process of run, at any system call: nothing is lost, nothing left, the next
# command works.
load ../lib/bryo
load ../lib/crash

setup_file() {
	own_store
	bryo create --name keep -v keepvol:/v tiny sh -c 'cat /kept /v/kept' >/dev/null
	bryo run --rm -v keepvol:/v tiny sh -c 'echo volume >/v/kept'
	bryo run --name written tiny sh -c 'echo layer >/kept'
	wait_for 5 no_helpers
	store_entries >before
}
teardown_file() { drop_store; }

# The next commands work, what was there is there, and the victim leaves nothing.
all_is_well() {
	local end
	bryo ps -a --format '{{.Names}}' >names || return 1
	grep -qx keep names && grep -qx written names || complain "a container is lost: $(cat names)" || return 1
	bryo image exists tiny || complain "the image is lost" || return 1
	[ "$(bryo run --rm --network=none -v keepvol:/v tiny cat /v/kept)" = volume ] ||
		complain "the next run fails" || return 1
	bryo rm -f -i -t 0 victim >/dev/null || complain "the victim cannot be removed" || return 1
	# What was killed half-way may take a moment to end.
	end=$((SECONDS + 5))
	while [ -n "$(processes 'sleep 98765')" ]; do
		[ $SECONDS -lt $end ] || complain "still there: $(processes 'sleep 98765')" || return 1
		sleep 0.05
	done
	helpers_gone && store_is before
}

@test "run --rm, no network: the same command works again, name and all" {
	run=("$BRYO" $BRYO_FLAGS run --rm --name victim --network=none --cidfile cid -v /anon tiny true)
	works_again() {
		wait_for 5 "${run[@]}" || complain "it does not run again: $("${run[@]}" 2>&1)" || return 1
		all_is_well
	}
	kill_everywhere works_again -- "${run[@]}"
}

@test "run --rm, default network and a port" {
	kill_everywhere all_is_well -- "$BRYO" $BRYO_FLAGS run --rm --name victim -p 127.0.0.1:"$(free_port)":80 tiny true
}

@test "run -d" {
	kill_everywhere all_is_well -- "$BRYO" $BRYO_FLAGS run -d --name victim --network=none tiny sleep 98765
}

@test "a killed monitor: the container ends with it and says 137" {
	bryo run -d --name victim --network=none tiny sleep 98765
	pid=$(bryo inspect -f '{{.State.Pid}}' victim)
	monitor=$(bryo inspect -f '{{.State.ConmonPid}}' victim)
	isnt "$monitor" 0 "the monitor's pid"
	kill -KILL "$monitor"
	wait_for 5 test ! -d "/proc/$pid"
	run_bryo ps -a --filter name=victim --format '{{.Status}}'
	like "$output" '^Exited \(137\)'
	run_bryo inspect -f '{{.State.Status}} {{.State.ExitCode}}' victim
	is "$output" "exited 137"
	run_bryo start victim
	wait_for 5 running victim
	run_bryo rm -f -t 0 victim
	all_is_well
}

@test "a killed holder: running containers go on, new ones start" {
	bryo run -d --name victim --network=none tiny sleep 98765
	holder=$(sed -n '1s/^1 [^ ]* \([0-9]*\) .*/\1/p' "$RUNROOT/holder")
	[ -n "$holder" ] || holder=$(sed -n '1s/^1 [^ ]* \([0-9]*\) .*/\1/p' "$(find "$RUNROOT" -name holder)")
	kill -KILL "$holder"
	running victim
	run_bryo exec victim echo still
	is "$output" still
	run_bryo run --rm tiny true
	run_bryo stop -t 0 victim
	run_bryo rm victim
	all_is_well
}

@test "the first command of all, with no holder yet" {
	check() { bryo run --rm tiny true || return 1; }
	prepare() {
		local h
		for h in $(find "$RUNROOT" -name holder); do
			kill -KILL "$(sed -n '1s/^1 [^ ]* \([0-9]*\) .*/\1/p' "$h")" 2>/dev/null || true
		done
		return 0
	}
	BRYO_KILL_SAMPLE=8 kill_everywhere check prepare -- "$BRYO" $BRYO_FLAGS unshare true
}
