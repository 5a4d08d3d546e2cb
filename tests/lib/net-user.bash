# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # work: of net_host
# What scripts of net_user (net.bash) can use; sourced by the shell that runs them, never by a suite.

# The host's programs in the place of the image's; their configuration as far as they insist on it.
ctr_volumes=(-v "$NET_TESTS:/t:ro" -v "$work:/w")
for f in usr bin sbin lib lib32 lib64; do
	[ ! -d "/$f" ] || ctr_volumes+=(-v "$(realpath "/$f"):/$f:ro")
done
for f in /etc/ld.so.cache /etc/java-*; do
	[ ! -e "$f" ] || ctr_volumes+=(-v "$f:$f:ro")
done
python=/usr/bin/python3

# The engine's word that there is one id only, once for all: it comes with the first command that needs the ids.
"$NET_ENGINE" unshare true 2>"$work/info" || cat "$work/info"

ctr() {
	local way=() options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	case ${NET_FAST:-on} in
	on) way=("$NET_ON") ;;
	off) way=("$NET_OFF") ;;
	splice) way=("$NET_SPLICE") ;;
	esac
	"$NET_ENGINE" run --rm "${way[@]}" "${ctr_volumes[@]}" "${options[@]}" tiny "$@" </dev/null
}
ctr_ready() { start ctr "$@"; }
cases() { ctr -- $python /t/lib/net-cases.py "$@" || true; }
ctr_case() { # OPTION... -- NAME ARGUMENT...: a server of net-cases.py
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	ctr_ready "${options[@]}" -- $python /t/lib/net-cases.py "$@"
}
case_outside() { $python "$NET_TESTS/lib/net-cases.py" "$@" || true; }
wait_port() {
	local i
	for i in $(seq 200); do
		(exec 3<>"/dev/tcp/$1/$2") 2>/dev/null && return
		sleep 0.05
	done
	echo "nobody listens at $1 port $2"
	return 1
}
usage() { echo "$1" >"$work/ask"; cat "$work/answer"; }
# A client of net-peer.py on the far machine of late_line and narrow_line.
from_far() { echo "$*" >"$work/far-ask"; cat "$work/far-answer"; }
