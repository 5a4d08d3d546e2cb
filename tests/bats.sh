#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the bats suites of some folders and closes with "NAME: N passed, N failed, N skipped".
#
#   tests/bats.sh rootless FOLDER...   as an unprivileged user: the caller, or where the caller is
#                                      root the user bryo-test, which is made for that
#   tests/bats.sh root FOLDER...       as root; skipped, saying so, where the caller is not root
#
# A folder may also be a single .bats file. What runs is a copy of the build and of tests/ that the
# test's user can read, whatever the permissions of the checkout.
#
#   FLAVOR           which build: .build/FLAVOR/bin (release)
#   BRYO             another engine to test, such as podman, instead of the build's bryo
#   STORAGE_DRIVER   another than the best that works here: the suites on the FUSE overlay, or on copies
#   BRYO_TEST_NETWORK   what --network is in a rootless container that names none, such as
#                    "slirp:fast=off" or "slirp:fast=off,port_handler=splice": all suites by one tier
#   BRYO_TEST_LONG   if set, the suites of the network make as many connections as they say
#   BRYO_TEST_USER   another name than bryo-test
#   BRYO_TEST_TMP    where the copy and the tests' files are kept (/var/tmp)
#   BRYO_TEST_JOBS   suites at a time (one per processor)
#   BRYO_TEST_SANITIZED   flavours whose bryo-overlay tests/sanitizers runs
#   BATS_FLAGS       further flags for bats, such as "-f REGEX"
#   BRYO_KILL_STEP, BRYO_KILL_SAMPLE   how many kills the crash suites try: tests/lib/crash.bash
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
mode=$1
shift
name=${BRYO_TEST_NAME:-check-$mode}
user=${BRYO_TEST_USER:-bryo-test}

fail() { echo "tests/bats.sh: $*" >&2; exit 1; }
count() { echo "$name: $1 passed, $2 failed, $3 skipped"; }

# ---- Which suites ----
files=()
for i in "$@"; do
	if [ -f "$i" ]; then
		files+=("${i#"$top"/}")
	elif [ -d "$i" ]; then
		while read -r f; do files+=("${f#"$top"/}"); done < <(find "$i" -name '*.bats' | sort)
	fi
