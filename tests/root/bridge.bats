# SPDX-License-Identifier: Apache-2.0
# The default network of privileged mode: a bridge, veth pairs, nftables. Each test has a host of its own, a
# network and mount namespace with a private /run, and a second namespace that plays the outside; nothing is
# seen of the machine's network, nor does anything reach it.
load ../lib/bryo

setup_file() {
	fresh_home
	import_tiny
	export ROOTFS
	export PEER="python3 $BRYO_WORK/tests/lib/net-peer.py"
}
teardown_file() { remove_all; }

setup() {
	need_program nft
	need_program python3
	unshare --net sh -c 'ip link add type bridge && ip link add type veth && nft add table inet t' 2>/dev/null ||
		skip "no bridges, veth pairs or nftables in this kernel"
}

# host SCRIPT: runs a bash script on a host of its own, 198.51.100.1, whose way out leads to 198.51.100.2.
# In it, beside bryo:
#   outside COMMAND...         runs a command outside
#   inside NAME COMMAND...     runs a command in a container's network, with the host's files and privilege
#   serve WHERE ADDRESS PORT   starts a server, WHERE being "here", "outside" or "inside NAME", and waits for it
#   ask WHERE tcp|udp ADDRESS PORT   the client's address as the server sees it, or why there was no answer
#   detached NAME FLAGS...     a container that sleeps
#   kill_monitor NAME          kill -9, and its end
host() {
	HOST_SCRIPT=$1 BRYO_TIMEOUT=30 timeout 100 unshare --net --mount --pid --fork --mount-proc --kill-child bash -c '
		set -eu
		mount --make-rprivate /
		mount -t tmpfs tmpfs /run
		work=$(mktemp -d)
		ip link set lo up
		start() {
			local fifo=$work/fifo$RANDOM$RANDOM; mkfifo "$fifo"
			"$@" >"$fifo" & read -r _ <"$fifo"
		}
		start unshare --net sh -c "ip link set lo up; echo ready; exec sleep 1000"
		outside=$!
		ip link add up0 type veth peer name out0 netns $outside
		ip addr add 198.51.100.1/24 dev up0
		ip -6 addr add 2001:db8::1/64 dev up0 nodad
		ip link set up0 up
		ip route add default via 198.51.100.2
		outside() { nsenter --net --target "$outside" "$@"; }
		outside ip addr add 198.51.100.2/24 dev out0
		outside ip -6 addr add 2001:db8::2/64 dev out0 nodad
		outside ip link set out0 up
		bryo() { timeout --foreground -k 5 30 "$BRYO" $BRYO_FLAGS "$@"; }
		pid_of() { bryo inspect -f "{{.State.Pid}}" "$1"; }
		inside() { local pid; pid=$(pid_of "$1"); shift; nsenter --net --target "$pid" "$@"; }
		here() { "$@"; }
		serve() {
			local where=("$1"); [ "$1" != inside ] || { where+=("$2"); shift; }; shift
			start "${where[@]}" $PEER serve "$@"
		}
		ask() {
			local where=("$1"); [ "$1" != inside ] || { where+=("$2"); shift; }
			"${where[@]}" $PEER "$2" "$3" "$4" who 2>&1 | tail -1
		}
		detached() { local name=$1; shift; bryo run -d --name "$name" "$@" tiny sleep 1000 >/dev/null; }
		address_of() { bryo inspect -f "{{.NetworkSettings.IPAddress}}" "$1"; }
		gone() { ! ip link show bryo0 >/dev/null 2>&1 && ! nft list table inet bryo >/dev/null 2>&1; }
		soon() { local i; for i in $(seq 250); do "$@" && return; sleep 0.02; done; echo "not soon: $*"; return 1; }
		kill_monitor() {
			local pid; pid=$(bryo inspect -f "{{.State.ConmonPid}}" "$1")
			kill -9 "$pid"
			soon eval "! grep -q \"^State:.[^ZX]\" /proc/$pid/status 2>/dev/null"
		}
		export -f outside inside pid_of bryo here
		export outside
		status=0
		(eval "$HOST_SCRIPT") || status=$?
		bryo rm -af -t 0 >/dev/null
		# What ended monitors still do for their links would need this folder.
		soon gone || { ip link; nft list ruleset; status=1; }
		exit $status
	'
}

