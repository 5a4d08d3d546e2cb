#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Throughput of bryo-net beside slirp4netns and pasta, whichever are installed: TCP by iperf3 between
# a network namespace and this host's own address. Run as an unprivileged user.
#
#   net.sh NET-DRIVER BRYO-NET [SECONDS [MTU...]]
#
# One line a case: Gbit/s received, and nanoseconds of processor time of the network's process (user
# and system) for each kilobyte. "out": the container sends, "in": the host sends on the same
# connection (-R), each with 1 and 8 streams; "published": a client on the host sends through a
# published port. MTU: 1500 and 65520.
set -euo pipefail
driver=$1 program=$2 seconds=${3:-3}
shift $(($# < 3 ? $# : 3))
mtus=("$@")
[ $# -gt 0 ] || mtus=(1500 65520)
host=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; rm -rf "$work"' EXIT
iperf3 -s -p 5301 >/dev/null 2>&1 & servers+=($!)
sleep 0.3

client=(iperf3 -J -c "$host" -p 5301 -t "$seconds")

# Processor time of all processes of that name of this user, in ticks.
ticks() {
	local sum=0 p stat
	for p in $(pgrep -u "$(id -u)" "$1"); do
		read -ra stat <<<"$(sed 's/.*) //' "/proc/$p/stat" 2>/dev/null)"
		sum=$((sum + ${stat[11]:-0} + ${stat[12]:-0}))
	done
	echo "$sum"
}
# PROCESS COMMAND...: prints "GBITS NS-PER-KB"; the time is taken while the process still runs.
measure() {
	local process=$1 before after
	shift
	( while sleep 0.1; do ticks "$process" >"$work/now" 2>/dev/null; mv "$work/now" "$work/last"; done ) &
	local watcher=$!
	before=0
	"$@" >"$work/json" 2>/dev/null || true
	kill $watcher; wait $watcher 2>/dev/null || true
	after=$(cat "$work/last" 2>/dev/null || echo 0)
	jq -r --argjson ticks $((after - before)) --argjson hz "$(getconf CLK_TCK)" 'if .error then .error else
		[(.end.sum_received.bits_per_second / 1e9 * 100 | round / 100),
		(if $ticks > 0 then $ticks / $hz * 1e9 / (.end.sum_received.bytes / 1000) | round else "-" end)] | join(" ") end' "$work/json" 2>/dev/null || echo -
}
slirp() { # MTU COMMAND: in a namespace with slirp4netns
	unshare --user --map-root-user --net sh -c "echo \$\$ >$work/pid; while [ ! -e $work/up ]; do sleep 0.05; done; $2" &
	local pid=$!
	sleep 0.2
	slirp4netns --configure --mtu="$1" --disable-host-loopback -r 3 "$(cat "$work/pid")" tap0 3>"$work/ready" >/dev/null 2>&1 &
	local net=$!
	sleep 0.5; touch "$work/up"; wait $pid || true
	kill $net; wait $net 2>/dev/null || true; rm -f "$work/up"
}
pasta_run() { # MTU COMMAND...
	local mtu=$1
	shift
	pasta --config-net -q -m "$mtu" -a 10.77.0.2 -n 24 -g 10.77.0.1 -t none -u none -T none -U none -- "$@"
}

report() { # NAME CASE MTU "GBITS NS"
	printf '%-12s %-10s %6s %8s Gbit/s %8s ns/kB\n' "$1" "$2" "$3" "${4% *}" "${4#* }"
}
report host loopback - "$(measure none "${client[@]}")"
for mtu in "${mtus[@]}"; do
	for way in "out:" "in:-R" "out-8:-P 8" "in-8:-R -P 8"; do
		name=${way%%:*}
		read -ra flags <<<"${way#*:}"
		report bryo-net "$name" "$mtu" "$(measure bryo-net "$driver" -n "slirp4netns:mtu=$mtu" -b "$program" -- "${client[@]}" "${flags[@]}")"
		if command -v pasta >/dev/null; then
			report pasta "$name" "$mtu" "$(measure 'pasta*' pasta_run "$mtu" "${client[@]}" "${flags[@]}")"
		fi
		if [ -z "${NO_SLIRP:-}" ] && command -v slirp4netns >/dev/null; then
			report slirp4netns "$name" "$mtu" "$(measure slirp4netns slirp "$mtu" "${client[*]} ${flags[*]}")"
		fi
	done
done
"$driver" -b "$program" -p 5302:5302 -- iperf3 -s -1 -p 5302 >/dev/null 2>&1 & servers+=($!)
sleep 0.5
report bryo-net published 65520 "$(measure bryo-net iperf3 -J -c "$host" -p 5302 -t "$seconds")"
if command -v pasta >/dev/null; then
	pasta --config-net -q -a 10.77.0.2 -n 24 -g 10.77.0.1 -t 5303 -u none -T none -U none -- iperf3 -s -1 -p 5303 >/dev/null 2>&1 & servers+=($!)
	sleep 0.5
	report pasta published 65520 "$(measure 'pasta*' iperf3 -J -c "$host" -p 5303 -t "$seconds")"
fi
