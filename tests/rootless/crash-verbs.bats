# SPDX-License-Identifier: Apache-2.0
# kill -9 in the midst of exec, rm, stop, create, commit-like writes of records.
load ../lib/bryo
load ../lib/crash

setup_file() {
	own_store
	bryo run -d --name alive --network=none tiny sleep 98765 >/dev/null
	bryo create --name keep tiny true >/dev/null
	store_entries >before
	run_entries >run.alive
}
teardown_file() { drop_store; }

alive_and_kept() {
	[ "$(bryo exec alive echo yes)" = yes ] || complain "the container died of it" || return 1
	bryo container exists keep || complain "a container is lost" || return 1
	bryo image exists tiny || complain "the image is lost"
}
nothing_new() { store_is before run.alive; }

@test "exec: the container lives on" {
	lives() { alive_and_kept && nothing_new; }
	kill_everywhere lives -- "$BRYO" $BRYO_FLAGS exec alive true
}

@test "create and rm: it is there or not, and can be made anew" {
	create=("$BRYO" $BRYO_FLAGS create --name victim --cidfile cid -v /anon tiny true)
	made() {
		alive_and_kept || return 1
		bryo rm -f -i -v -t 0 victim >/dev/null || complain "cannot be removed" || return 1
		"${create[@]}" >/dev/null || complain "cannot be made anew" || return 1
		bryo rm -v victim >/dev/null && nothing_new
	}
	kill_everywhere made -- "${create[@]}"
}

@test "rm: the next rm finishes it" {
	there() {
		bryo rm -f -i -t 0 victim >/dev/null
		bryo create --name victim -v /anon tiny true >/dev/null
	}
	gone() {
		alive_and_kept || return 1
		bryo rm -f -i -v -t 0 victim >/dev/null || complain "cannot be removed" || return 1
		! bryo container exists victim || complain "still there" || return 1
		nothing_new
	}
	kill_everywhere gone there -- "$BRYO" $BRYO_FLAGS rm -v victim
}

@test "rm -f of a running one: the next rm finishes it" {
	there() {
		bryo rm -f -i -t 0 victim >/dev/null
		bryo run -d --name victim --network=none tiny sleep 12345 >/dev/null
	}
	gone() {
		alive_and_kept || return 1
		bryo rm -f -i -t 0 victim >/dev/null || complain "cannot be removed" || return 1
		no_sleeper() { [ -z "$(processes 'sleep 12345')" ]; }
		wait_for 5 no_sleeper || return 1
		! bryo container exists victim || complain "still there" || return 1
		nothing_new
	}
	kill_everywhere gone there -- "$BRYO" $BRYO_FLAGS rm -f -t 0 victim
}

@test "volume create and rm" {
	volumes() {
		alive_and_kept || return 1
		bryo volume rm -f victim >/dev/null || complain "cannot be removed" || return 1
		bryo volume create victim >/dev/null || complain "cannot be made anew" || return 1
		bryo volume rm victim >/dev/null && nothing_new
	}
	there() { bryo volume create --ignore victim >/dev/null; }
	gone() { bryo volume rm -f victim >/dev/null; }
	kill_everywhere volumes gone -- "$BRYO" $BRYO_FLAGS volume create victim
	kill_everywhere volumes there -- "$BRYO" $BRYO_FLAGS volume rm victim
}

@test "start and stop: it can be started and stopped again" {
	there() {
		bryo rm -f -i -t 0 victim >/dev/null
		bryo create --name victim --network=none tiny sleep 12345 >/dev/null
	}
	runs() { there && bryo start victim >/dev/null; }
	again() {
		alive_and_kept || return 1
		bryo stop -t 0 victim >/dev/null || complain "cannot be stopped" || return 1
		bryo start victim >/dev/null || complain "cannot be started" || return 1
		running victim || complain "does not run" || return 1
		bryo rm -f -t 0 victim >/dev/null || complain "cannot be removed" || return 1
		nothing_new
	}
	kill_everywhere again there -- "$BRYO" $BRYO_FLAGS start victim
	kill_everywhere again runs -- "$BRYO" $BRYO_FLAGS stop -t 0 victim
}

@test "rename: it bears one of the two names" {
	there() {
		bryo rm -f -i victim second >/dev/null
		bryo create --name victim tiny true >/dev/null
	}
	one_of_two() {
		alive_and_kept || return 1
		bryo ps -a --filter name=victim --filter name=second --format '{{.Names}}' >names
		[ "$(wc -l <names)" = 1 ] || complain "not one container: $(cat names)" || return 1
		bryo rm "$(cat names)" >/dev/null || complain "cannot be removed" || return 1
		bryo create --name victim tiny true >/dev/null || complain "the old name is taken" || return 1
		bryo create --name second tiny true >/dev/null || complain "the new name is taken" || return 1
		bryo rm victim second >/dev/null && nothing_new
	}
	kill_everywhere one_of_two there -- "$BRYO" $BRYO_FLAGS rename victim second
}
