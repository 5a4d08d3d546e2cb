# SPDX-License-Identifier: Apache-2.0
# Flags of run, create and exec: what each does, seen from inside, and a bad value of each.
load ../lib/bryo

setup_file() {
	fresh_home
	import_tiny
}

teardown_file() {
	remove_all
}

teardown() {
	bryo rm -af -t 0 >/dev/null
}

# ---- --rmi ----

names() { bryo images --format '{{.Repository}}' | sort | paste -sd' '; }

@test "run --rmi: the image goes with the container" {
	run_bryo import -c "LABEL own=goes" "$ROOTFS" goes
	run_bryo 3 run --rmi goes sh -c 'exit 3'
	is "$(names)" localhost/tiny
	is "$(bryo ps -aq)" ""
	# In the background too, by the monitor.
	run_bryo import -c "LABEL own=goes" "$ROOTFS" goes
	run_bryo run -d --rmi --name short goes sleep 1
	is "$(names)" "localhost/goes localhost/tiny"
	wait_for 10 eval '! bryo container exists short'
	wait_for 10 eval '! bryo image exists goes'
}

@test "run --rmi: an image that others use stays, and is named; one name of many is taken off" {
	run_bryo import -c "LABEL own=used" "$ROOTFS" used
	run_bryo create --name other used true
	run_bryo 3 run --rmi used sh -c 'exit 3'
	like "$stderr" "^Failed to remove image used: it is in use by container $(bryo ps -aq)$"
	is "$(names)" "localhost/tiny localhost/used"
	run_bryo rm other
	run_bryo tag used more
	run_bryo run --rmi used true
	is "$stderr" ""
	is "$(names)" "localhost/more localhost/tiny"
	run_bryo rmi more
}

@test "run --rmi: kept where nothing ran; refused without --rm" {
	run_bryo import -c "LABEL own=kept" "$ROOTFS" kept
	run_bryo 127 run --rmi kept no-such-program
	is "$(names)" "localhost/kept localhost/tiny"
	refused "the --rmi option does not work without --rm" -- run --rmi --rm=false kept true
	refused "--rm option conflicts with --restart" -- run --rmi --restart always kept true
	refused --rmi --rootfs -- run --rmi --rootfs / true
	is "$(bryo ps -aq)" ""
	run_bryo rmi kept
}

# ---- --timeout ----

@test "run --timeout: killed when its time is over, exit status 255" {
	local began
	began=$(date +%s%N)
	run_bryo 255 run --name late --timeout 1 tiny sh -c 'trap "" TERM; echo started; sleep 20'
	is "$output" started
	[ $(($(date +%s%N) - began)) -lt 15000000000 ] || complain "it ran on"
	is "$(bryo inspect -f '{{.State.ExitCode}} {{.Config.Timeout}}' late)" "255 1"
	run_bryo run -d --timeout 1 --name back tiny sleep 20
	run_bryo wait back
	is "$output" 255
	# One that ends before is as ever; the limit of one run is not that of the next.
	run_bryo 3 run --rm --timeout 20 tiny sh -c 'exit 3'
	run_bryo run -d --timeout 1 --name stopped tiny sleep 20
	run_bryo stop -t 0 stopped
	is "$(bryo inspect -f '{{.State.ExitCode}}' stopped)" 137
	refused_flag "invalid argument \"x\" for \"--timeout\" flag" run --timeout x tiny true
	refused_flag "invalid argument \"-1\" for \"--timeout\" flag" run --timeout -1 tiny true
}

# Errors of the option table have a second line that names the help, as Podman's.
refused_flag() {
	local text=$1
	shift
	run_bryo 125 "$@"
	has "$stderr" "$text"
	is "$output" ""
}

# ---- --env-merge ----

