#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many connections, in each way: what is left of them afterwards, how many there can be at once and in a second.
# BRYO_TEST_LONG makes them 100,000.

load ../lib/bryo
load ../lib/net

setup_file() {
	net_need
	fresh_home
	net_user '"$NET_ENGINE" import "$BRYO_WORK/rootfs.tar" tiny >/dev/null'
}
teardown_file() { leave_home; }
setup() {
	net_need
	[ -x "$BRYO_WORK/net-flood" ] || skip "no compiler, or no static C library"
	export BATS_TEST_TIMEOUT=900 NET_TIMEOUT=300 COUNT=4000
	if [ -n "$BRYO_TEST_LONG" ]; then COUNT=100000; fi
}

# Before and after, once all is quiet: bryo-net gives memory back then. Growth is printed when it is more than 200 kB or
# 16 descriptors, which are the threads that the injector keeps in mind. "flood N" makes N connections.
leaks='settle() { sleep 1.5; for i in net inject dialer; do echo $i $(usage bryo-$i); done; }
	leaks() {
		flood 2000 >"$work/warm"
		settle >"$work/before"
		flood $COUNT >"$work/flooded"
		settle >"$work/after"
		paste -d" " "$work/before" "$work/after" | while read -r name fds memory _ fds2 memory2; do
			echo "# $NET_FAST bryo-$name: $fds descriptors, $memory kB; after $(cat "$work/flooded"): $fds2, $memory2 kB" >&2
			[ "$fds2" -le $((fds + 16)) ] && [ "$memory2" -le $((memory + 200)) ] || echo "bryo-$name grew: $fds $memory $fds2 $memory2"
		done
		cut -d" " -f1 "$work/flooded"
	}
'

# ways_of SCRIPT EXPECTED: as both(), and shows the figures.
ways_of() {
	for NET_FAST in ${ways:-on off}; do
		export NET_FAST
		output=$(net_user "$leaks$1" 2>"$BATS_TEST_TMPDIR/figures") || { cat "$BATS_TEST_TMPDIR/figures"; return 1; }
		grep "^#" "$BATS_TEST_TMPDIR/figures" >&3 || true
		is "$output" "$2" "$NET_FAST"
	done
}

@test "short connections out leave nothing behind" {
	ways_of 'start $BRYO_WORK/net-flood serve $NET_HOST4 7000
		ctr -d --name c -v $BRYO_WORK:/b:ro -- sleep 600 >"$work/id"
		flood() { "$NET_ENGINE" exec c /b/net-flood $NET_HOST4 7000 "$1" 64; }
		leaks; "$NET_ENGINE" rm -f -t 0 c >"$work/id"' "$COUNT"
}

@test "short connections in leave nothing behind" {
	ways="on off splice" ways_of 'ctr_ready -p 7001:80 -v $BRYO_WORK:/b:ro -- /b/net-flood serve 0.0.0.0 80
		flood() { $BRYO_WORK/net-flood $NET_HOST4 7001 "$1" 64; }
		leaks' "$COUNT"
}

@test "short connections over IPv6 leave nothing behind, in and out" {
	ways="on off splice" ways_of 'start $BRYO_WORK/net-flood serve $NET_HOST6 7000
		ctr_ready -p 7001:80 --name c -v $BRYO_WORK:/b:ro -- /b/net-flood serve :: 80
		flood() { "$NET_ENGINE" exec c /b/net-flood $NET_HOST6 7000 $(($1 / 2)) 64 >"$work/half"; $BRYO_WORK/net-flood $NET_HOST6 7001 $(($1 / 2)) 64; }
		leaks' "$((COUNT / 2))"
}

@test "a thousand new connections a second, in and out" {
	ways="on off splice" ways_of 'start $BRYO_WORK/net-flood serve $NET_HOST4 7000
		ctr_ready -p 7001:80 --name c -v $BRYO_WORK:/b:ro -- /b/net-flood serve 0.0.0.0 80
		kept() { [ "$3" -lt 3600 ] && echo "kept" || echo "$*"; }
		kept $("$NET_ENGINE" exec c /b/net-flood $NET_HOST4 7000 3000 200 1000)
		kept $($BRYO_WORK/net-flood $NET_HOST4 7001 3000 200 1000)' "kept
kept"
}

@test "ten thousand connections at once" {
	[ "$(ulimit -Hn)" -ge 10200 ] || skip "this user may have $(ulimit -Hn) descriptors"
	export MANY=2000
	if [ -n "$BRYO_TEST_LONG" ]; then MANY=10000; fi
	ways_of 'ulimit -Sn $((MANY + 200)); serve $NET_HOST4 7000
		ctr -- sh -c "ulimit -n $((MANY + 200)); exec $python /t/lib/net-peer.py many $NET_HOST4 7000 $MANY"' "ok $MANY"
	# port_handler=splice carries 2048 at once, the others wait.
	[ "$MANY" -gt 2048 ] || local ways="on off splice"
	ways_of 'ulimit -Sn $((MANY + 200))
		ctr -p 7001:80 -- sh -c "ulimit -n $((MANY + 200)); exec $python /t/lib/net-peer.py serve 0.0.0.0 80" >"$work/server" & wait_port 127.0.0.1 7001; sleep 1
		peer many $NET_HOST4 7001 $MANY' "ok $MANY"
}
