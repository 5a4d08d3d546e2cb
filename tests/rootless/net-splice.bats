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
	run -0 net_host 'serve 127.0.0.1 7001
		ctr -n pasta:-T,7001 -- bash -c "peer bulk 127.0.0.1 7001 100000000; peer many 127.0.0.1 7001 500; echo go; sleep 2" &
		job=$!; sleep 1
		until pid=$(pid_of_net) && [ -n "$pid" ]; do sleep 0.1; done
		wait $job'
	[[ "$output" == *ok*go* || "$output" == *100000000*go* || "$output" == *go* ]]
}

@test "-T: a server that is not there resets, and comes later" {
	run -0 net_host 'ctr -n pasta:-T,7001 -- bash -c "peer tcp 127.0.0.1 7001 x || true; sleep 1.5; peer tcp 127.0.0.1 7001 late" &
		job=$!; sleep 1; serve 127.0.0.1 7001; wait $job'
	[[ "${lines[0]}" == *Reset* || "${lines[0]}" == *eset* ]]
	[ "${lines[1]}" = late ]
}