done
[ ${#files[@]} -gt 0 ] || { echo "no suite in: $*" >&2; count 0 1 0; exit 1; }
if [ "$mode" = root ] && [ "$(id -u)" != 0 ]; then
	n=$(cat "${files[@]}" | grep -c '^@test')
	echo "SKIPPED: $n tests of ${#files[@]} suites need root, and the caller is not root"
	count 0 0 "$n"
	exit 0
fi
command -v bats >/dev/null || fail "bats is missing: make deps-test"

# ---- A copy that the user can read ----
bin=$top/.build/${FLAVOR:-release}/bin
work=$(mktemp -d "${BRYO_TEST_TMP:-/var/tmp}/bryo-test.XXXXXX")
# Only what is ours ends: processes whose environment names this work folder.
finish() {
	local p
	for p in /proc/[0-9]*; do
		[ ! -r "$p/environ" ] || [ ! -O "$p/environ" ] && [ "$(id -u)" != 0 ] ||
			! tr '\0' '\n' <"$p/environ" | grep -qx "BRYO_WORK=$work" || kill -KILL "${p#/proc/}"
	done 2>/dev/null
	grep -F " $work/" /proc/self/mounts | cut -d' ' -f2 | sort -r | xargs -r -n1 umount -l 2>/dev/null
	[ -n "${KEEP:-}" ] || rm -rf "$work" 2>/dev/null || remove_as_user
}
# Files in a rootless store belong to subordinate ids: a namespace of the user's own removes them.
remove_as_user() { unshare --map-auto --map-root-user --setuid 0 rm -rf "$work" 2>/dev/null || true; }
trap 'finish || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$work"
mkdir -m 1777 "$work/tmp"
mkdir "$work/log"
if [ -z "${BRYO:-}" ]; then
	[ -x "$bin/bryo" ] || fail "$bin/bryo is missing: make first"
	cp -r "$bin" "$work/bin"
	BRYO=$work/bin/bryo
fi
for f in ${BRYO_TEST_SANITIZED:-}; do
	mkdir -p "$work/sanitized/$f"
	cp "$top/.build/$f/bin/bryo-overlay" "$work/sanitized/$f/"
done
cp -r "$top/tests" "$work/tests"
rm -rf "$work/tests/unit" "$work/tests/fuzz/seeds"
cp -r "$top/docs" "$work/docs"
chmod -R a+rX "$work/tests" "$work/docs"
"$top/tests/lib/make-rootfs" "$work/rootfs.tar"
# Suites that need it say so when there is no compiler.
! command -v cc >/dev/null || cc -O2 -Wall -D_GNU_SOURCE -o "$work/killat" "$top/tests/lib/killat.c"
for i in fs-model fs-calls fs-cases; do # each with the files beside it that begin like it
	! command -v cc >/dev/null || cc -O2 -Wall -D_GNU_SOURCE -I"$top" -o "$work/$i" \
		$(ls "$top/tests/lib/$i".c "$top/tests/lib/$i"-*.c 2>/dev/null)
done
# In containers that have no library of the host's.
for i in inject-hostile net-flood; do
	! command -v cc >/dev/null || cc -O2 -Wall -std=gnu17 -D_GNU_SOURCE -static -pthread -o "$work/$i" \
		"$(ls "$top/tests/lib/$i.c" "$top/tests/rootless/$i.c" 2>/dev/null)"
done
if command -v cc >/dev/null && [ -f "${bin%/bin}/netns.a" ]; then
	sanitizers=()
	[ "${FLAVOR:-}" != asan ] || sanitizers=("-fsanitize=address,undefined")
	cc -std=gnu17 -D_GNU_SOURCE "${sanitizers[@]}" -I"$top" -o "$work/net-driver" \
		"$top/tests/rootless/net-driver.c" -Wl,--start-group "${bin%/bin}"/netns.a "${bin%/bin}"/netns/{options,port}.a "${bin%/bin}/engine/base.a" -Wl,--end-group -ljansson
fi

# ---- The user ----
as_user=(env)
home=${HOME:-/root} runtime=${XDG_RUNTIME_DIR:-}
if [ "$mode" = rootless ] && [ "$(id -u)" = 0 ]; then
	id "$user" >/dev/null 2>&1 || useradd -K UID_MIN=7001 -m -s /bin/bash "$user"	# not an id that images use
	uid=$(id -u "$user")
	for f in /etc/subuid /etc/subgid; do
		grep -q "^$user:" $f || echo "$user:$((300000000 + uid % 1000 * 65536)):65536" >>$f
	done
	# Some containers and virtual machines give these to root alone; on a plain host udev makes
	# them 0666, and rootless engines need that.
	for f in /dev/fuse /dev/net/tun; do [ ! -c $f ] || chmod 0666 $f; done
	home=$(getent passwd "$user" | cut -d: -f6)
	runtime=/run/user/$uid		# as logind would make it at login
	mkdir -p /run/user
	[ -d "$runtime" ] || install -d -m 700 -o "$user" -g "$(id -g "$user")" "$runtime"
	chown -R "$user:" "$work/tmp"
	as_user=(setpriv --reuid "$uid" --regid "$(id -g "$user")" --init-groups env)
fi
# What root's containers have in the network (a bridge, rules, forwarding) is not for this host to see: a
# network namespace for each suite.
apart=()
[ "$mode" != root ] || ! unshare --net true 2>/dev/null || apart=(unshare --net sh -c 'ip link set lo up; exec "$@"' -)
environment=(HOME="$home" USER="$(${as_user[@]} id -un)" LOGNAME="$(${as_user[@]} id -un)"
	PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin TERM=xterm LANG=C.UTF-8
	TMPDIR="$work/tmp" BRYO="$BRYO" BRYO_WORK="$work" BRYO_MODE="$mode"
	BRYO_RECORD="${BRYO_RECORD:-}" BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-120}"
	BRYO_TEST_LONG="${BRYO_TEST_LONG:-}" BRYO_KILL_STEP="${BRYO_KILL_STEP:-}" BRYO_KILL_SAMPLE="${BRYO_KILL_SAMPLE:-}")
if [ "$mode" = rootless ] && [ -n "${BRYO_TEST_NETWORK:-}" ]; then
	printf '[containers]\nnetns = "%s"\n' "$BRYO_TEST_NETWORK" >"$work/network.conf"
	chmod 644 "$work/network.conf"
	environment+=(CONTAINERS_CONF_OVERRIDE="$work/network.conf")
fi
[ -z "${STORAGE_DRIVER:-}" ] || environment+=(STORAGE_DRIVER="$STORAGE_DRIVER")
[ -z "$runtime" ] || environment+=(XDG_RUNTIME_DIR="$runtime")
# Leaks are looked for by a thread that traces its process: one whose next child is in another pid namespace
# (exec) waits for that for ever. The unit tests look for them.
[ "${FLAVOR:-}" != asan ] || environment+=(ASAN_OPTIONS=detect_leaks=0)

# ---- Run, by file in parallel ----
# A kill at each of some thousand calls takes hours.
suite_timeout=900
[ "${STORAGE_DRIVER:-}" != fuse-overlay ] || suite_timeout=3600
[ -z "${BRYO_KILL_STEP:-}" ] || suite_timeout=36000
export work suite_timeout
one() {
	local file=$1 log
	shift
	log=$work/log/${file//\//_}
	(cd "$work" && "$@" timeout -k 10 "$suite_timeout" bats ${BATS_FLAGS:-} --tap "$file") >"$log" 2>&1 </dev/null ||
		echo "$file: exit status $?" >"$log.failed"
	# A suite that breaks before its first test counts as one that failed.
	grep -q '^\(not \)\?ok ' "$log" || ! [ -e "$log.failed" ] || echo "not ok 1 $file did not run" >>"$log"
	echo "  $file: $(grep -c '^ok ' "$log" || true) ok, $(grep -c '^not ok ' "$log" || true) not"
}
export -f one
printf '%s\0' "${files[@]}" | xargs -0 -P "${BRYO_TEST_JOBS:-$(nproc)}" -I{} \
	bash -c 'one "$@"' - {} "${apart[@]}" "${as_user[@]}" -i "${environment[@]}" || true

# ---- Count ----
logs=$(find "$work/log" -type f ! -name '*.failed' | sort)
skipped=$(cat $logs | grep -c '^ok .*# skip' || true)
passed=$(($(cat $logs | grep -c '^ok ' || true) - skipped))
failed=$(cat $logs | grep -c '^not ok ' || true)
for f in $logs; do
	[ -e "$f.failed" ] || continue
	suite=${f##*/}
	awk -v suite="${suite//_//}" '/^not ok /{ show = 1; print "FAILED: " suite ": " substr($0, 8); next }
		/^ok |^1\.\./{ show = 0 } show' "$f"
	# bats itself may fail after its last test (a teardown_file, a test that never ran).
	grep -q '^not ok ' "$f" || { failed=$((failed + 1)); cat "$f.failed"; tail -5 "$f"; }
done
cat $logs | sed -n 's/^ok [0-9]* \(.*\) # skip \{0,1\}(\{0,1\}\(.*[^)]\))\{0,1\}$/\2\t\1/p' | sort |
	awk -F'\t' '{ why[$1] = why[$1] "\n    " $2 } END { for (w in why) print "SKIPPED, " w ":" why[w] }'
count "$passed" "$failed" "$skipped"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