@test "run --env-merge: shell words over what image and engine set" {
	run_bryo import -c 'ENV FROM=image' -c 'ENV EMPTY=' "$ROOTFS" merged
	run_bryo run --rm --env-merge 'PATH=${PATH}:/x' --env-merge 'A=<$FROM>${FROM}$' \
		--env-merge 'B=${NONE:-other}${FROM:+set}${EMPTY:-e$FROM}' --env-merge "C='\$FROM' \"\$FROM\" \\\$x" \
		merged sh -c 'printf "%s\n" "$PATH" "$A" "$B" "$C"'
	is "${lines[0]}" "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/x"
	is "${lines[1]}" "<image>image$"
	is "${lines[2]}" otherseteimage
	is "${lines[3]}" '$FROM image $x'
	# -e comes after it: it neither sees nor beats that.
	run_bryo run --rm -e A=1 --env-merge 'B=<${A}>' --env-merge 'A=x${A}' merged sh -c 'echo $A $B'
	is "$output" "1 <>"
	bryo rmi merged >/dev/null
	refused 'missing `=` for --env-merge substitution B' -- run --rm --env-merge B tiny true
	refused --env-merge 'A=${A' -- run --rm --env-merge 'A=${A' tiny true
	refused --env-merge "quote" -- run --rm --env-merge 'A="x' tiny true
	refused --env-merge -- run --rm --env-merge 'A=${A?x}' tiny true
}

# ---- --volumes-from ----

@test "run --volumes-from: the other's volumes and binds, with its options" {
	mkdir -p "$HOME/from"
	echo data >"$HOME/from/file"
	run_bryo create --name source -v "$HOME/from:/a" -v named:/b -v /anon tiny true
	run_bryo run --rm --volumes-from source tiny sh -c 'cat /a/file; for d in /a /b /anon; do touch $d/new && echo $d; done'
	is "${lines[*]}" "data /a /b /anon"
	run_bryo 1 run --rm --volumes-from source:ro,z tiny sh -c 'ls /b/new; touch /a/x; touch /b/x; touch /anon/x'
	is "$output" /b/new
	is "$(grep -c 'Read-only file system' <<<"$stderr")" 3
	# What the command asks for itself comes first.
	run_bryo run --rm --volumes-from source -v other:/a tiny ls /a
	is "$output" ""
	refused 'looking up container "nobody" for volumes-from' -- run --rm --volumes-from nobody tiny true
	refused 'invalid option "bad"' "z,ro,rw" -- run --rm --volumes-from source:bad tiny true
	refused "cannot set ro or rw more than once" -- run --rm --volumes-from source:ro,rw tiny true
	is "$(bryo ps -aq)" "$(bryo ps -aq -f name=source)"
}

# ---- --device ----

@test "run --device: a folder gives the devices in it" {
	[ -c /dev/net/tun ] || skip "this host has no /dev/net/tun"
	run_bryo run --rm --device /dev/net tiny sh -c 'ls -l /dev/net | cut -c1 | tail -1'
	is "$output" c
	run_bryo run --rm --device /dev/net:/dev/other tiny ls /dev/other
	is "$output" tun
	run_bryo run --rm --device /dev/zero:/a/b/zero:r tiny sh -c 'head -c 2 /a/b/zero | wc -c'
	is "$output" 2
	refused "no devices found in /etc" -- run --rm --device /etc tiny true
	refused "/etc/passwd is not a device node" -- run --rm --device /etc/passwd tiny true
	refused /dev/no-such-device -- run --rm --device /dev/no-such-device tiny true
	refused /dev/null:x -- run --rm --device /dev/null:x tiny true
	is "$(bryo ps -aq)" ""
}

# ---- --mount type=image ----

@test "run --mount type=image: another image's files, read-only" {
	run_bryo 1 run --rm --mount type=image,source=tiny,destination=/i tiny sh -c 'ls /i/bin/sh; touch /i/x'
	is "$output" /i/bin/sh
	has "$stderr" "Read-only file system"
	refused "rw is not supported yet" -- run --rm --mount type=image,source=tiny,destination=/i,rw=true tiny true
	refused subpath -- run --rm --mount type=image,source=tiny,destination=/i,subpath=/bin tiny true
	refused "destination" -- run --rm --mount type=image,source=tiny tiny true
	refused "source" -- run --rm --mount type=image,destination=/i tiny true
	refused no-such-image -- run --rm --mount type=image,source=no-such-image,destination=/i tiny true
	is "$(bryo ps -aq)" ""
}

# ---- --replace ----

@test "run --replace: takes the place of a container of that name, running or not" {
	run_bryo create --replace --name seat tiny true
	local first=$output
	run_bryo run -d --replace --name seat tiny sleep 100
	isnt "$output" "$first"
	run_bryo run --replace --name seat tiny echo new
	is "$output" new
	is "$(bryo ps -a --format '{{.Names}} {{.State}}')" "seat exited"
	refused "cannot replace container without --name being set" -- run --replace tiny true
}