# on_host SCRIPT: the same, its output in $output; fails with it.
on_host() {
	run host "$1"
	[ "$status" = 0 ] || complain "exit status $status: $output"
}

@test "a container has eth0, an address of 10.88.0.0/16 and its gateway's route; hosts and resolv.conf fit" {
	on_host '
		printf "nameserver 127.0.0.53\nsearch example.com\n" >"$work/resolv.conf"
		mount --bind "$work/resolv.conf" /etc/resolv.conf
		mkdir -p /run/systemd/resolve
		echo "nameserver 192.0.2.53" >/run/systemd/resolve/resolv.conf
		bryo run --rm --name c --hostname box tiny sh -c "ip -o addr show eth0; ip route; cat /etc/hosts /etc/resolv.conf"'
	like "$output" 'eth0 +inet 10\.88\.0\.2/16 brd 10\.88\.255\.255'
	has_not "$output" inet6
	has "$output" "default via 10.88.0.1 dev eth0"
	like "$output" '^10\.88\.0\.1.host\.containers\.internal host\.docker\.internal$'
	like "$output" '^10\.88\.0\.2.box c$'
	has "$output" "nameserver 192.0.2.53"
	has_not "$output" 127.0.0.53
}

@test "resolvers: loopback ones are left out; where none is left Podman's fallback; --dns replaces all" {
	on_host '
		printf "nameserver 127.0.0.1\nnameserver 192.0.2.1\nnameserver 2001:db8::53\n" >"$work/resolv.conf"
		mount --bind "$work/resolv.conf" /etc/resolv.conf
		bryo run --rm tiny cat /etc/resolv.conf; echo --
		echo "nameserver 127.0.0.1" >"$work/resolv.conf"
		bryo run --rm tiny cat /etc/resolv.conf; echo --
		bryo run --rm --dns 192.0.2.9 tiny cat /etc/resolv.conf; echo --
		printf "nameserver 2001:db8::53\n" >"$work/resolv.conf"
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		bryo run --rm tiny cat /etc/resolv.conf'
	is "$(tr '\n' ' ' <<<"$output")" "nameserver 192.0.2.1 -- nameserver 8.8.8.8 nameserver 8.8.4.4 -- nameserver 192.0.2.9 -- nameserver 2001:db8::53 "
}

@test "bridge, private, default and podman name this network; slirp4netns, none and host stay what they are" {
	on_host '
		for i in bridge private default podman; do
			bryo run --rm --network=$i tiny ip -o -4 addr show | grep -c " eth0 .*10\.88\."
		done
		bryo run --rm --network=slirp4netns tiny ip -o -4 addr show | grep -c " tap0 "
		bryo run --rm --network=none tiny ip -o -4 addr show | grep -c -v " lo " || true
		bryo run --rm --network=host tiny ip -o -4 addr show | grep -c " up0 "'
	is "$output" "$(printf '%s\n' 1 1 1 1 1 0 1)"
	refused other -- create --network=other tiny true
	refused "options of a network" -- create --network=bridge:mtu=9000 tiny true
	refused --network-alias -- create --network-alias=a tiny true
	refused --ip "bridged network" -- create --network=none --ip=10.88.0.9 tiny true
}

@test "out: the source address is the host's, for TCP and UDP; other containers are met directly" {
	on_host '
		serve outside 198.51.100.2 7000
		detached a; detached b
		serve inside b 0.0.0.0 80
		echo "$(ask inside a tcp 198.51.100.2 7000) $(ask inside a udp 198.51.100.2 7000)"
		echo "$(ask inside a tcp "$(address_of b)" 80) $(address_of a)"
		cat /proc/sys/net/ipv4/ip_forward'
	is "${lines[0]}" "198.51.100.1 198.51.100.1"
	is "${lines[1]}" "10.88.0.2 10.88.0.2"
	is "${lines[2]}" 1
}

