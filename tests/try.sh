#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make try: installs what is missing, builds, and runs a container from the image that is built
# into the program, so without a network too.
#
# Real root sees both ways: the privileged mode, and rootless as the user bryo-try, which is made
# for that. Without root and sudo it builds if everything is there; else tests/deps.sh prints the
# line for an administrator, and the exit status is 1.
set -euo pipefail
cd "$(dirname "$0")/.."
make=${MAKE:-make}
"$make" --no-print-directory deps
"$make" --no-print-directory -j"$(nproc)"
bin=$PWD/.build/release/bin

if [ "$(id -u)" != 0 ]; then
	echo
	exec "$bin/bryo" run --rm hello
fi

echo
echo "== privileged mode: you are root =="
"$bin/bryo" run --rm hello

user=bryo-try
id $user >/dev/null 2>&1 || useradd -m -s /bin/bash $user
uid=$(id -u $user)
for f in /etc/subuid /etc/subgid; do
	grep -q "^$user:" $f || echo "$user:$((310000000 + uid % 1000 * 65536)):65536" >>$f
done
# udev opens these to everyone; containers and small machines without it do not.
for f in /dev/fuse /dev/net/tun; do [ ! -c $f ] || chmod 0666 $f; done
# The checkout may be where only root can read: the user gets a copy of the programs.
copy=$(mktemp -d /var/tmp/bryo-try.XXXXXX)
trap 'rm -rf "$copy"' EXIT
chmod 755 "$copy"
cp -r "$bin" "$copy/bin"
install -d -m 755 /run/user
[ -d /run/user/"$uid" ] || install -d -m 700 -o $user -g $user /run/user/"$uid"
echo
echo "== rootless: as the unprivileged user $user =="
cd /
setpriv --reuid "$uid" --regid "$(id -g $user)" --init-groups env -i HOME="/home/$user" USER=$user \
	LOGNAME=$user PATH=/usr/local/bin:/usr/bin:/bin TERM="${TERM:-dumb}" LANG="${LANG:-C.UTF-8}" \
	XDG_RUNTIME_DIR=/run/user/"$uid" "$copy/bin/bryo" run --rm hello
