# SPDX-License-Identifier: Apache-2.0
# For tests of the network layer. Every test has a "host" of its own: a user, network and mount
# namespace in which servers stand at addresses for documentation, so that nothing of the machine is
# seen, no privilege is needed and nothing ever goes outside.

bats_require_minimum_version 1.5.0
NET_LIB=$(cd "$BATS_TEST_DIRNAME/../lib" && pwd)
export NET_PEER="python3 $NET_LIB/net-peer.py"
export NET_PYTHON=/usr/bin/python3
export NET_HOST4=198.51.100.1 NET_HOST6=2001:db8::1
# The stand-in for the monitor; tests/bats.sh builds it.
export NET_DRIVER=$BRYO_WORK/net-driver NET_PROGRAM=$BRYO_WORK/bin/bryo-net

net_need() {
	[ -x "$NET_DRIVER" ] || skip "no net-driver: there is no compiler, or another engine is tested"
	unshare --user --map-root-user --net true 2>/dev/null || skip "no user namespaces for this user"
}

# Runs a bash script on a host of its own, as its root. In it:
#   ctr [net-driver's options] -- COMMAND   runs COMMAND in a container with bryo-net
#   ctr_serve [options] -- PORT...          a container with echo servers, in the background; $! is
#                                           the stand-in for the monitor
#   pid_of_net                              pid of the only bryo-net of this host
#   serve ADDRESS PORT, dns ADDRESS ANSWER  start a server and wait for it; all end with the script
#   peer VERB ...                           a client, see net-peer.py
net_host() {
	NET_SCRIPT=$1 timeout "${NET_TIMEOUT:-60}" unshare --user --map-root-user --net --mount --pid --fork \
		--mount-proc --kill-child bash -c '
		set -eu
		ip link set lo up
		ip addr add $NET_HOST4/32 dev lo
		ip -6 addr add $NET_HOST6/128 dev lo nodad
		ip route add default dev lo
		ip -6 route add default dev lo
		echo 0 0 >/proc/sys/net/ipv4/ping_group_range
		work=$(mktemp -d)
		mount -t tmpfs tmpfs "$work"
		echo "nameserver 127.0.0.53" >"$work/resolv.conf"
		mkdir "$work/etc"; cp -r /etc/ld.so* /etc/hosts /etc/python3* /etc/java-* "$work/etc/" 2>/dev/null || true
		mv "$work/resolv.conf" "$work/etc/"
		mount --bind "$work/etc" /etc
		ctr() { "$NET_DRIVER" -b "$NET_PROGRAM" "$@"; }
		peer() { $NET_PEER "$@"; }
		start() {
			local fifo=$work/fifo$RANDOM$RANDOM; mkfifo "$fifo"
			"$@" >"$fifo" & read -r _ <"$fifo"
		}
		serve() { start $NET_PEER serve "$@"; }
		dns() { start $NET_PEER dns "$@"; }
		ctr_serve() {
			local options=(); while [ "$1" != -- ]; do options+=("$1"); shift; done; shift
			start "$NET_DRIVER" -b "$NET_PROGRAM" "${options[@]}" -- $NET_PEER serve 0.0.0.0,:: "$@"
		}
		pid_of_net() { pgrep -x bryo-net; }
		# Of processes that their own user cannot look into. Anonymous memory, shared or not: what bryo-net and its
		# children have in common becomes private to one when the other gives it back.
		answer_usage() {
			local pid name kb n=0 memory=0
			for pid in $(pgrep -x "$1"); do
				n=$((n + $(ls "/proc/$pid/fd" | wc -l)))
				while read -r name kb _; do
					[ "$name" != Anonymous: ] || memory=$((memory + kb))
				done <"/proc/$pid/smaps_rollup"
			done
			echo "$n $memory"
		}
		export -f peer
		eval "$NET_SCRIPT"
	'
}

# ---- With the engine ----

# By socket injection where it can be, which is the default; by the stack alone; or with splice(2) for what comes to
# published ports.
export NET_ON=--network=slirp NET_OFF=--network=slirp:fast=off NET_SPLICE=--network=slirp:fast=off,port_handler=splice
export NET_ENGINE=$BRYO NET_UID NET_GID NET_TESTS=${NET_LIB%/lib}
NET_UID=$(id -u) NET_GID=$(id -g)

# The same host, but the script runs as its unprivileged user, who has one id only and no capability, neither over
# the network nor elsewhere. NET_FAST says how: "on", "off" or "splice". In the script:
#   ctr [bryo run's options] -- COMMAND   in a container of the image tiny that sees the host's programs, these tests at
#                                         /t and "$work" at /w
#   ctr_ready [options] -- COMMAND        the same, in the background, once it has written a line
#   cases NAME [ARGUMENT]...              net-cases.py in a container, and "case" outside
#   wait_port HOST PORT                   until somebody listens
#   usage NAME                            descriptors and memory of their own (kB) of all processes of that name
net_user() {
	NET_INNER=$1 net_host '
		echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
		[ ! -d /run/user/$NET_UID ] || mount -t tmpfs -o mode=700 tmpfs /run/user/$NET_UID
		export work
		export -f start serve dns
		eval "${NET_LINE:-}"
		mkfifo "$work/ask" "$work/answer"
		while read -r name <"$work/ask"; do answer_usage "$name" >"$work/answer"; done &
		unshare --user --map-user=$NET_UID --map-group=$NET_GID bash -c "
			set -eu
			. $NET_TESTS/lib/net-user.bash
			eval \"\$NET_INNER\""
	'
}

