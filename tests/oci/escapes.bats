# SPDX-License-Identifier: Apache-2.0
# Known ways out of containers, each tried against bryo-runtime (docs/runtime-escapes.md).
load bundle

setup() { make_bundle; }

# A copy of the runtime that the container's root could write, were it let near it.
own_runtime() {
	cp "$RUNTIME" "$BATS_TEST_TMPDIR/runtime"
	chmod 755 "$BATS_TEST_TMPDIR/runtime"
	RUNTIME=$BATS_TEST_TMPDIR/runtime
	before=$(sha256sum <"$RUNTIME")
}

@test "CVE-2019-5736: /proc/self/exe as the program is not the runtime" {
	own_runtime
	# With its libraries in the image it would run there, were it executed.
	ldd "$RUNTIME" | grep -o '/[^ ]*' | while read -r lib; do install -D "$lib" "$ROOT/$lib"; done
	ln -s /proc/self/exe "$ROOT/bin/self"
	command_is /bin/self --version
	run -127 rt run "$ID"
	[[ $output != *"bryo-runtime version"* ]]
	printf '#!/proc/self/exe --version\n' >"$ROOT/bin/script"
	chmod +x "$ROOT/bin/script"
	command_is /bin/script
	run -127 rt run "$ID"
	[[ $output != *"bryo-runtime version"* ]]
	[ "$before" = "$(sha256sum <"$RUNTIME")" ]
}

@test "CVE-2019-5736: while exec'd processes come, none can be opened for writing" {
	own_runtime
	edit '.process.capabilities |= with_entries(.value += ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"])'
	# Looks at every process but its own and the shell's, as fast as it can.
	script_is 'while :; do for p in /proc/[0-9]*; do
		case $(readlink $p/exe) in */runtime) echo seen $p >>/dev/shm/log; { echo x >>$p/exe; } 2>/dev/null && echo wrote >>/dev/shm/log;; esac
	done; done'
	rt create "$ID" </dev/null >/dev/null 3>&-
	rt start "$ID"
	for i in $(seq 40); do rt exec "$ID" true; done
	run rt exec "$ID" cat /dev/shm/log
	[[ $output != *wrote* ]]
	# Undumpable: not even the name of our program is seen from a user namespace.
	as_root || [[ $output != *seen* ]]
	[ "$before" = "$(sha256sum <"$RUNTIME")" ]
}

@test "CVE-2021-30465: mount targets through symlinks stay inside the root" {
	mkdir -p "$BATS_TEST_TMPDIR/outside" "$ROOT/$BATS_TEST_TMPDIR/outside" src
	echo moss >src/f
	ln -s "../../../../../../../../$BATS_TEST_TMPDIR/outside" "$ROOT/up"
	ln -s "$BATS_TEST_TMPDIR/outside" "$ROOT/abs"
	edit '.mounts += [{destination: "/up/a", type: "bind", source: "src", options: ["bind"]},
		{destination: "/abs/b", type: "bind", source: "src", options: ["bind"]}]'
	edit '.root.readonly = false'
	script_is "cat $BATS_TEST_TMPDIR/outside/a/f $BATS_TEST_TMPDIR/outside/b/f"
	go
	[ "$output" = $'moss\nmoss' ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/outside")" ]
	[ -d "$ROOT/$BATS_TEST_TMPDIR/outside/a" ]
}

@test "CVE-2024-21626: no descriptor is left open, and none serves as working directory" {
	script_is 'ls /proc/self/fd | wc -l'
	exec 7</ 8</etc
	go
	[ "$output" = 4 ] # 0 to 2, and the one that ls reads with
	script_is 'pwd; cat etc/hostname ../etc/hostname'
	for n in 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		edit ".process.cwd = \"/proc/self/fd/$n\""
		run rt run "$ID"
		[ "$status" != 0 ]
		[[ $output != *"$(cat /etc/hostname)"* ]]
	done
	exec 7<&- 8<&-
	edit '.process.cwd = "/"'
	create_started
	for n in 3 4 5 6 7 8 9 10 11 12; do
		run rt exec --cwd /proc/self/fd/$n "$ID" pwd
		[ "$status" != 0 ]
	done
}

@test "CVE-2025-31133: masks are the real null device, whatever the image's /dev/null is" {
	edit '.mounts |= map(select(.destination != "/dev" and .destination != "/dev/shm" and .destination != "/dev/pts" and .destination != "/dev/mqueue"))'
	edit '.root.readonly = false'
	rm -rf "$ROOT/dev"
	mkdir "$ROOT/dev"
	ln -s /proc/sys/kernel/core_pattern "$ROOT/dev/null"
	script_is 'stat -c %F:%t:%T /proc/keys; cat /proc/keys'
	run rt run "$ID"
	# Refused, or masked by the true device: never the other file.
	if [ "$status" = 0 ]; then
		[ "$output" = "character special file:1:3" ]
	else
		[[ $output == *"/dev/null"* ]]
	fi
}

@test "CVE-2025-52565: /dev/console is bound from the terminal itself" {
	edit '.mounts |= map(select(.destination != "/dev"))'
	edit '.root.readonly = false | .process.terminal = true'
	rm -rf "$ROOT/dev"
	mkdir -p "$ROOT/dev/pts" "$ROOT/dev/shm" "$ROOT/dev/mqueue"
	ln -s /proc/sys/kernel/core_pattern "$ROOT/dev/console"
	script_is 'true'
	run rt run "$ID"
	[ "$status" = 1 ]
	[[ $output == *"/dev/console of the image is not a file"* ]]
}

@test "CVE-2025-52565: /dev/pts that is not devpts gives no terminal" {
	edit '.mounts |= map(select(.destination != "/dev/pts"))'
	edit '.process.terminal = true'
	script_is 'true'
	run rt run "$ID"
	[ "$status" = 1 ]
	[[ $output == *"no devpts on /dev/pts"* ]]
}

@test "CVE-2025-52881: writes to procfs reach procfs, not what is mounted over it" {
	mkdir fake
	echo fake >fake/ip_unprivileged_port_start
	edit '.mounts += [{destination: "/proc/sys/net/ipv4", type: "bind", source: "fake", options: ["bind"]}]'
	edit '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "7"}'
	command_is sleep 60
	rt create "$ID" </dev/null >/dev/null 3>&-
	rt start "$ID"
	[ "$(cat fake/ip_unprivileged_port_start)" = fake ]
	if as_root; then
		[ "$(nsenter -n -t "$(rt state "$ID" | jq .pid)" cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" = 7 ]
	fi
}

@test "CVE-2019-16884, CVE-2023-27561: /proc and /sys that are symlinks are refused" {
	edit '.root.readonly = false'
	rm -rf "$ROOT/proc"
	mkdir "$ROOT/elsewhere"
	ln -s elsewhere "$ROOT/proc"
	script_is true
	refused 'mount /proc: the target is not a plain folder'
}

@test "the container's root cannot become the caller's" {
	script_is 'cut -d" " -f5 /proc/self/mountinfo; ls /proc/1/root/'
	go
	# Of the caller's tree nothing is left in the mount table.
	[[ $output != *"$BATS_TEST_TMPDIR"* ]]
	[[ $output == *$'\netc\n'* ]]
}
