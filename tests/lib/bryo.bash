# SPDX-License-Identifier: Apache-2.0
# What every suite loads first: load ../lib/bryo
#
# tests/bats.sh gives BRYO (the engine), BRYO_WORK (a folder of this run with rootfs.tar, killat)
# and BRYO_MODE. Each suite gets a home of its own, so that suites run beside each other; tests
# of one suite share its images and run one after another.
bats_require_minimum_version 1.5.0

: "${BRYO:?run it by tests/bats.sh}" "${BRYO_WORK:?run it by tests/bats.sh}"
ROOTFS=$BRYO_WORK/rootfs.tar
KILLAT=$BRYO_WORK/killat

# A fresh home and, in it, the store. Call from setup_file.
fresh_home() {
	export HOME=$BATS_FILE_TMPDIR/home
	mkdir -p "$HOME"
	unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME
	if [ "$BRYO_MODE" = root ]; then
		export BRYO_FLAGS="--root $HOME/store"
	fi
	cd "$HOME" || return 1
}

# The image "tiny" (busybox), as localhost/tiny:latest. Call from setup_file after fresh_home.
import_tiny() {
	bryo import "$ROOTFS" tiny >/dev/null
}

# The engine, never for longer than a minute.
bryo() {
	# shellcheck disable=SC2086
	timeout --foreground -k 5 "${BRYO_TIMEOUT:-60}" "$BRYO" ${BRYO_FLAGS:-} "$@"
}

# run_bryo [STATUS] ARGUMENT...: runs it and fails the test unless it exits with STATUS (0).
# Leaves $output (standard output), $lines, $stderr.
run_bryo() {
	local expected=0
	if [[ $1 =~ ^[0-9]+$ ]]; then
		expected=$1
		shift
	fi
	run --separate-stderr bryo "$@"
	[ "$status" = "$expected" ] && return
	echo "\$ bryo $*"
	echo "exit status $status, expected $expected"
	[ -z "$output" ] || echo "$output"
	[ -z "$stderr" ] || echo "stderr: $stderr"
	return 1
}

# refused [TEXT] -- ARGUMENT...: exit 125 with one line on standard error that contains each TEXT,
# and nothing on standard output.
refused() {
	local texts=()
	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	run_bryo 125 "$@"
	is "$output" "" "standard output of a refused command"
	[ "$(wc -l <<<"$stderr")" = 1 ] || complain "more than one line: $stderr"
	local t
	for t in "${texts[@]}"; do
		has "$stderr" "$t"
	done
}

complain() { echo "$*"; return 1; }

# is ACTUAL EXPECTED [WHAT]
is() { [ "$1" = "$2" ] || complain "${3:-value}: got '$1', expected '$2'"; }
isnt() { [ "$1" != "$2" ] || complain "${3:-value}: '$1' was not to be"; }

# has TEXT PART; has_not TEXT PART; like TEXT REGEX (extended, of one line)
has() { [[ $1 == *"$2"* ]] || complain "'$2' is not in: $1"; }
has_not() { [[ $1 != *"$2"* ]] || complain "'$2' is in: $1"; }
like() { grep -qE -- "$2" <<<"$1" || complain "nothing matches /$2/ in: $1"; }
unlike() { ! grep -qE -- "$2" <<<"$1" || complain "something matches /$2/ in: $1"; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt $end ] || complain "still not after its time: $*" || return 1
		sleep 0.02
	done
}

running() { [ "$(bryo inspect -f '{{.State.Running}}' "$1")" = true ]; }
status_is() { [ "$(bryo inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }
container_log_has() { bryo logs "$1" 2>&1 | grep -q -- "$2"; }

# A TCP or UDP port that is free just now.
free_port() {	# it and the next one, below those that the kernel gives out by itself meanwhile
	python3 -c 'import random, socket
def free(port, kind):
    with socket.socket(socket.AF_INET, kind) as s:
        try:
            s.bind(("", port))
            return True
        except OSError:
            return False
while True:
    port = random.randrange(15000, 30000)
    if all(free(port + i, k) for i in (0, 1) for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
        break
print(port)'
}

# Processes of this suite whose name and command line match: "PID NAME COMMAND-LINE". An environment would
# tell only of those that have not got one of their own, and containers have; monitors show theirs to nobody.
# So each suite marks itself by a setting that children inherit, that all may read and that does nothing as long
# as nothing dumps core: the filter of core(5).
processes() {
	local p line
	for p in $(grep -lsx "$(printf %08x "$SUITE_MARK")" /proc/[0-9]*/coredump_filter); do
		p=${p%/coredump_filter}
		line="${p#/proc/} $(cat "$p/comm") $(tr '\0' ' ' <"$p/cmdline")" || continue # gone
		[[ ! $line =~ $1 ]] || echo "$line"
	done 2>/dev/null
	return 0
}
# Nine bits: the suite's place among all, and a part that tells this run from another.
suite_mark() {
	local f n=0
	for f in "$BRYO_WORK"/tests/*/*.bats; do
		[ "${f##*/tests/}" != "${BATS_TEST_FILENAME##*/tests/}" ] || break
		n=$((n + 1))
	done
	SUITE_MARK=$((n % 64 * 8 + $(cksum <<<"$BRYO_WORK" | cut -d' ' -f1) % 8))
	echo "$SUITE_MARK" >/proc/self/coredump_filter
}
suite_mark

# Ends what a suite may have left, and complains if something cannot be removed.
# Call from teardown_file.
remove_all() {
	bryo rm -af -t 0 >/dev/null
	bryo volume rm -af >/dev/null 2>&1 || true
	bryo rmi -af >/dev/null 2>&1 || true
	leave_home
}

# Gives the suite's files back: they may belong to subordinate ids. Again for a while if that fails: a
# monitor removes its --rm container's files after the command has ended, and a killed one's come last.
leave_home() {
	cd /
	chmod -R u+rwX "$HOME" 2>/dev/null || true
	wait_for 5 remove_home || bryo unshare rm -rf "$HOME" || rm -rf "$HOME"
}
remove_home() { bryo unshare rm -rf "$HOME" 2>/dev/null || rm -rf "$HOME" 2>/dev/null; }

# Skips what needs root of the host, or what is missing.
need_program() { command -v "$1" >/dev/null || skip "$1 is not installed"; }
need_subids() { grep -q "^$(id -un):" /etc/subuid || skip "$(id -un) has no subordinate ids"; }
# For what is said of the network that containers have by default: BRYO_TEST_NETWORK makes it another.
need_default_network() { [ -z "${CONTAINERS_CONF_OVERRIDE:-}" ] || skip "all containers have the network of BRYO_TEST_NETWORK"; }

# cgroup v2 with at least one controller that this process may use.
cgroup_delegated() {
	local dir
	dir=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	[ -w "$dir/cgroup.procs" ] && [ -s "$dir/cgroup.controllers" ]
}
need_cgroup() { cgroup_delegated || skip "no delegated cgroup v2 here: make check-vm covers it"; }

# In suites of root: a command as the unprivileged user, in a plain environment.
as_test_user() {
	local user=${BRYO_TEST_USER:-bryo-test} uid
	uid=$(id -u "$user")
	(cd / && setpriv --reuid "$uid" --regid "$(id -g "$user")" --init-groups env -i \
		HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" LOGNAME="$user" BRYO_WORK="$BRYO_WORK" \
		PATH="$PATH" LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/"$uid" "$@")
}