@test "run --replace: the old one stays when the new one cannot be made" {
	run_bryo create --name seat tiny true
	refused no-such-image -- run --pull never --replace --name seat no-such-image true
	refused --memory -- run --replace --name seat --memory bad tiny true
	is "$(bryo ps -a --format '{{.Names}}')" seat
}

# ---- exec --preserve-fds ----

@test "exec --preserve-fds: descriptors of the caller, and never one of ours" {
	run_bryo run -d --name fds tiny sleep 100
	echo hello >"$HOME/text"
	run_bryo exec --preserve-fds 1 fds sh -c 'cat <&3' 3<"$HOME/text"
	is "$output" hello
	run_bryo exec --preserve-fds 2 fds sh -c 'cat <&4; echo out >&3' 4<"$HOME/text" 3>"$HOME/out"
	is "$output" hello
	is "$(cat "$HOME/out")" out
	# Not asked for, not there.
	run_bryo exec fds sh -c 'ls -l /proc/self/fd' 3<"$HOME/text"
	has_not "$output" /text
	run_bryo exec -d --preserve-fds 1 fds sh -c 'cat <&3 >/copy' 3<"$HOME/text"
	wait_for 10 bryo exec fds grep -q hello /copy
	run bash -c "exec 3<&-; '$BRYO' ${BRYO_FLAGS:-} exec --preserve-fds 1 fds true"
	is "$status" 125
	has "$output" "file descriptor 3 is not available"
	run bash -c "exec 3<&-; '$BRYO' ${BRYO_FLAGS:-} exec --preserve-fds 2 fds true 4<'$HOME/text'"
	has "$output" "file descriptor 3 is not available"
	run_bryo 125 exec --preserve-fds 4294967297 fds true
	has "$stderr" "is not available"
}

# ---- wait ----

@test "wait --condition: each state, also one that is still to come" {
	run_bryo create --name state tiny sleep 100
	run_bryo wait --condition created state
	is "$output" -1
	bryo wait --condition running state >"$HOME/waited" &
	local waiting=$!
	run_bryo start state
	wait $waiting
	is "$(cat "$HOME/waited")" -1
	run_bryo wait --condition exited,running state
	is "$output" -1
	bryo wait --condition stopped state >"$HOME/waited" &
	waiting=$!
	run_bryo kill state
	wait $waiting
	is "$(cat "$HOME/waited")" 137
	run_bryo wait --condition running,stopped -i 10ms state
	is "$output" 137
	run_bryo run -d --rm --name brief tiny sh -c 'sleep 0.5; exit 6'
	run_bryo wait --condition exited brief
	is "$output" 6
	refused "unknown container state: bogus" -- wait --condition bogus state
	refused "unknown container state: configured" -- wait --condition running,configured state
	refused "--condition healthy is not supported yet" -- wait --condition healthy state
	refused 'invalid --interval "bad"' -- wait -i bad state
}

@test "wait --condition: a container that is removed meanwhile is no longer waited for" {
	run_bryo create --name vanishes tiny true
	bryo wait --condition running vanishes >/dev/null 2>"$HOME/error" &
	local waiting=$! status=0
	sleep 0.2
	run_bryo rm vanishes
	wait $waiting || status=$?
	is "$status" 125
	has "$(cat "$HOME/error")" "no such container"
}

# ---- --filter ----

@test "ps --filter: name is a regular expression, exited a number" {
	run_bryo create --name alpha tiny true
	run_bryo create --name beta tiny true
	run_bryo 3 run --name gamma tiny sh -c 'exit 3'
	found() { bryo ps -a --format '{{.Names}}' "$@" | sort | paste -sd' '; }
	is "$(found -f name=am)" gamma
	is "$(found -f 'name=^(alpha|beta)$')" "alpha beta"
	is "$(found -f 'name=al.*a')" alpha
	is "$(found -f name=^be -f 'name=mma$')" "beta gamma"
	is "$(found -f exited=3)" gamma
	is "$(found -f exited=0)" ""
	refused 'invalid value "x" for filter exited' -- ps -a -f exited=x
	refused 'invalid regular expression "a["' -- ps -a -f 'name=a['
}

# ---- --cgroup-conf ----

@test "run --cgroup-conf: formatted KEY=VALUE" {
	refused 'invalid --cgroup-conf "bad"' -- run --rm --cgroup-conf bad tiny true
	is "$(bryo ps -aq)" ""
}
