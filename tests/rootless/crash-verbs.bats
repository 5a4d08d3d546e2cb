# SPDX-License-Identifier: Apache-2.0
# kill -9 in the midst of exec, rm, stop, create, commit-like writes of records.
load ../lib/bryo
load ../lib/crash

setup_file() {
	own_store
	bryo run -d --name alive --network=none tiny sleep 98765 >/dev/null
	bryo create --name keep tiny true >/dev/null
}
teardown_file() { drop_store; }

alive_and_kept() {
	[ "$(bryo exec alive echo yes)" = yes ] || complain "the container died of it" || return 1
	bryo container exists keep || complain "a container is lost" || return 1
	bryo image exists tiny || complain "the image is lost"
}

@test "exec: the container lives on" {
	kill_everywhere alive_and_kept -- "$BRYO" $BRYO_FLAGS exec alive true
}

@test "create and rm: it is there or not, and can be made anew" {
	made() {
		alive_and_kept || return 1
		bryo rm -f -i -t 0 victim >/dev/null || complain "cannot be removed" || return 1
		bryo create --name victim tiny true >/dev/null || complain "cannot be made anew" || return 1
		bryo rm victim >/dev/null
	}
	kill_everywhere made -- "$BRYO" $BRYO_FLAGS create --name victim tiny true
}

@test "rm: the next rm finishes it" {
	there() {
		bryo rm -f -i -t 0 victim >/dev/null
		bryo create --name victim -v /anon tiny true >/dev/null
		store_entries >before
	}
	gone() {
		alive_and_kept || return 1
		bryo rm -f -i -t 0 victim >/dev/null || complain "cannot be removed" || return 1
		bryo run --rm --network=none tiny true || complain "the next run fails" || return 1
		! bryo container exists victim || complain "still there" || return 1
		[ "$(store_entries | wc -l)" -lt "$(wc -l <before)" ] || complain "something is left: $(store_entries | diff before - )"
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
		! bryo container exists victim || complain "still there"
	}
	kill_everywhere gone there -- "$BRYO" $BRYO_FLAGS rm -f -t 0 victim
}

@test "volume create and rm" {
	volumes() {
		alive_and_kept || return 1
		bryo volume rm -f victim >/dev/null || complain "cannot be removed" || return 1
		bryo volume create victim >/dev/null || complain "cannot be made anew" || return 1
		bryo volume rm victim >/dev/null
	}
	kill_everywhere volumes -- "$BRYO" $BRYO_FLAGS volume create victim
}
