#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Streams that bypass the user-mode stack: the host's loopback ports at the container's own.

load ../lib/net

setup() { net_need; }

@test "-T: a port of the host's loopback is the container's own, IPv4 and IPv6" {
	run -0 net_host 'serve 127.0.0.1,::1 7001
		ctr -n pasta:-T,7001 -- bash -c "peer tcp 127.0.0.1 7001 four; peer tcp ::1 7001 six"
		ctr -n pasta:-T,127.0.0.1/81:7001 -- bash -c "peer tcp 127.0.0.1 81 moved; peer tcp ::1 81 x || true"'
	[ "${lines[0]}" = four ]
	[ "${lines[1]}" = six ]
	[ "${lines[2]}" = moved ]
	[[ "${lines[3]}" == ConnectionRefusedError* ]]
}

@test "-T: no other port of the host, and nothing without it" {
	run -0 net_host 'serve 127.0.0.1 7001 7002
		ctr -n pasta:-T,7001 -- bash -c "peer tcp 127.0.0.1 7002 x || true; peer tcp 10.0.2.2 7001 x || true"
		ctr -- bash -c "peer tcp 127.0.0.1 7001 x || true"'
	[[ "${lines[0]}" == ConnectionRefusedError* ]]
	[[ "${lines[1]}" == *"No route to host"* ]]
	[[ "${lines[2]}" == ConnectionRefusedError* ]]
}

@test "-T: large transfers, many connections, and descriptors are given back" {
	run -0 net_host '
		fds() { ls /proc/$(pid_of_net)/fd | wc -l; }
		ulimit -n 4096
		serve 127.0.0.1 7001
		cd "$work"; mkfifo over go
		ctr -n pasta:-T,7001 -- bash -c "ulimit -n 4096; read -r _ <go
			peer bulk 127.0.0.1 7001 100000000; peer many 127.0.0.1 7001 1000; echo over >over; read -r _ <go" & job=$!
		until pid_of_net >/dev/null; do sleep 0.1; done; sleep 0.3; before=$(fds)
		echo go >go; read -r _ <over; sleep 0.5
		# pipes without bytes are kept for the next ones: 32 at most, two descriptors each
		[ "$(fds)" -le $((before + 66)) ] || echo "leaked: $before, $(fds)"
		echo end >go; wait $job'
	[ "$output" = "ok 100000000
ok 1000" ]
}

@test "-T: a server that is not there resets, and comes later" {
	run -0 net_host 'ctr -n pasta:-T,7001 -- bash -c "peer tcp 127.0.0.1 7001 x || true; sleep 1.5; peer tcp 127.0.0.1 7001 late" &
		job=$!; sleep 1; serve 127.0.0.1 7001; wait $job'
	[[ "${lines[0]}" == *Reset* || "${lines[0]}" == *eset* ]]
	[ "${lines[1]}" = late ]
}

@test "port_handler=splice: published ports serve, and servers see the client's address" {
	run -0 net_host '
		ctr_serve -n slirp4netns:port_handler=splice -p 8080-8081:80-81 -p 127.0.0.1:8200:80 -- 80 81
		for host in 127.0.0.1 $NET_HOST4 ::1 $NET_HOST6; do peer tcp $host 8080 "to $host"; done
		for host in 127.0.0.1 $NET_HOST4 ::1 $NET_HOST6; do peer tcp $host 8081 who; done
		peer tcp 127.0.0.1 8200 one; peer tcp $NET_HOST4 8200 x || true'
	[ "${lines[0]}" = "to 127.0.0.1" ]
	[ "${lines[3]}" = "to $NET_HOST6" ]
	[ "${lines[4]}" = 10.0.2.2 ]
	[ "${lines[5]}" = "$NET_HOST4" ]
	[ "${lines[6]}" = fd62:7279:6f00::2 ]
	[ "${lines[7]}" = "$NET_HOST6" ]
	[ "${lines[8]}" = one ]
	[[ "${lines[9]}" == ConnectionRefusedError* ]]
}

@test "port_handler=splice: large transfers, many connections, nobody there is a reset" {
	run -0 net_host '
		ctr_serve -n slirp4netns:port_handler=splice -p 8080:80 -p 8081:81 -- 80
		peer bulk $NET_HOST4 8080 100000000; peer many 127.0.0.1 8080 500; peer tcp $NET_HOST4 8081 x || true'
	[[ "${lines[0]}" == "ok 100000000" ]]
	[[ "${lines[-1]}" == *eset* ]]
}

@test "port_handler=splice: a port in use is named, ports are free afterwards, UDP goes on" {
	run net_host 'serve 127.0.0.1 8080; ctr -n slirp4netns:port_handler=splice -p 8080:80 -- true'
	[ "$status" = 125 ]
	[ "$output" = "Error: cannot expose port 8080: listen tcp 0.0.0.0:8080: bind: Address already in use" ]
	run -0 net_host '
		for i in 1 2 3; do ctr -n slirp4netns:port_handler=splice -p 8080:80 -- true; done
		ctr_serve -n slirp4netns:port_handler=splice -p 8080:80 -p 8080:80/udp -- 80
		peer udp 127.0.0.1 8080 datagram
		kill $!; sleep 0.5; pgrep -x bryo-dialer || echo none'
	[ "$output" = "datagram
none" ]
}

@test "port_handler=splice: the dialer holds one capability, a filter, and nothing of the host" {
	run -0 net_host '
		ctr_serve -n slirp4netns:port_handler=splice -p 8080:80 -- 80
		pid=$(pgrep -x bryo-dialer); grep -E "^(CapEff|CapPrm|CapInh|NoNewPrivs|Seccomp):" /proc/$pid/status | tr -s "\t" " "
		ls /proc/$pid/fd | wc -l	# 0 to 2 are /dev/null
		[ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] && echo apart'
	[ "$output" = "CapInh: 0000000000000000
CapPrm: 0000000000002000
CapEff: 0000000000002000
NoNewPrivs: 1
Seccomp: 2
4
apart" ]
}
