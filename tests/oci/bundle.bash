# SPDX-License-Identifier: Apache-2.0
# Bundles for the runtime's suites: load bundle
#
# Every suite runs as root (no user namespace in the config) and as an unprivileged user (with
# one, its maps from /etc/subuid): as_root tells which.
bats_require_minimum_version 1.5.0
: "${BRYO_WORK:?run it by tests/bats.sh}"
RUNTIME=${BRYO_RUNTIME:-$BRYO_WORK/bin/bryo-runtime}

as_root() { [ "$(id -u)" = 0 ]; }

# The runtime, with records of this suite's own, never for longer than 20 seconds.
rt() { timeout --foreground -k 5 20 "$RUNTIME" --root "$BATS_FILE_TMPDIR/state" "$@"; }

# A bundle in $BUNDLE with busybox in it, and config.json without a terminal.
make_bundle() {
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	ROOT=$BUNDLE/rootfs
	ID=oci-$$-$BATS_TEST_NUMBER
	mkdir -p "$ROOT"
	tar -xf "$BRYO_WORK/rootfs.tar" -C "$ROOT"
	cd "$BUNDLE" || return 1
	rt spec
	edit '.process.terminal = false'
}

# edit FILTER [JQ-OPTION...]: changes config.json by jq.
edit() {
	local filter=$1
	shift
	jq "$filter" config.json "$@" >config.new && mv config.new config.json
}

# command_is WORD...: what the container runs (jq's --args would take "-c" for its own).
command_is() {
	local words
	words=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@")
	edit '.process.args = $w' --argjson w "$words"
}
# script TEXT: a shell script to run.
script_is() { command_is /bin/sh -c "$1"; }

# go [STATUS]: runs the container; leaves $output and $stderr.
go() {
	local expected=${1:-0}
	run --separate-stderr rt run "$ID"
	[ "$status" = "$expected" ] && return
	echo "exit status $status, expected $expected"
	echo "$output"
	echo "stderr: $stderr"
	return 1
}

# refused TEXT: the runtime says no with one line that has TEXT, and leaves no record.
refused() {
	go 1
	[[ $stderr == *"$1"* ]] || { echo "no \"$1\" in: $stderr"; return 1; }
	[ "$(wc -l <<<"$stderr")" = 1 ]
	[ ! -e "$BATS_FILE_TMPDIR/state/$ID" ]
}

# create_started: a container that sleeps, created and started.
create_started() {
	command_is sleep 60
	rt create "$ID" </dev/null >/dev/null 3>&-
	rt start "$ID"
}

teardown() { rt delete --force "$ID" 2>/dev/null || true; }
