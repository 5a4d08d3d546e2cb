#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Published ports, and the life of bryo-net.

load ../lib/net

setup() { net_need; }

@test "a port published for all addresses serves IPv4 and IPv6, loopback or not" {
	run -0 net_host 'ctr_serve -p 8080:80 -- 80
		for host in 127.0.0.1 $NET_HOST4 ::1 $NET_HOST6; do peer tcp $host 8080 "to $host"; done'
	[ "$output" = "to 127.0.0.1
to $NET_HOST4
to ::1
to $NET_HOST6" ]
}

@test "a server sees the client's address where it is not loopback" {
	run -0 net_host 'ctr_serve -p 8080:80 -p 8080:80/udp -- 80
		for kind in tcp udp; do peer $kind $NET_HOST4 8080 who; peer $kind $NET_HOST6 8080 who; done'
	[ "$output" = "$NET_HOST4
$NET_HOST6
$NET_HOST4
$NET_HOST6" ]
}

@test "UDP ports answer clients on loopback and beyond" {
	run -0 net_host 'ctr_serve -p 8053:53/udp -- 53
		for host in 127.0.0.1 $NET_HOST4 ::1 $NET_HOST6; do peer udp $host 8053 "to $host"; done'
	[ "$output" = "to 127.0.0.1
to $NET_HOST4
to ::1
to $NET_HOST6" ]
}

@test "a published UDP port opens no way to the host's loopback" {
	run -0 net_host '
		serve 127.0.0.1 7001
		ctr -p 8053:53/udp -- bash -c "peer tcp 10.0.2.2 7001 x; peer udp 10.0.2.2 7001 x; true"'
	[[ "$output" == *"No route to host"*"No route to host"* ]]
}

@test "ranges and host addresses are bound as asked" {
	run -0 net_host 'ctr_serve -p 8100-8101:100-101 -p 127.0.0.1:8200:100 -p "[::1]:8300:101" -- 100 101
		peer tcp 127.0.0.1 8101 range; peer tcp 127.0.0.1 8200 four; peer tcp ::1 8300 six
		peer tcp $NET_HOST4 8200 x || true
		peer tcp 127.0.0.1 8300 x || true'
	[ "${lines[0]}" = range ]
	[ "${lines[1]}" = four ]
	[ "${lines[2]}" = six ]
	[[ "${lines[3]}" == ConnectionRefusedError* ]]
	[[ "${lines[4]}" == ConnectionRefusedError* ]]
}

@test "a port in use is named, TCP and UDP" {
	run net_host 'serve 127.0.0.1 8080; ctr -p 8080:80 -- true'
	[ "$status" = 125 ]
	[ "$output" = "Error: cannot expose port 8080: listen tcp 0.0.0.0:8080: bind: Address already in use" ]
	run net_host 'serve 127.0.0.1 8080; ctr -p 127.0.0.1:8080:80/udp -- true'
	[ "$status" = 125 ]
	[ "$output" = "Error: cannot expose port 8080: listen udp 127.0.0.1:8080: bind: Address already in use" ]
}

@test "two containers cannot have one port" {
	run net_host 'ctr_serve -p 8080:80 -- 80; ctr -p 8080:80 -- true'
	[ "$status" = 125 ]
	[[ "$output" == *"Address already in use" ]]
	run net_host 'ctr_serve -p 8080:80/udp -- 80; ctr -p 8080:80/udp -- true'
	[ "$status" = 125 ]
	[[ "$output" == *"Address already in use" ]]
}

@test "a port below 1024 is explained with the fix" {
	run "$NET_DRIVER" -b "$NET_PROGRAM" -p 127.0.0.1:81:80 -- true
	[ "$status" = 125 ]
	[[ "$output" == "Error: cannot expose privileged port 81, you can add 'net.ipv4.ip_unprivileged_port_start=81' to /etc/sysctl.conf (currently "*" or choose a larger port number (>= "*": listen tcp 127.0.0.1:81: bind: Permission denied" ]]
}

@test "an address that this host does not have is an error" {
	run net_host 'ctr -p 203.0.113.5:8080:80 -- true'
	[ "$status" = 125 ]
	[ "$output" = "Error: cannot expose port 8080: listen tcp 203.0.113.5:8080: bind: Cannot assign requested address" ]
}

@test "ports are free again at once when the container ends, twenty times" {
	run -0 net_host '
		for i in $(seq 20); do ctr -p 8080:80 -p 8080:80/udp -- true; done
		python3 -c "import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM): socket.socket(socket.AF_INET, kind).bind((\"\", 8080))"'
	[ -z "$output" ]
}

@test "ports are free again after a connection, with clients still there" {
	run -0 net_host '
		python3 - <<END &
import socket, time
time.sleep(0.5)
s = socket.create_connection(("127.0.0.1", 8080)); s.send(b"x"); s.recv(1); time.sleep(20)
END
		ctr -p 8080:80 -- timeout 1.5 $NET_PEER serve 0.0.0.0 80 || true
		ctr -p 8080:80 -- echo again'
	[ "$output" = "ready
again" ]
}

@test "three hundred connections in one burst through a published port" {
	run -0 net_host 'ulimit -n 4096; ctr_serve -p 8080:80 -- 80; time peer many 127.0.0.1 8080 300'
	[[ "$output" == *"ok 300"* ]]
}

@test "large transfers come in whole" {
	run -0 net_host 'ctr_serve -p 8080:80 -- 80; peer bulk 127.0.0.1 8080 60000000; peer bulk ::1 8080 60000000'
	[ "$output" = "ok 60000000
ok 60000000" ]
}

@test "bryo-net ends with the monitor, killed as it may be, and frees its ports" {
	run -0 net_host '
		ctr_serve -p 8080:80 -- 80; driver=$!
		net=$(pid_of_net)
		kill -KILL $driver; wait $driver || true
		for i in $(seq 100); do [ -d /proc/$net ] || break; sleep 0.02; done
		[ ! -d /proc/$net ] && ctr -p 8080:80 -- echo free'
	[[ "$output" == *free ]]
}

@test "bryo-net ends with the container's init, before the monitor asks" {
	run -0 net_host '
		ctr_serve -p 8080:80 -- 80; driver=$!
		net=$(pid_of_net); kill -STOP $driver
		kill -KILL $(pgrep -P $driver python3)
		for i in $(seq 100); do grep -q "^State:.*[ZX]" /proc/$net/status 2>/dev/null && break; sleep 0.02; done
		grep "^State:" /proc/$net/status; kill -CONT $driver; wait $driver || true'
	[[ "$output" == *zombie* ]]
}

@test "a container whose bryo-net is killed has no network, and its end is clean" {
	run -0 net_host '
		serve $NET_HOST4 7000
		ctr -k -p 8080:80 -- bash -c "sleep 0.2; peer tcp $NET_HOST4 7000 x 2>/dev/null || echo none"
		ctr -p 8080:80 -- echo again'
	[ "$output" = "none
again" ]
}

@test "bryo-net is locked in: no capability, no new privileges, a filter, not dumpable, no descriptor of others" {
	run -0 net_host '
		exec 77</etc/hosts
		ctr_serve -p 8080:80 -- 80
		net=$(pid_of_net)
		grep -E "^(CapPrm|CapEff|CapAmb|NoNewPrivs|Seccomp|Threads):" /proc/$net/status
		stat -c %U /proc/$net/maps 2>/dev/null || true
		for f in /proc/$net/fd/*; do readlink $f 2>/dev/null; done | sed "s/[0-9]*//g" | sort | uniq -c
		tr "\0" " " </proc/$net/cmdline; echo; cat /proc/$net/environ 2>/dev/null | wc -c'
	[[ "$output" == *"CapPrm:	0000000000000000"* ]]
	[[ "$output" == *"CapEff:	0000000000000000"* ]]
	[[ "$output" == *"NoNewPrivs:	1"* ]]
	[[ "$output" == *"Seccomp:	2"* ]]
	[[ "$output" == *"Threads:	1"* ]]
	[[ "$output" != */etc/hosts* ]]
	[[ "$output" == *"bryo-net "* ]]
}

@test "a hundred containers leave no process and no descriptor behind" {
	run -0 net_host '
		before=$(ls /proc/self/fd | wc -l)
		for i in $(seq 100); do ctr -p 8080:80 -- true || exit 1; done
		for i in $(seq 50); do pid_of_net >/dev/null || break; sleep 0.1; done
		pid_of_net && echo LEFT
		[ $before = $(ls /proc/self/fd | wc -l) ] && echo same'
	[ "$output" = same ]
}
