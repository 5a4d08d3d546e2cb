#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers whose host reaches the rest of the world by a bad line: late, losing, narrow. Each way.

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
	[ -w /dev/net/tun ] || skip "/dev/net/tun cannot be used"
	export NET_TIMEOUT=110 BATS_TEST_TIMEOUT=500
}

# 100 ms there and back, one packet with data of a hundred lost. Without a container the same takes BASE ms.
@test "a late line that loses: out and in take no more than twice the time of the host alone" {
	NET_LINE="$(late_line 50 100)far $NET_PEER receiver $NET_FAR4 7000"
	export NET_LINE
	size=1000000
	base=$(net_user "peer put \$NET_FAR4 7000 $size; peer get \$NET_FAR4 7000 $size")
	echo "# host alone: put, get $(echo $base) ms" >&3
	for way in on off; do
		took=$(NET_FAST=$way net_user "ctr -- \$python /t/lib/net-peer.py put \$NET_FAR4 7000 $size
			ctr -- \$python /t/lib/net-peer.py get \$NET_FAR4 7000 $size")
		echo "# out, $way: put, get $(echo $took) ms" >&3
		check_half $base $took
	done
	for way in on off splice; do
		took=$(NET_FAST=$way net_user "ctr_ready -p 7001:80 -- \$python /t/lib/net-peer.py receiver 0.0.0.0 80
			sleep 0.5; from_far put 203.0.113.1 7001 $size; from_far get 203.0.113.1 7001 $size")
		echo "# in, $way: put, get $(echo $took) ms" >&3
		check_half $base $took
	done
}
check_half() { # BASE-PUT BASE-GET PUT GET
	[ $# = 4 ] || complain "not four times: $*"
	[ "$3" -le $((2 * $1)) ] && [ "$4" -le $((2 * $2)) ] || complain "more than twice: $*"
}

@test "a late line: half-close, and a connection that idles with keepalive" {
	NET_LINE="$(late_line 50 0)far $NET_PEER serve $NET_FAR4 7000" both "
		cases half_close \$NET_FAR4 7000
		cases idle \$NET_FAR4 7000" "ok half_close
ok idle"
}

@test "a narrow path: TCP finds its MTU, over IPv4 and IPv6, out and in" {
	NET_LINE="$(narrow_line 1280)far $NET_PEER receiver $NET_FAR4,$NET_FAR6 7000"
	export NET_LINE
	ways="on off" both 'for host in $NET_FAR4 $NET_FAR6; do for kind in put get; do
			ctr -- $python /t/lib/net-peer.py $kind $host 7000 3000000 | tr "[:digit:]" "\n" | uniq; done; done' ""
	ways="on off splice" both 'ctr_ready -p 7001:80 -- $python /t/lib/net-peer.py receiver 0.0.0.0,:: 80
		sleep 0.5
		for kind in put get; do from_far $kind 192.0.2.1 7001 3000000; from_far $kind 2001:db8:2::1 7001 3000000; done >"$work/times"
		wc -l <"$work/times"' 4
}

@test "a narrow path: UDP datagrams of all sizes come through, over IPv4 and IPv6" {
	NET_LINE="$(narrow_line 1280)far $NET_PEER serve $NET_FAR4,$NET_FAR6 7000" both '
		for host in $NET_FAR4 $NET_FAR6; do for size in 1200 1400 4000 20000; do
			ctr -- $python /t/lib/net-peer.py datagram $host 7000 $size; done; done' "ok 1200
ok 1400
ok 4000
ok 20000
ok 1200
ok 1400
ok 4000
ok 20000"
}
