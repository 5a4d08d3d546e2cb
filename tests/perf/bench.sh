#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench: tests/perf/bench.py as an unprivileged user (root's figures are not the ones that
# count), with what the machine is in front. Further arguments are bench.py's; after the word
# "overlay" it is overlay.py, beside fuse-overlayfs (if it is installed) and the kernel's overlay; after
# "network" network.py, beside Podman with pasta and with slirp4netns (if they are installed).
set -euo pipefail
script=bench.py
if [ "${1:-}" = overlay ]; then
	script=overlay.py
	shift
elif [ "${1:-}" = network ]; then
	script=network.py
	shift
fi
top=$(cd "$(dirname "$0")/../.." && pwd)
flavor=${FLAVOR:-release}
echo "Measured on $(date -u +%F), Linux $(uname -r), $(nproc) x $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1)."
for e in podman crun; do ! command -v $e >/dev/null || echo "$e: $($e --version | head -1)."; done
echo
kinds() { ! command -v fuse-overlayfs >/dev/null || echo "fuse-overlayfs=$(command -v fuse-overlayfs)"; echo kernel; }
network_kinds() { # BRYO
	echo "bryo=$1"
	echo "stack=$1 --network=slirp:fast=off"
	command -v podman >/dev/null || return 0
	# pasta gives the container this host's own address, which then is not to be reached from it
	! command -v pasta >/dev/null || echo "pasta=podman --network=pasta:-a,10.77.0.2,-n,24,-g,10.77.0.1"
	! command -v slirp4netns >/dev/null || echo "slirp4netns=podman --network=slirp4netns"
}
if [ "$(id -u)" != 0 ]; then
	bin=$top/.build/$flavor/bin
	[ $script != overlay.py ] || set -- "$@" bryo="$bin/bryo-overlay" $(kinds)
	if [ $script = network.py ]; then
		mapfile -t k < <(network_kinds "$bin/bryo")
		set -- "$@" "${k[@]}"
	fi
	exec python3 "$top/tests/perf/$script" "$@"
fi
user=${BRYO_TEST_USER:-bryo-test}
id "$user" >/dev/null 2>&1 || useradd -m -s /bin/bash "$user"
uid=$(id -u "$user")
for f in /dev/fuse /dev/net/tun; do [ ! -c $f ] || chmod 0666 $f; done
install -d -m 755 /run/user
[ -d "/run/user/$uid" ] || install -d -m 700 -o "$user" -g "$user" "/run/user/$uid"
work=$(mktemp -d /var/tmp/bryo-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/tests"
cp -r "$top/.build/$flavor/bin" "$work/bin"
cp -r "$top/tests/perf" "$top/tests/lib" "$work/tests/"
chmod -R a+rX "$work"
cd /
if [ $script = overlay.py ]; then
	set -- -w "$work/tmp" "$@" bryo="$work/bin/bryo-overlay" $(kinds)
	install -d -m 700 -o "$user" -g "$user" "$work/tmp"
fi
if [ $script = network.py ]; then
	mapfile -t k < <(network_kinds "$work/bin/bryo")
	set -- "$@" "${k[@]}"
fi
setpriv --reuid "$uid" --regid "$(id -g "$user")" --init-groups env -i HOME="$(getent passwd "$user" | cut -d: -f6)" \
	USER="$user" LOGNAME="$user" PATH="$PATH" LANG=C.UTF-8 XDG_RUNTIME_DIR="/run/user/$uid" \
	BRYO="$work/bin/bryo" BENCH_REGISTRY="${BENCH_REGISTRY:-}" python3 "$work/tests/perf/$script" "$@"