# both SCRIPT EXPECTED: the script in net_user prints this, with injection and without; or in each of $ways.
both() {
	local NET_FAST status
	for NET_FAST in ${ways:-on off}; do
		export NET_FAST
		status=0
		output=$(net_user "$1" 2>&1) || status=$?
		[ "$status" = 0 ] && [ "$output" = "$2" ] && continue
		printf 'injection %s, exit status %s, printed:\n%s\n-- expected:\n%s\n' "$NET_FAST" "$status" "$output" "$2"
		return 1
	done
}

# A second machine behind a line that is late and loses (net-link.py) or that is narrow (a router whose other side has
# a small MTU): text for NET_LINE, run as root of the host before the script. The far machine is NET_FAR4, NET_FAR6; on
# it "far COMMAND" runs a server, before the script does.
export NET_FAR4=203.0.113.2 NET_FAR6=2001:db8:1::2
NET_LINE_TOOLS='
	route_to_far() { # DEVICE [VIA4 VIA6]
		ip route replace default ${2:+via $2} dev "$1"
		ip -6 route replace default ${3:+via $3} dev "$1"
	}
	new_machine() { # variable: its pid
		local fifo=$work/machine$RANDOM; mkfifo "$fifo"
		unshare --net bash -c "ip link set lo up; echo >\"$fifo\"; exec sleep 600" >"$work/machine.log" 2>&1 &
		declare -g "$1=$!"
		read -r _ <"$fifo"
	}
	answer_far() {
		mkfifo "$work/far-ask" "$work/far-answer"
		while read -r line <"$work/far-ask"; do
			nsenter --net="/proc/$far_pid/ns/net" $NET_PEER $line >"$work/far-answer" 2>&1 || true
		done &
	}
	far() { start nsenter --net="/proc/$far_pid/ns/net" "$@"; }
'
# late_line DELAY-MS LOSE-EVERY
late_line() {
	echo "$NET_LINE_TOOLS
	new_machine far_pid
	start nsenter --net=/proc/\$far_pid/ns/net $NET_PYTHON $NET_LIB/net-link.py \$\$ $1 $2
	ip addr add 203.0.113.1/24 dev near; ip -6 addr add 2001:db8:1::1/64 dev near nodad; ip link set near mtu 1500 up
	nsenter --net=/proc/\$far_pid/ns/net bash -c 'ip addr add $NET_FAR4/24 dev far
		ip -6 addr add $NET_FAR6/64 dev far nodad; ip link set far mtu 1500 up'
	route_to_far near
	answer_far
	far_default='ip route replace default dev far; ip -6 route replace default dev far'
	nsenter --net=/proc/\$far_pid/ns/net bash -c \"\$far_default\"
	"
}
# narrow_line MTU: between two routers, so that neither end sees it
narrow_line() {
	echo "$NET_LINE_TOOLS
	inside() { nsenter --net=/proc/\$1/ns/net bash -ec \"\$2\"; }
	cable() { ip link add \$1 mtu 9000 type veth peer name \$2 mtu 9000 netns \$3; }
	forward='echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	new_machine one; new_machine two; new_machine far_pid
	cable near near \$one
	ip addr add 192.0.2.1/24 dev near; ip -6 addr add 2001:db8:2::1/64 dev near nodad; ip link set near up
	inside \$one \"\$forward
		ip addr add 192.0.2.254/24 dev near; ip -6 addr add 2001:db8:2::fe/64 dev near nodad; ip link set near up
		ip link add middle mtu $1 type veth peer name middle mtu $1 netns \$two
		ip addr add 10.77.0.1/24 dev middle; ip -6 addr add fd00:77::1/64 dev middle nodad; ip link set middle up\"
	inside \$two \"\$forward
		ip addr add 10.77.0.2/24 dev middle; ip -6 addr add fd00:77::2/64 dev middle nodad; ip link set middle up
		ip link add far mtu 9000 type veth peer name far mtu 9000 netns \$far_pid
		ip addr add 203.0.113.254/24 dev far; ip -6 addr add 2001:db8:1::fe/64 dev far nodad; ip link set far up
		ip route add default via 10.77.0.1; ip -6 route add default via fd00:77::1\"
	inside \$one 'ip route add default via 10.77.0.2; ip -6 route add default via fd00:77::2'
	inside \$far_pid 'ip addr add $NET_FAR4/24 dev far; ip -6 addr add $NET_FAR6/64 dev far nodad; ip link set far up
		ip route add default via 203.0.113.254; ip -6 route add default via 2001:db8:1::fe'
	route_to_far near 192.0.2.254 2001:db8:2::fe
	answer_far
	"
}
