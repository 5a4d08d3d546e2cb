#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Socket injection against a container that wants more: see inject-hostile.c. What it may not reach stands on the host's
# loopback and notes whoever comes.

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
	[ -x "$BRYO_WORK/inject-hostile" ] || skip "no compiler, or no static C library"
	if [ -n "$BRYO_TEST_LONG" ]; then export SECONDS_EACH=30; else export SECONDS_EACH=3; fi
}

trap_='start $python $NET_TESTS/lib/net-trap.py "$work/trap" 7001; serve $NET_HOST4 7000
	hostile="inject-hostile $NET_HOST4 7000 127.0.0.1 7001"
	came() { sort "$work/trap" | uniq -c | tr -s " "; }
'

@test "on the host itself the hostile program reaches what it wants" {
	net_user "$trap_"'$BRYO_WORK/$hostile 1; came' >out
	cat out
	grep -q "tcp4" out
	grep -q "abstract" out
}

@test "in a container it is given sockets of the host, and reaches nothing" {
	for options in "" "-p 7002:7001" "-u 0 --cap-drop all" "-p 7002:80 --security-opt no-new-privileges"; do
		NET_TIMEOUT=120 net_user "$trap_"'ctr -v $BRYO_WORK:/b:ro '"$options"' -- /b/$hostile $SECONDS_EACH; came' >out
		echo "'$options': $(cat out)"
		is "$(wc -l <out)" 1 "what came: $(cat out)"
		[ "$(uname -m)" != x86_64 ] || unlike "$(cat out)" " 0[, ]| 0\$"
		like "$(cat out)" "injected [1-9]"
	done
}

@test "without injection it reaches nothing either" {
	export NET_FAST=off
	net_user "$trap_"'ctr -v $BRYO_WORK:/b:ro -- /b/$hostile 1; came' >out
	cat out
	is "$(wc -l <out)" 1 "what came: $(cat out)"
	like "$(cat out)" "injected 0,"
}

@test "several hostile programs at once, in two containers, reach nothing" {
	NET_TIMEOUT=120 net_user "$trap_"'
		for i in 1 2; do
			ctr -v $BRYO_WORK:/b:ro -- sh -c "for i in 1 2 3; do /b/$hostile $SECONDS_EACH & done; wait" &
			all="${all:-} $!"
		done
		wait $all; came' >out
	cat out
	is "$(wc -l <out)" 6 "what came: $(cat out)"
}

@test "when the injector is killed, calls fail and what is connected goes on" {
	is "$(net_user 'serve $NET_HOST4 7000
		ctr -p 7002:80 -- $python /t/lib/net-cases.py after_loss $NET_HOST4 7000 203.0.113.9 & main=$!
		until [ -e "$work/waits" ]; do sleep 0.05; done
		kill -KILL "$(pgrep -x bryo-inject)"
		sleep 0.2
		: >"$work/gone"
		wait $main')" "ok after_loss"
}

@test "when all of the network is killed, calls fail and the container can be ended" {
	is "$(net_user 'serve $NET_HOST4 7000
		ctr --name c -- $python /t/lib/net-cases.py after_loss $NET_HOST4 7000 203.0.113.9 & main=$!
		until [ -e "$work/waits" ]; do sleep 0.05; done
		kill -KILL "$(pgrep -x bryo-net)"
		sleep 0.2
		: >"$work/gone"
		wait $main')" "ok after_loss"
}

@test "a call of an exec that comes after the injector was killed fails and does not hang" {
	is "$(net_user 'serve $NET_HOST4 7000
		ctr -d --name c -- sleep 50 >"$work/id"
		kill -KILL "$(pgrep -x bryo-inject)"
		sleep 0.2
		timeout 10 "$NET_ENGINE" exec c $python -c "
import errno, socket
print(errno.errorcode[socket.socket().connect_ex((\"$NET_HOST4\", 7000))])"
		"$NET_ENGINE" rm -f -t 0 c >"$work/id"')" ENOSYS
}

@test "a container in another one's network finds its servers; with CAP_NET_ADMIN it ends injection for both" {
	is "$(net_user 'serve $NET_HOST4 7000
		ctr -d --name w -p 7003:80 -- $python -m http.server 80 >"$work/id"
		join() { "$NET_ENGINE" run --rm --network=container:w "${ctr_volumes[@]}" "$@" </dev/null; }
		echo "import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
print(s.getsockname()[0])" >"$work/from.py"
		# bryo-net itself accepts until the server is there.
		for i in $(seq 50); do
			join tiny $python /w/from.py 127.0.0.1 80 2>"$work/id" && break
			sleep 0.1
		done
		join tiny $python /w/from.py $NET_HOST4 7000
		"$NET_ENGINE" exec w $python /w/from.py $NET_HOST4 7000
		join --cap-add NET_ADMIN tiny $python /w/from.py $NET_HOST4 7000
		"$NET_ENGINE" exec w $python /w/from.py $NET_HOST4 7000
		"$NET_ENGINE" rm -f -t 0 w >"$work/id"')" "127.0.0.1
198.51.100.1
198.51.100.1
10.0.2.100
10.0.2.100"
}
