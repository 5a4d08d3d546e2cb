#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make check-vm VM=PROGRAM: the suites in tests/vm run inside a real Debian virtual machine, where
# systemd is PID 1, cgroup v2 is delegated to the user and a reboot is a reboot.
#
# PROGRAM starts and commands that machine:
#   PROGRAM start | sync | reboot | stop        a machine that stays; $VM_SHARE is seen in it
#   PROGRAM exec COMMAND                        in it, as the unprivileged user tester
#   PROGRAM exec-root COMMAND                   in it, as root
# For the suites of SELinux it is started anew with VM_SELINUX=enforcing and VM_SUITE=trixie.
# Closes with "check-vm: N passed, N failed, N skipped"; nothing may be skipped here, so what is
# counts as failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
vm=${1:-}
if [ -z "$vm" ]; then
	echo "usage: make check-vm VM=PROGRAM (a script that runs a virtual machine; see tests/vm.sh)" >&2
	exit 1
fi
share=$(mktemp -d)
export VM_SHARE=$share VM_NAME=bryo-check-$$ VM_TIMEOUT=${VM_TIMEOUT:-900}
finish() { "$vm" stop >/dev/null 2>&1; rm -rf "$share"; }
trap finish EXIT
trap 'exit 130' INT TERM
chmod 755 "$share"
cp -r .build/"${FLAVOR:-release}"/bin tests "$share/"
rm -rf "$share/tests/unit" "$share/tests/fuzz"
# The libraries that our programs were linked with: a machine may lack some.
mkdir "$share/lib"
ldd "$share"/bin/bryo-{image,net,scope} | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | xargs cp -Lt "$share/lib"
mkdir "$share/docs"
tests/lib/make-rootfs "$share/rootfs.tar" || exit 1
cc -O2 -D_GNU_SOURCE -o "$share/killat" tests/lib/killat.c || exit 1
cc -O2 -D_GNU_SOURCE -static -pthread $([ "$(uname -m)" != x86_64 ] || echo -no-pie) -o "$share/inject-hostile" tests/rootless/inject-hostile.c || exit 1
log=$share.log
passed=0 failed=0
tally() {	# LOG STATUS NAME
	local p f s
	s=$(grep -c '^ok .*# skip' "$1")
	p=$(($(grep -c '^ok ' "$1") - s))
	f=$(grep -c '^not ok ' "$1")
	[ $((p + f + s)) -gt 0 ] || f=1
	[ "$2" = 0 ] || [ $((f + s)) != 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f + s))
	[ $((f + s)) = 0 ] || { echo "FAILED: $3"; grep -v '^ok [0-9]* [^#]*$' "$1"; }
	echo "  $3: $p ok, $((f + s)) not"
}
# Inside, a suite finds what tests/bats.sh would give it. $1 names the verb, $2 the suite.
inside() {
	local mode=rootless
	[ "$1" = exec ] || mode=root
	"$vm" "$1" "export BRYO=$share/bin/bryo BRYO_WORK=$share BRYO_MODE=$mode TMPDIR=/var/tmp \
		BATS_TEST_TIMEOUT=300; cd $share && bats --tap $2" >"$log" 2>&1
	tally "$log" $? "$2 ($1)"
}
# Starts a machine and makes it as a plain Debian is.
start() {
	"$vm" start || { echo "the machine did not start"; failed=$((failed + 1)); return 1; }
	"$vm" exec-root "for f in $share/lib/*; do ldconfig -p | grep -q \"\${f##*/} \" || cp \$f /usr/local/lib/; done; ldconfig"
	# A plain Debian has them so after udev ran; the machine runs without it.
	"$vm" exec-root 'modprobe fuse tun overlay 2>/dev/null; for f in /dev/fuse /dev/net/tun; do [ ! -c $f ] || chmod 666 $f; done
		sysctl -qw kernel.unprivileged_userns_clone=1 2>/dev/null; true'
}
suite() {
	case $1 in
	*-root.bats) inside exec-root "$1" ;;
	*-before.bats)	# its second half, x-after.bats, follows a reboot
		inside exec "$1"
		"$vm" reboot
		"$vm" exec-root 'for f in /dev/fuse /dev/net/tun; do [ ! -c $f ] || chmod 666 $f; done'
		inside exec "${1/-before/-after}"
		;;
	*-after.bats) ;;
	*) inside exec "$1" ;;
	esac
}
# VM_ONLY="systemd cgroup": these suites alone.
wanted() { [ -z "${VM_ONLY:-}" ] || [[ " $VM_ONLY " == *" $(basename "$1" .bats) "* ]]; }
plain=() selinux=()
for i in tests/vm/*.bats; do
	if ! wanted "$i"; then continue; fi
	case $i in *selinux*) selinux+=("$i") ;; *) plain+=("$i") ;; esac
done
if [ ${#plain[@]} -gt 0 ] && start; then
	for i in "${plain[@]}"; do suite "$i"; done
	"$vm" stop
fi
# Debian 13 is the first whose policy knows containers.
export VM_SELINUX=enforcing VM_SUITE=trixie
if [ ${#selinux[@]} -gt 0 ] && start; then
	for i in "${selinux[@]}"; do suite "$i"; done
fi
rm -f "$log"
echo "check-vm: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
