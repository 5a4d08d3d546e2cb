#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Throughput of bryo-net beside slirp4netns and pasta, whichever are installed: one TCP stream by
# iperf3 between a network namespace and this host's own address. Run as an unprivileged user.
#
#   net.sh NET-DRIVER BRYO-NET [SECONDS]
#
# One line a case: Gbit/s received. "out": the container sends, "in": the host sends on the same
# connection (-R), "published": a client on the host sends through a published port.
set -euo pipefail
driver=$1 program=$2 seconds=${3:-3}
host=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; rm -rf "$work"' EXIT
iperf3 -s -p 5301 >/dev/null 2>&1 & servers+=($!)
sleep 0.3

gbits() { jq -r 'if .error then .error else .end.sum_received.bits_per_second / 1e9 * 100 | round / 100 end' 2>/dev/null || echo -; }
client=(iperf3 -J -c "$host" -p 5301 -t "$seconds")
slirp() { # COMMAND: in a namespace with slirp4netns
	unshare --user --map-root-user --net sh -c "echo \$\$ >$work/pid; while [ ! -e $work/up ]; do sleep 0.05; done; $1" &
	local pid=$!
	sleep 0.2
	slirp4netns --configure --mtu=65520 --disable-host-loopback -r 3 "$(cat "$work/pid")" tap0 3>"$work/ready" >/dev/null 2>&1 &
	local net=$!
	sleep 0.5; touch "$work/up"; wait $pid || true
	kill $net; wait $net 2>/dev/null || true; rm -f "$work/up"
}

report() { # NAME CASE VALUE
	printf '%-12s %-18s %8s Gbit/s\n' "$1" "$2" "$3"
}
report host loopback "$("${client[@]}" | gbits)"
for way in "out:" "in:-R" "out-8:-P 8" "in-8:-R -P 8"; do
	name=${way%%:*}
	read -ra flags <<<"${way#*:}"
	report bryo-net "$name" "$("$driver" -b "$program" -- "${client[@]}" "${flags[@]}" | gbits)"
	if command -v slirp4netns >/dev/null; then
		report slirp4netns "$name" "$(slirp "${client[*]} ${flags[*]}" | gbits)"
	fi
	if command -v pasta >/dev/null; then
		report pasta "$name" "$(pasta --config-net -q -a 10.77.0.2 -n 24 -g 10.77.0.1 -t none -u none -T none -U none -- "${client[@]}" "${flags[@]}" 2>/dev/null | gbits)"
	fi
done
"$driver" -b "$program" -p 5302:5302 -- iperf3 -s -1 -p 5302 >/dev/null 2>&1 & servers+=($!)
sleep 0.5
report bryo-net published "$(iperf3 -J -c "$host" -p 5302 -t "$seconds" | gbits)"
if command -v pasta >/dev/null; then
	pasta --config-net -q -a 10.77.0.2 -n 24 -g 10.77.0.1 -t 5303 -u none -T none -U none -- iperf3 -s -1 -p 5303 >/dev/null 2>&1 & servers+=($!)
	sleep 0.5
	report pasta published "$(iperf3 -J -c "$host" -p 5303 -t "$seconds" | gbits)"
fi
