#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What splice gains over the user-mode stack: published TCP ports by both handlers, throughput each
# way and the time until a new connection's first byte is back; the host's loopback port seen inside
# (-T); memory. Needs iperf3, jq and python3; run as an unprivileged user, from a build:
#
#   tests/perf/net-splice.sh [SECONDS]
#
# WORK: a folder with net-driver and bin/bryo-net (.build/release, where net-driver is made first)
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
export EACH=${1:-3} WORK=${WORK:-$top/.build/release}
[ -x "$WORK/net-driver" ] || cc -std=gnu17 -O1 -D_GNU_SOURCE -I"$top" -o "$WORK/net-driver" \
	"$top/tests/rootless/net-driver.c" -Wl,--start-group "$WORK"/netns.a "$WORK"/netns/{options,port}.a "$WORK/engine/base.a" -Wl,--end-group -ljansson
bats_require_minimum_version() { :; }
BATS_TEST_DIRNAME=$top/tests/perf BRYO_WORK=$WORK
. "$top/tests/lib/net.bash"
# shellcheck disable=SC2016 # expanded there
net_host '
gbits() { jq ".end.sum_received.bits_per_second / 1e9 | . * 10 | round / 10"; }
for handler in builtin splice; do
	for way in "" -R; do
		ctr -n slirp:port_handler=$handler -p 5201:5201 -- iperf3 -s -1 >/dev/null & sleep 0.7
		echo "$handler: published port ${way:-in}, Gbit/s: $(iperf3 -J $way -c $NET_HOST4 -t $EACH | gbits)"
		wait
	done
	ctr_serve -n slirp:port_handler=$handler -p 8080:80 -- 80
	python3 -c "
import socket, time
took = []
for i in range(1000):
    begin = time.perf_counter()
    s = socket.create_connection((\"$NET_HOST4\", 8080))
    s.sendall(b\"x\"); s.recv(1)
    took.append(time.perf_counter() - begin)
    s.close()
print(\"$handler: new connection until its first byte is back, median us:\", round(sorted(took)[500] * 1e6))"
	for p in $(pgrep -x "bryo-net|bryo-dialer"); do
		echo "$handler: $(cat /proc/$p/comm) $(grep -E "^(Pss|Private_Dirty):" /proc/$p/smaps_rollup | tr -s " \n" " ")"
	done
	kill $!; wait
done
iperf3 -s -1 >/dev/null & sleep 0.5
echo "-T, Gbit/s: $(ctr -n pasta:-T,5201 -- iperf3 -J -c 127.0.0.1 -t $EACH | gbits)"
iperf3 -s -1 >/dev/null & sleep 0.5
echo "loopback of the host alone, Gbit/s: $(iperf3 -J -c 127.0.0.1 -t $EACH | gbits)"'