@test "published ports show the client's address: TCP, UDP, ranges, one address" {
	on_host '
		detached a -p 8080:80 -p 8081:81/udp -p 8100-8102:200-202 -p 198.51.100.1:8090:90
		serve inside a 0.0.0.0 80 81 90 200 201 202
		for i in "tcp 8080" "udp 8081" "tcp 8100" "tcp 8102" "tcp 8090"; do
			ask outside ${i% *} 198.51.100.1 ${i#* }
		done
		echo --; for i in "udp 8080" "tcp 8081" "tcp 8103"; do ask outside ${i% *} 198.51.100.1 ${i#* }; done'
	is "$(sed '/^--/,$d' <<<"$output" | sort -u)" 198.51.100.2
	is "$(grep -c '^198' <<<"$output")" 5
	is "$(sed '1,/^--/d' <<<"$output" | grep -c Error)" 3 "other protocols and ports"
}

@test "published ports from the host itself: by its own address and by loopback, but loopback only for itself" {
	on_host '
		detached a -p 8080:80 -p 127.0.0.1:9000:90 -p 127.0.0.1:9001:91/udp
		serve inside a 0.0.0.0 80 90 91
		ask here tcp 198.51.100.1 8080
		ask here tcp 127.0.0.1 8080
		ask here tcp 127.0.0.1 9000
		ask here udp 127.0.0.1 9001
		ask outside tcp 198.51.100.1 9000'
	is "${lines[0]}" 198.51.100.1
	is "${lines[1]} ${lines[2]} ${lines[3]}" "10.88.0.1 10.88.0.1 10.88.0.1"
	like "${lines[4]}" 'Refused'
}

@test "hairpin: a container reaches its own published port and another's" {
	on_host '
		detached a -p 8080:80 -p 8081:81/udp; detached b
		serve inside a 0.0.0.0 80 81
		for i in a b; do
			echo "$(ask inside $i tcp 198.51.100.1 8080) $(ask inside $i tcp 10.88.0.1 8080) $(ask inside $i udp 198.51.100.1 8081)"
		done'
	is "${lines[0]}" "10.88.0.1 10.88.0.1 10.88.0.1"
	is "${lines[1]}" "10.88.0.1 10.88.0.1 10.88.0.1"
}

@test "not published is not reached, though the host routes; the host's loopback is closed to containers" {
	on_host '
		detached a -p 8080:80
		serve inside a 0.0.0.0 80
		serve here 127.0.0.1 7001
		outside ip route add 10.88.0.0/16 via 198.51.100.1
		ask outside tcp 10.88.0.2 80
		# 127.0.0.1 by way of the bridge, and as a false sender.
		inside a sh -c "
			echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
			ip addr del 127.0.0.1/8 dev lo
			ip route del local 127.0.0.0/8 table local 2>/dev/null || true
			ip route add 127.0.0.1/32 via 10.88.0.1 dev eth0 src 10.88.0.2"
		echo "route: $(inside a ip route get 127.0.0.1 | head -1)"
		ask inside a udp 127.0.0.1 7001
		# The same with that one rule gone: so this test sees what it says.
		nft flush chain inet bryo guard
		ask inside a udp 127.0.0.1 7001'
	like "${lines[0]}" '[Tt]imed out|unreachable'
	has "${lines[1]}" "via 10.88.0.1 dev eth0"
	like "${lines[2]}" '[Tt]imed out'
	is "${lines[3]}" 10.88.0.2
}

@test "a port in use is found before the start, and nobody else can have a published one" {
	on_host '
		serve here 0.0.0.0 8080
		bryo run --rm -p 8080:80 tiny true || true
		bryo run --rm -p 8079-8081:79-81/udp tiny true || true
		soon gone && echo nothing is left
		detached a -p 8090:80 -p 8091:81/udp
		bryo run --rm -p 127.0.0.1:8090:80 tiny true || true
		python3 -c "
import socket
for kind, port in (socket.SOCK_STREAM, 8090), (socket.SOCK_DGRAM, 8091):
    s = socket.socket(socket.AF_INET, kind); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try: s.bind((\"127.0.0.1\", port)); print(\"taken\")
    except OSError as e: print(e.strerror)"
		bryo rm -f -t 0 a >/dev/null
		bryo run --rm -p 8090:80 tiny echo free again'
	has "${lines[0]}" "cannot expose port 8080: listen tcp 0.0.0.0:8080: bind: Address already in use"
	has "${lines[1]}" "cannot expose port 8080: listen udp 0.0.0.0:8080: bind: Address already in use"
	is "${lines[2]}" "nothing is left"
	has "${lines[3]}" "cannot expose port 8090: listen tcp 127.0.0.1:8090: bind: Address already in use"
	is "${lines[4]} / ${lines[5]}" "Address already in use / Address already in use"
	is "${lines[6]}" "free again"
}

@test "twenty containers started at once have twenty addresses, and all of them go" {
	on_host '
		jobs=()
		for i in $(seq 20); do detached c$i -p $((8000 + i)):80 & jobs+=($!); done
		for j in "${jobs[@]}"; do wait "$j"; done
		for i in $(seq 20); do address_of c$i; done | sort -u | wc -l
		nft list map inet bryo ports4 | grep -o "tcp \. 80[0-9]*" | sort -u | wc -l
		for i in 1 20; do serve inside c$i 0.0.0.0 80; ask outside tcp 198.51.100.1 $((8000 + i)); done
		bryo rm -af -t 0 >/dev/null
		soon gone && echo all gone'
	is "${lines[0]} ${lines[1]}" "20 20"
	is "${lines[2]} ${lines[3]}" "198.51.100.2 198.51.100.2"
	is "${lines[4]}" "all gone"
}

@test "kill -9 of a monitor: the next command takes away what it left, another container stays" {
	on_host '
		detached a -p 8080:80; detached b -p 8090:80
		serve inside b 0.0.0.0 80
		kill_monitor a
		nft list map inet bryo ports4 | grep -c "tcp . 8080" || true
		bryo ps -a --format "{{.Names}} {{.Status}}" | grep "^a " | cut -c1-15
		nft list map inet bryo ports4 | grep -c "tcp . 8080" || true
		ask outside tcp 198.51.100.1 8090
		kill_monitor b
		bryo ps >/dev/null
		gone && echo gone'
	is "${lines[0]}" 1
	is "${lines[1]}" "a Exited (137) "
	is "${lines[2]}" 0
	is "${lines[3]}" 198.51.100.2
	is "${lines[4]}" gone
}

@test "kill -9 of a monitor: the next start repairs as well, and the port can be had at once" {
	on_host '
		detached a --rm -p 8080:80
		kill_monitor a
		soon sh -c "! ss -ltn | grep -q :8080"
		detached b -p 8080:80
		serve inside b 0.0.0.0 80
		ask outside tcp 198.51.100.1 8080
		nft list map inet bryo ports4 | grep -c "comment"'
	is "${lines[0]}" 198.51.100.2
	is "${lines[1]}" 1
}

@test "kill -9 of everything at random moments of a start: the next one works, and nothing is left after it" {
	on_host '
		alive() { ps -eo pid=,stat=,comm= | awk "\$2 !~ /^Z/ && \$3 ~ /^bryo/ { print \$1 }"; }
		none_left() { local pids; pids=$(alive); [ -z "$pids" ] || { kill -9 $pids 2>/dev/null || true; return 1; }; }
		for i in $(seq 20); do
			"$BRYO" $BRYO_FLAGS run -d --rm -p 8080:80 tiny sleep 1000 >/dev/null 2>&1 &
			sleep "0.0$((RANDOM % 2))$((RANDOM % 10))"
			# In this process namespace all of them are this test'"'"'s own. What forked meanwhile comes next.
			soon none_left
			wait $! || true
			bryo run --rm -p 8080:80 tiny true
			soon gone
		done
		bryo ps -aq
		echo done'
	is "$(grep -v Killed <<<"$output")" "done"
}

@test "the last container takes bridge and table away, not the one before it" {
	on_host '
		detached a; detached b -p 8080:80
		bryo rm -f -t 0 b >/dev/null
		sleep 0.3; gone || echo there
		bryo stop -t 0 a >/dev/null
		soon gone && echo gone
		bryo start a >/dev/null
		inside a ip -o -4 addr show eth0 | grep -o "inet [0-9.]*"
		bryo restart -t 0 a >/dev/null
		inside a ip -o -4 addr show eth0 | grep -o "inet [0-9.]*"'
	is "${lines[0]} ${lines[1]}" "there gone"
	like "${lines[2]}" '^inet 10\.88\.0\.'
	like "${lines[3]}" '^inet 10\.88\.0\.'
}

@test "--ip, --ip6 and --mac-address; one that is taken, one from elsewhere" {
	on_host '
		detached a --ip 10.88.7.7 --mac-address 02:11:22:33:44:55
		inside a ip -o addr show eth0 | grep -o "inet 10[0-9./]*"; inside a ip -o link show eth0 | grep -o "ether [0-9a-f:]*"
		bryo run --rm --ip 10.88.7.7 tiny true || true
		bryo run --rm --ip 10.99.0.1 tiny true || true
		bryo run --rm --ip 10.88.0.1 tiny true || true
		bryo run --rm --ip6 fd62:7279:6f01::77 tiny true || true
		detached b; serve inside a 0.0.0.0 80
		ask inside b tcp 10.88.7.7 80 | sed "s/[0-9]*$/x/"
		bryo rm -f -t 0 a >/dev/null
		bryo run --rm --ip 10.88.7.7 tiny echo free again
		sleep 1 # a neighbour is not looked at again sooner (locktime of arp(7))
		detached a --ip 10.88.7.7 --mac-address 02:11:22:33:44:66; serve inside a 0.0.0.0 80
		ask inside b tcp 10.88.7.7 80 | sed "s/[0-9]*$/x/"
		inside a cat /proc/sys/net/ipv6/conf/eth0/accept_ra'
	is "${lines[0]} ${lines[1]}" "inet 10.88.7.7/16 ether 02:11:22:33:44:55"
	has "${lines[2]}" "requested ip address 10.88.7.7 is already allocated"
	has "${lines[3]}" "requested static ip 10.99.0.1 not in any subnet on network podman"
	has "${lines[4]}" "requested static ip 10.88.0.1 not in any subnet on network podman"
	has "${lines[5]}" "net.ipv6.conf.all.forwarding is 0"
	is "${lines[6]} / ${lines[7]}" "10.88.0.x / free again"
	is "${lines[8]} ${lines[9]}" "10.88.0.x 0" "by another hardware address; router advertisements"
	refused "\"10.88.1\" is not an ip address" -- create --ip 10.88.1 tiny true
	refused "address 01:00:5e: invalid MAC address" -- create --mac-address 01:00:5e tiny true
	refused "hardware address" -- create --mac-address 01:00:5e:00:00:01 tiny true
}

@test "IPv6 where the host forwards it: out by NAT, in by published ports, hairpin; otherwise none" {
	on_host '
		bryo run --rm -p "[::]:8080:80" tiny true || true
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		detached a -p 8080:80 -p "[2001:db8::1]:8090:90" --ip6 fd62:7279:6f01::77
		serve inside a :: 80 90
		serve outside 2001:db8::2 7000
		ask inside a tcp 2001:db8::2 7000
		ask outside tcp 2001:db8::1 8080
		ask outside tcp 2001:db8::1 8090
		ask inside a tcp 2001:db8::1 8080
		inside a ip -o -6 addr show eth0 | grep -o "inet6 [0-9a-f:/]*"
		bryo inspect -f "{{.NetworkSettings.GlobalIPv6Address}}/{{.NetworkSettings.GlobalIPv6PrefixLen}} {{.NetworkSettings.IPv6Gateway}}" a
		bryo run --rm --ip6 fd62:7279:6f01::77 tiny true || true'
	has "${lines[0]}" "cannot publish a port on [::]"
	is "${lines[1]}" 2001:db8::1
	is "${lines[2]} ${lines[3]}" "2001:db8::2 2001:db8::2"
	is "${lines[4]}" fd62:7279:6f01::1
	is "${lines[5]}" "inet6 fd62:7279:6f01::77/64"
	is "${lines[6]}" "fd62:7279:6f01::77/64 fd62:7279:6f01::1"
	has "${lines[7]}" "fd62:7279:6f01::77 is already allocated"
}

@test "a host that routes 10.88.0.0/16 elsewhere gets the next network, and is told" {
	on_host '
		ip route add 10.88.3.0/24 via 198.51.100.2
		detached a 2>"$work/note"
		cat "$work/note"; address_of a
		# The one beside it is in the same network, though that is routed now.
		detached b; address_of b
		ask inside a tcp 198.51.100.2 7000 >/dev/null || true
		bryo run --rm --ip 10.88.0.5 tiny true || true'
	has "${lines[0]}" "network podman lies in 10.89.0.0/16: this host routes 10.88.0.0/16 elsewhere"
	is "${lines[1]}" 10.89.0.2
	is "$(grep -c '^10.89.0.3$' <<<"$output")" 1
	has "$output" "requested static ip 10.88.0.5 not in any subnet"
}

@test "a client that was there first: UDP follows the container that comes and goes" {
	on_host '
		detached a -p 8081:81/udp; serve inside a 0.0.0.0 81
		outside python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.1); s.connect((\"198.51.100.1\", 8081))
end, state, seen = time.time() + 15, None, []
while time.time() < end and seen != [1, 0, 1]:
    now = 0
    try: s.send(b\"who\\n\"); now = int(bool(s.recv(64)))
    except OSError: pass
    if now != state: state = now; seen.append(now)
print(seen)" & client=$!
		sleep 0.5
		bryo rm -f -t 0 a >/dev/null; sleep 0.5
		detached b -p 8081:81/udp; serve inside b 0.0.0.0 81
		wait $client'
	has "$output" "[1, 0, 1]"
}

@test "the MTU is that of the way out, on the bridge too" {
	on_host '
		detached a; inside a cat /proc/self/net/dev >/dev/null
		inside a ip -o link show eth0 | grep -o "mtu [0-9]*"
		bryo rm -f -t 0 a >/dev/null; soon gone
		ip link set up0 mtu 1400
		detached a
		inside a ip -o link show eth0 | grep -o "mtu [0-9]*"; ip -o link show bryo0 | grep -o "mtu [0-9]*"'
	is "$(tr '\n' ' ' <<<"$output")" "mtu 1500 mtu 1400 mtu 1400 "
}

@test "a range of more ports than a process has descriptors, whose limit the container does not see" {
	on_host '
		ulimit -S -n 1024
		detached a -p 20000-22999:30000-32999
		serve inside a 0.0.0.0 32999
		ask outside tcp 198.51.100.1 22999
		bryo exec a sh -c "ulimit -S -n; ls /proc/1/fd | wc -l"
		bryo run --rm tiny sh -c "ulimit -S -n"
		ulimit -H -n 2000
		bryo run --rm -p 10000-12999:30000-32999 tiny true || true'
	is "${lines[0]}" 198.51.100.2
	[ "${lines[2]}" -lt 10 ] || complain "${lines[2]} descriptors"
	is "${lines[1]}" "${lines[3]}" "limit beside one without ports"
	has "${lines[4]}" "Too many open files"
}

@test "whatever the host says about bridged packets and return paths" {
	on_host '
		for setting in "0 0" "1 0" "0 1" "1 1"; do
			! [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ||
				echo "${setting% *}" >/proc/sys/net/bridge/bridge-nf-call-iptables
			for i in all default; do echo "${setting#* }" >/proc/sys/net/ipv4/conf/$i/rp_filter; done
			detached a -p 8080:80; detached b; serve inside a 0.0.0.0 80
			echo "$(ask outside tcp 198.51.100.1 8080) $(ask here tcp 127.0.0.1 8080)" \
				"$(ask inside a tcp 198.51.100.1 8080) $(ask inside b tcp 198.51.100.1 8080)" \
				"$(ask inside b tcp "$(address_of a)" 80 | sed "s/[0-9]*$/x/")"
			bryo rm -af -t 0 >/dev/null; soon gone
		done'
	is "$(sort -u <<<"$output")" "198.51.100.2 10.88.0.1 10.88.0.1 10.88.0.1 10.88.0.x"
	is "${#lines[@]}" 4
}

@test "two run folders on one host: the second is refused, the first not disturbed" {
	on_host '
		detached a -p 8080:80
		serve inside a 0.0.0.0 80
		mkdir /run/other
		bryo --runroot /run/other --root "$work/other" import -q "$ROOTFS" tiny >/dev/null
		bryo --runroot /run/other --root "$work/other" run --rm tiny true || true
		bryo --runroot /run/other --root "$work/other" ps >/dev/null
		ask outside tcp 198.51.100.1 8080'
	has "${lines[0]}" "table inet bryo belongs to another run folder"
	is "${lines[1]}" 198.51.100.2
}

@test "somebody flushed all rules: the container still ends, and the next one works" {
	on_host '
		detached a -p 8080:80
		nft flush ruleset
		bryo rm -f -t 0 a >/dev/null; soon gone
		detached b -p 8080:80; serve inside b 0.0.0.0 80
		ask outside tcp 198.51.100.1 8080'
	is "$output" 198.51.100.2
}

@test "inspect, ps and port show what Podman 5.8 shows" {
	on_host '
		detached a -p 8080:80 -p 127.0.0.1:9000-9001:90-91/udp
		bryo inspect a | jq -c "[.[0].NetworkSettings | del(.SandboxKey) | .MacAddress |= length | .Networks.podman.MacAddress |= length | .Networks.podman.Aliases |= map(length)], .[0].HostConfig.NetworkMode"
		bryo ps --format "{{.Ports}}"; bryo port a
		bryo ps --format json | jq -c ".[0].Networks"
		bryo ps --filter network=podman --format "{{.Names}}"
		bryo stop -t 0 a >/dev/null
		bryo inspect a | jq -c "[.[0].NetworkSettings | .IPAddress, .Gateway, .MacAddress, .Networks.podman.IPAddress]"'
	is "${lines[0]}" '[{"EndpointID":"","Gateway":"10.88.0.1","IPAddress":"10.88.0.2","IPPrefixLen":16,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"MacAddress":17,"Bridge":"","SandboxID":"","HairpinMode":false,"LinkLocalIPv6Address":"","LinkLocalIPv6PrefixLen":0,"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"90/udp":[{"HostIp":"127.0.0.1","HostPort":"9000"}],"91/udp":[{"HostIp":"127.0.0.1","HostPort":"9001"}]},"Networks":{"podman":{"EndpointID":"","Gateway":"10.88.0.1","IPAddress":"10.88.0.2","IPPrefixLen":16,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"MacAddress":17,"NetworkID":"2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9","DriverOpts":null,"IPAMConfig":null,"Links":null,"Aliases":[12]}}}]'
	is "${lines[1]}" '"bridge"'
	is "${lines[2]}" "0.0.0.0:8080->80/tcp, 127.0.0.1:9000-9001->90-91/udp"
	is "$(sed -n 4,6p <<<"$output")" "$(printf '80/tcp -> 0.0.0.0:8080\n90/udp -> 127.0.0.1:9000\n91/udp -> 127.0.0.1:9001')"
	is "${lines[6]} ${lines[7]}" '["podman"] a'
	is "${lines[8]}" '["","","",""]'
}
