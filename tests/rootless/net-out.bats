#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container on the default network reaches, and what it must not reach.

load ../lib/net

setup() { net_need; }

@test "TCP and UDP go out over IPv4 and IPv6" {
	run -0 net_host '
		serve $NET_HOST4,$NET_HOST6 7000
		ctr -- bash -c "for kind in tcp udp; do for host in $NET_HOST4 $NET_HOST6; do
			peer \$kind \$host 7000 \"\$kind over \$host\"; done; done"'
	[ "$output" = "tcp over $NET_HOST4
tcp over $NET_HOST6
udp over $NET_HOST4
udp over $NET_HOST6" ]
}

@test "ping goes out over IPv4 and IPv6, and the gateway answers" {
	run -0 net_host 'ctr -- bash -c "for host in $NET_HOST4 $NET_HOST6 10.0.2.2 fd62:7279:6f00::2; do
		peer ping \$host; done"'
	[ "$output" = "pong $NET_HOST4
pong $NET_HOST6
pong 10.0.2.2
pong fd62:7279:6f00::2" ]
}

@test "two pings with one identifier to two hosts get their own answers" {
	run -0 net_host 'ip -6 addr add 2001:db8::2/128 dev lo nodad
		ctr -- bash -c "peer ping $NET_HOST6 & peer ping 2001:db8::2; wait" | sort'
	[ "$output" = "pong 2001:db8::1
pong 2001:db8::2" ]
}

@test "the interface has Podman's addresses, routes and MTU" {
	run -0 net_host 'ctr -- bash -c "ip -o addr show dev tap0; ip route; ip -6 route show default; ip -o link show tap0; ip -o link show lo"'
	[[ "$output" == *"inet 10.0.2.100/24 brd 10.0.2.255"* ]]
	[[ "$output" == *"inet6 fd62:7279:6f00::64/64"* ]]
	[[ "$output" == *"default via 10.0.2.2 dev tap0"* ]]
	[[ "$output" == *"default via fd62:7279:6f00::2 dev tap0"* ]]
	[[ "$output" == *"tap0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 65520"* ]]
	[[ "$output" == *"lo: <LOOPBACK,UP,LOWER_UP>"* ]]
	[[ "$output" != *fe80* ]]
}

@test "options change network, MTU, IPv6 and the interface's name" {
	run -0 net_host 'ctr -n slirp4netns:cidr=10.9.8.0/24,mtu=1500,enable_ipv6=false -- ip -o addr show dev tap0
		ctr -n pasta:-4,-I,eth7,--mtu=4000 -- ip -o link show eth7'
	[[ "$output" == *"inet 10.9.8.100/24"* ]]
	[[ "$output" != *inet6* ]]
	[[ "$output" == *"eth7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 4000"* ]]
}

@test "outbound_addr is the address that servers see" {
	run -0 net_host '
		ip addr add 198.51.100.9/32 dev lo
		serve $NET_HOST4 7000
		ctr -n slirp4netns:outbound_addr=198.51.100.9 -- bash -c "peer tcp $NET_HOST4 7000 who"'
	[ "$output" = 198.51.100.9 ]
}

@test "DNS is forwarded to the host's resolver on its loopback, over UDP and TCP" {
	run -0 net_host 'dns 127.0.0.53 192.0.2.77
		ctr -- bash -c "peer resolve 10.0.2.3 a.example udp; peer resolve 10.0.2.3 a.example tcp"'
	[ "$output" = "192.0.2.77
192.0.2.77" ]
}

@test "DNS over IPv6 is forwarded to an IPv6 resolver" {
	run -0 net_host 'echo "nameserver ::1" >/etc/resolv.conf; dns ::1 192.0.2.78
		ctr -- bash -c "peer resolve fd62:7279:6f00::3 a.example udp; peer resolve fd62:7279:6f00::3 a.example tcp"'
	[ "$output" = "192.0.2.78
192.0.2.78" ]
}

@test "DNS follows the host's resolv.conf, written anew or replaced" {
	run -0 net_host '
		dns 127.0.0.53 192.0.2.1; dns 127.0.0.54 192.0.2.2; dns 127.0.0.55 192.0.2.3
		ctr -- bash -c "peer resolve 10.0.2.3 a.example udp
			echo nameserver 127.0.0.54 >/etc/resolv.conf; sleep 0.2
			peer resolve 10.0.2.3 a.example udp
			echo nameserver 127.0.0.55 >/etc/new; mv /etc/new /etc/resolv.conf; sleep 0.2
			peer resolve 10.0.2.3 a.example udp"'
	[ "$output" = "192.0.2.1
192.0.2.2
192.0.2.3" ]
}

@test "DNS turns to the second resolver when the first is silent" {
	run -0 net_host '
		printf "nameserver 127.0.0.99\nnameserver 127.0.0.53\n" >/etc/resolv.conf
		python3 -c "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\"127.0.0.99\", 53)); time.sleep(30)" &
		dns 127.0.0.53 192.0.2.77
		ctr -- bash -c "for i in 1 2 3 4; do peer resolve 10.0.2.3 a.example udp 2>/dev/null && exit; done; exit 1"'
	[ "$output" = 192.0.2.77 ]
}

@test "the host's loopback is out of reach, and the caller is told so at once" {
	run -0 net_host '
		serve 127.0.0.1 7001; serve ::1 7001
		ctr -- bash -c "for kind in tcp udp; do for host in 10.0.2.2 10.0.2.3 fd62:7279:6f00::2 fd62:7279:6f00::3; do
			peer \$kind \$host 7001 x && echo REACHED \$kind \$host; done; done; true"'
	[[ "$output" != *REACHED* ]]
	[[ "$output" != *TimeoutError* ]]
	[ "$(grep -c "No route to host" <<<"$output")" = 4 ]
	[ "$(grep -c "Permission denied" <<<"$output")" = 4 ]
}

@test "frames forged for loopback, reserved and metadata addresses reach nobody" {
	run -0 net_host '
		start $NET_PEER sink 7001 "$work/log"
		ctr -p 9009:9/udp -- bash -c "
			# The stack has to know our address before it sends anything back.
			peer ping 10.0.2.2 >/dev/null; peer ping fd62:7279:6f00::2 >/dev/null
			for host in 127.0.0.1 127.0.0.53 127.1.2.3 0.0.0.0 10.0.2.2 10.0.2.3 10.0.2.9 169.254.169.254 \
				224.0.0.1 255.255.255.255 10.0.2.255 ::1 :: ::127.0.0.1 ::ffff:127.0.0.1 \
				::ffff:10.0.2.2 fd62:7279:6f00::2 fd62:7279:6f00::3 fd62:7279:6f00::9 fd00:ec2::254 ff02::1 fe80::2; do
				peer forge \$host 7001; done
			peer forge $NET_HOST4 7001; peer forge $NET_HOST6 7001; sleep 0.3"
		tr -d " " <"$work/log"'
	[ "$output" = "$NET_HOST4
$NET_HOST6" ]
}

@test "metadata addresses are refused" {
	run -0 net_host '
		ip addr add 169.254.169.254/32 dev lo; ip -6 addr add fd00:ec2::254/128 dev lo nodad
		serve 169.254.169.254,fd00:ec2::254 7080
		ctr -- bash -c "for host in 169.254.169.254 fd00:ec2::254; do
			peer tcp \$host 7080 x && echo REACHED; done; true"'
	[[ "$output" != *REACHED* ]]
	[[ "$output" == *"No route to host"* ]]
}

@test "allow_host_loopback opens the gateway's address alone" {
	run -0 net_host '
		serve 127.0.0.1,::1 7001
		ctr -n slirp4netns:allow_host_loopback=true -- bash -c "
			peer tcp 10.0.2.2 7001 a; peer udp 10.0.2.2 7001 b; peer tcp fd62:7279:6f00::2 7001 c
			peer tcp 10.0.2.77 7001 x 2>/dev/null && echo REACHED; true"'
	[ "$output" = "a
b
c" ]
}

@test "a port of the forwarder other than 53 is closed, also for a resolver on the loopback" {
	run -0 net_host 'serve 127.0.0.53 7001; ctr -- bash -c "peer tcp 10.0.2.3 7001 x || true"'
	[[ "$output" == *"No route to host"* ]]
}

@test "one thousand connections at once" {
	run -0 net_host 'ulimit -n 4096; serve $NET_HOST4 7000; ctr -- bash -c "ulimit -n 4096; peer many $NET_HOST4 7000 1000"'
	[ "$output" = "ok 1000" ]
}

@test "ten thousand connections at once" {
	[ "$(ulimit -Hn)" -ge 19000 ] || skip "this user may not have 19000 descriptors"
	run -0 net_host 'ulimit -n 19000; serve $NET_HOST4 7000; ctr -- bash -c "peer many $NET_HOST4 7000 10000"'
	[ "$output" = "ok 10000" ]
}

@test "datagrams of any size come through, in fragments where they must" {
	run -0 net_host 'serve $NET_HOST4,$NET_HOST6 7000
		ctr -n slirp4netns:mtu=1500 -- python3 -c "
import socket
for host, family in ((\"$NET_HOST4\", socket.AF_INET), (\"$NET_HOST6\", socket.AF_INET6)):
    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(2)
    for n in (1, 1472, 1473, 9000, 60000):
        s.sendto(bytes(n), (host, 7000)); print(len(s.recv(70000)), end=\" \")"'
	[ "$output" = "1 1472 1473 9000 60000 1 1472 1473 9000 60000 " ]
}

@test "a closed port and a host without a route are told at once" {
	run -0 net_host 'ip route del default
		ctr -- bash -c "peer tcp $NET_HOST4 9 x; peer udp $NET_HOST4 9 x; peer tcp 203.0.113.9 9 x; true"'
	[[ "${lines[0]}" == *ConnectionRefused* ]]
	[[ "${lines[1]}" == *ConnectionRefused* ]]
	[[ "${lines[2]}" == *"unreachable"* ]]
}

@test "large transfers come through whole, both ways, with half-close" {
	run -0 net_host 'serve $NET_HOST4,$NET_HOST6 7000
		ctr -- bash -c "peer bulk $NET_HOST4 7000 60000000; peer bulk $NET_HOST6 7000 60000000"
		ctr -n slirp4netns:mtu=1500 -- bash -c "peer bulk $NET_HOST4 7000 20000000"'
	[ "$output" = "ok 60000000
ok 60000000
ok 20000000" ]
}

@test "without /dev/net/tun a veth pair and a packet socket serve" {
	run -0 net_host '
		mount --bind /dev/null /dev/net/tun
		serve $NET_HOST4,$NET_HOST6 7000; dns 127.0.0.53 192.0.2.77
		ctr -- bash -c "ip -d link show tap0 | grep -o veth; peer tcp $NET_HOST4 7000 a; peer udp $NET_HOST6 7000 b
			peer resolve 10.0.2.3 a.example udp; peer ping $NET_HOST4; peer ping $NET_HOST6
			peer bulk $NET_HOST4 7000 30000000; peer tcp 10.0.2.2 7000 x || true"
		ctr_serve -p 8080:80 -- 80; peer tcp 127.0.0.1 8080 in'
	[[ "$output" == "veth
a
b
192.0.2.77
pong $NET_HOST4
pong $NET_HOST6
ok 30000000
"*"No route to host
in" ]]
}

@test "the host's loopback and its own address can be had under other addresses" {
	run -0 net_host '
		serve 127.0.0.1,::1,$NET_HOST4 7001
		ctr -n pasta:--map-host-loopback,10.0.2.9,--map-host-loopback,fd00::9 -- bash -c "
			peer tcp 10.0.2.9 7001 loopback; peer tcp fd00::9 7001 six; peer udp 10.0.2.9 7001 datagram
			peer tcp 10.0.2.2 7001 x || true"
		ctr -n pasta:--map-guest-addr,169.254.1.2 -- bash -c "peer tcp 169.254.1.2 7001 own; peer udp 169.254.1.2 7001 too; peer tcp 10.0.2.2 7001 x || true"'
	[[ "$output" == "loopback
six
datagram
"*"No route to host
own
too
"*"No route to host" ]]
}

@test "families and protocols can be switched off" {
	run -0 net_host 'serve $NET_HOST4,$NET_HOST6 7000
		ctr -n pasta:--no-udp -- bash -c "peer tcp $NET_HOST4 7000 tcp; peer udp $NET_HOST4 7000 udp 2>&1 | tail -n1"
		ctr -n pasta:--no-icmp -- bash -c "peer tcp $NET_HOST6 7000 six; timeout 4 $NET_PEER ping $NET_HOST4 2>&1 | tail -n1"
		ctr -n pasta:-6 -- bash -c "peer tcp $NET_HOST6 7000 only; ip -4 -o addr show tap0; ip addr add 10.0.2.100/24 dev tap0
			ip route add default via 10.0.2.2 dev tap0; timeout 3 $NET_PEER tcp $NET_HOST4 7000 four || echo gone"'
	[ "${lines[0]}" = tcp ]
	[ "${lines[1]}" != udp ]
	[ "${lines[2]}" = six ]
	[[ "$output" != *"pong"* ]]
	[[ "$output" == *$'only\n'*gone ]]
}

@test "connections leave by the interface asked for, and resolvers on the loopback are reached" {
	run -0 net_host '
		unshare --net sleep 30 & far=$!; sleep 0.3
		for i in 0 4; do
			ip link add v$i type veth peer name w$i netns $far
			ip addr add 192.0.2.$((i + 1))/30 dev v$i; ip link set v$i up
			nsenter -t $far -n ip addr add 192.0.2.$((i + 2))/30 dev w$i; nsenter -t $far -n ip link set w$i up
			ip route add 203.0.113.1 via 192.0.2.$((i + 2)) dev v$i metric $((i + 1))
		done
		nsenter -t $far -n ip link set lo up; nsenter -t $far -n ip addr add 203.0.113.1/32 dev lo
		start nsenter -t $far -n $NET_PEER serve 203.0.113.1 7000
		dns 127.0.0.53 192.0.2.77
		ctr -- bash -c "peer tcp 203.0.113.1 7000 who"
		ctr -n pasta:-i,v4 -- bash -c "peer tcp 203.0.113.1 7000 who; peer udp 203.0.113.1 7000 who
			peer resolve 10.0.2.3 a.example udp; peer resolve 10.0.2.3 a.example tcp"
		ctr -n pasta:-i,nosuch -- true 2>&1 || true'
	[ "$output" = "192.0.2.1
192.0.2.5
192.0.2.5
192.0.2.77
192.0.2.77
Error: cannot find network interface nosuch of this host: No such device" ]
}
