# SPDX-License-Identifier: Apache-2.0
# What config.json asks for is what the container is, field by field.
load bundle

setup() { make_bundle; }

@test "create, state, start, exec, kill, delete" {
	command_is sleep 60
	rt create --pid-file pid "$ID" </dev/null >/dev/null 3>&-
	[ "$(rt state "$ID" | jq -r .status)" = created ]
	[ "$(rt state "$ID" | jq -r .pid)" = "$(cat pid)" ]
	run -1 rt create "$ID"
	[[ $output == *"already exists"* ]]
	rt start "$ID"
	[ "$(rt state "$ID" | jq -r .status)" = running ]
	run -1 rt start "$ID"
	run -1 rt delete "$ID"
	[[ $output == *"not stopped"* ]]
	run -7 rt exec "$ID" sh -c 'exit 7'
	[ "$(rt list -q)" = "$ID" ]
	[ "$(rt list -f json | jq -r '.[0].status')" = running ]
	rt kill "$ID" KILL
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(rt state "$ID" | jq -r .status)" = stopped ] && break
		sleep 0.1
	done
	[ "$(rt state "$ID" | jq -r .status)" = stopped ]
	run -1 rt exec "$ID" true
	rt delete "$ID"
	run -1 rt state "$ID"
	[[ $output == *"does not exist"* ]]
}

@test "the exit status is the program's, signals as 128 and more" {
	script_is 'exit 42'
	go 42
	script_is 'kill -TERM $$; sleep 5'
	command_is sh -c 'sh -c "kill -9 \$\$"; exit $?'
	go 137
}

@test "a missing or unusable command is told apart" {
	command_is nope
	refused 'executable file `nope` not found in $PATH'
	command_is /nope
	refused 'executable file `/nope` not found'
	command_is /etc
	refused 'is not a regular file'
	echo >"$ROOT/notx"
	command_is /notx
	refused 'is not executable'
}

@test "namespaces are new, and the shared ones are the caller's" {
	script_is 'for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done'
	go
	for n in pid net ipc uts mnt cgroup; do
		[[ $output != *"$(readlink /proc/self/ns/$n)"* ]] || false
	done
	edit '.linux.namespaces |= map(select(.type != "uts")) | del(.hostname)'
	script_is 'readlink /proc/self/ns/uts'
	go
	[ "$output" = "$(readlink /proc/self/ns/uts)" ]
}

@test "a time namespace has its offsets" {
	[ -e /proc/self/ns/time ] || skip "no time namespaces in this kernel"
	edit '.linux.namespaces += [{"type":"time"}] | .linux.timeOffsets.boottime.secs = 1000000'
	script_is 'cut -d. -f1 /proc/uptime'
	go
	[ "$output" -ge 1000000 ]
	edit '.linux.namespaces |= map(select(.type != "time"))'
	refused 'linux.timeOffsets needs a new time namespace'
}

@test "a namespace is joined by path" {
	create_started
	local pid
	pid=$(rt state "$ID" | jq .pid)
	local first=$ID net
	net=$(rt exec "$first" readlink /proc/self/ns/net)
	ID=$first-b
	edit '(.linux.namespaces[] | select(.type == "network")) .path = $p' --arg p "/proc/$pid/ns/net"
	as_root || edit 'del(.linux.uidMappings, .linux.gidMappings) |
		(.linux.namespaces[] | select(.type == "user")) .path = $p' --arg p "/proc/$pid/ns/user"
	as_root || edit '.mounts |= map(select(.type != "sysfs" and .type != "cgroup"))'
	script_is 'readlink /proc/self/ns/net'
	go
	[ "$output" = "$net" ]
	rt delete --force "$first"
}

@test "host name and domain name" {
	edit '.hostname = "moss" | .domainname = "wood"'
	script_is 'hostname; cat /proc/sys/kernel/domainname'
	go
	[ "$output" = $'moss\nwood' ]
}

@test "capabilities: all five sets" {
	edit '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
	edit '.process.user = {uid: 5, gid: 6, additionalGids: [7]}'
	script_is 'grep ^Cap /proc/self/status | tr -d "\t"; id -u; id -g; id -G'
	go
	# A program without file capabilities, not root: what is ambient stays (capabilities(7)).
	[[ $output == *CapInh:0000000000000020* ]]
	[[ $output == *CapPrm:0000000000000020* ]]
	[[ $output == *CapBnd:0000000000000021* ]]
	[[ $output == *CapAmb:0000000000000020* ]]
	[[ $output == *$'5\n6\n6 7' ]]
	edit '.process.capabilities.bounding += ["CAP_NOPE"]'
	refused 'process.capabilities.bounding[2] is not the name of a capability'
}

@test "without capabilities there are none" {
	edit 'del(.process.capabilities)'
	script_is 'grep -E "^Cap(Bnd|Prm|Eff)" /proc/self/status | tr -d "\t"'
	go
	[ "$output" = $'CapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:0000000000000000' ]
}

@test "no_new_privs, umask, rlimits, oom score, cwd, environment" {
	edit '.process.user.umask = 23 | .process.noNewPrivileges = true | .process.cwd = "/made/here"
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 88}]
		| .process.oomScoreAdj = 500 | .process.env += ["GREETING=hello there"]'
	edit '.root.readonly = false'
	script_is 'grep NoNewPrivs /proc/self/status | tr -d "\t"; umask; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj; pwd; echo $GREETING'
	go
	[ "$output" = $'NoNewPrivs:1\n0027\n77\n88\n500\n/made/here\nhello there' ]
	edit '.process.noNewPrivileges = false'
	script_is 'grep NoNewPrivs /proc/self/status | tr -d "\t"'
	go
	[ "$output" = NoNewPrivs:0 ]
}

@test "mount options reach the mounts" {
	mkdir -p src/sub other
	edit '.mounts += [
		{destination: "/ro", type: "bind", source: "src", options: ["rbind", "ro", "nosuid", "noexec"]},
		{destination: "/a/b/file", type: "bind", source: "'"$BUNDLE"'/config.json", options: ["bind"]},
		{destination: "/t", type: "tmpfs", source: "tmpfs", options: ["size=1m", "mode=0700", "noatime"]},
		{destination: "/slave", type: "bind", source: "other", options: ["bind", "rslave"]}]'
	edit '.root.readonly = false'
	script_is 'grep -E " /(ro|t|slave) " /proc/self/mountinfo | cut -d" " -f5,6; touch /ro/x; test -s /a/b/file && echo there'
	go
	[[ $output == *"/ro ro,nosuid,noexec,relatime"* ]]
	[[ $output == *"/t rw,noatime"* ]]
	[[ $output == *there* ]]
	edit '.mounts += [{destination: "/x", type: "bind", source: "src", options: ["bind", "sizzle=3"]}]'
	refused 'mount /x: option sizzle=3 is not known for a bind mount'
}

@test "r options reach what is mounted below" {
	as_root || skip "needs root to prepare the mounts"
	mkdir -p src/sub
	unshare -m bash -c 'mount -t tmpfs none src/sub && touch src/sub/f && exec "$@"' - true
	edit '.mounts += [{destination: "/d", type: "bind", source: "src", options: ["rbind", "rro"]}]'
	edit '.root.readonly = false'
	script_is 'touch /d/sub/x 2>&1; touch /d/x 2>&1; true'
	run --separate-stderr unshare -m bash -c 'mount -t tmpfs none src/sub; exec "$@"' - \
		"$RUNTIME" --root "$BATS_FILE_TMPDIR/state" run "$ID"
	[ "$(grep -c 'Read-only file system' <<<"$output")" = 2 ]
}

@test "tmpcopyup begins with the image's files" {
	mkdir -p "$ROOT/data/deep"
	echo moss >"$ROOT/data/deep/plant"
	ln -s deep/plant "$ROOT/data/link"
	edit '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
	script_is 'cat /data/link; echo new >/data/deep/plant; grep -c " /data tmpfs " /proc/mounts'
	go
	[ "$output" = $'moss\n1' ]
	[ "$(cat "$ROOT/data/deep/plant")" = moss ]
}

@test "ids of a bind mount are mapped" {
	as_root || skip "id-mapped mounts are for real root"
	mkdir src
	touch src/f
	chown 5:6 src/f
	edit '.mounts += [{destination: "/m", type: "bind", source: "src", options: ["bind", "idmap"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 100}],
		gidMappings: [{containerID: 0, hostID: 2000, size: 100}]}]'
	edit '.root.readonly = false'
	script_is 'stat -c %u:%g /m/f'
	go
	[ "$output" = 1005:2006 ]
}

@test "masked and read-only paths" {
	script_is 'wc -c </proc/keys; ls /sys/firmware | wc -l; echo 1 >/proc/sys/kernel/shmmax; echo $?'
	go
	[ "$output" = $'0\n0\n1' ]
	edit '.linux.maskedPaths = [] | .linux.readonlyPaths = ["/etc"] | .root.readonly = false'
	script_is 'touch /etc/x 2>/dev/null || echo refused; touch /x && echo written'
	go
	[ "$output" = $'refused\nwritten' ]
}

@test "a read-only root is, and its mounts need not be" {
	script_is 'touch /x 2>/dev/null || echo refused; touch /dev/shm/x && echo written'
	go
	[ "$output" = $'refused\nwritten' ]
}

@test "default devices, links, and a device of the spec" {
	edit '.linux.devices = [{path: "/dev/fuzzy", type: "c", major: 1, minor: 5}]'
	as_root || edit '.linux.devices[0].path = "/dev/zero"'
	script_is 'for d in null zero full random urandom tty; do stat -c "%t:%T" /dev/$d; done; for l in fd stdin ptmx; do readlink /dev/$l; done; head -c 3 /dev/'"$(as_root && echo fuzzy || echo zero)"' | wc -c'
	go
	[ "$output" = $'1:3\n1:5\n1:7\n1:8\n1:9\n5:0\n/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n3' ]
}

@test "sysctls of the container's namespaces are set, others refused by name" {
	edit '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "7"}'
	script_is 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start'
	go
	[ "$output" = 7 ]
	edit '.linux.sysctl = {"vm.swappiness": "7"}'
	refused 'vm.swappiness belongs to no namespace'
	edit '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))'
	refused 'net.ipv4.ip_forward needs a network namespace'
	edit '.linux.sysctl = {"net.nope": "1"} | .linux.namespaces += [{type: "network"}]'
	refused 'this kernel has no sysctl net.nope'
}

@test "seccomp: actions, errno, arguments" {
	edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28},
		{names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 3, args: [{index: 1, value: 10, op: "SCMP_CMP_EQ"}]},
		{names: ["sethostname"], action: "SCMP_ACT_KILL_PROCESS"}]}'
	edit '.root.readonly = false'
	script_is 'mkdir /d; kill -USR1 $$; kill -0 $$ && echo lives; exit 9'
	go 9
	[[ $stderr == *"No space left"* ]]
	[[ $stderr == *"No such process"* ]]
	[[ $output == lives ]]
	edit '.linux.seccomp.architectures = ["SCMP_ARCH_NOPE"]'
	refused 'SCMP_ARCH_NOPE is not supported'
	edit '.linux.seccomp.architectures = [] | .linux.seccomp.flags = ["SECCOMP_NOPE"]'
	refused 'SECCOMP_NOPE is not supported'
}

@test "seccomp: a filter that was kept is used only for the very same profile" {
	edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]}'
	script_is 'mkdir /dev/shm/d'
	go 1
	go 1
	local cache=$BATS_FILE_TMPDIR/state/.seccomp
	# Another profile's filter under this one's name: as a collision of hashes would be.
	local mine
	mine=$(ls -t "$cache" | head -1)
	edit '.linux.seccomp.syscalls = []'
	go 0
	local other
	other=$(ls -t "$cache" | head -1)
	[ "$mine" != "$other" ]
	cp "$cache/$other" "$cache/$mine"
	edit '.linux.seccomp.syscalls = [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]'
	go 1
	[[ $stderr == *"No space left"* ]]
}

@test "seccomp: a notification listener goes to listenerPath and is asked" {
	cat >listen.py <<-'END'
	import array, fcntl, json, socket, struct, sys
	s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); s.settimeout(15)
	c = s.accept()[0]
	data, anc, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(4))
	fd = array.array("i", anc[0][2])[0]
	state = json.loads(data)
	print(state["metadata"], state["fds"], state["pid"] == state["state"]["pid"], flush=True)
	while True:
	    request = bytearray(80)
	    try: fcntl.ioctl(fd, 0xc0502100, request)
	    except OSError: break
	    ours = struct.unpack_from("=i", request, 16)[0] in (83, 258, 34) # mkdir, mkdirat
	    answer = struct.pack("=QqiI", struct.unpack_from("=Q", request)[0], 0, -31 if ours else 0, 0 if ours else 1)
	    try: fcntl.ioctl(fd, 0xc0182101, bytearray(answer))
	    except OSError: pass
	END
	python3 listen.py "$BUNDLE/l.sock" >listen.out 3>&- &
	local listener=$!
	for i in $(seq 50); do [ -S l.sock ] && break; sleep 0.1; done
	# Even calls that hand the listener over, and those on the way to the program, may ask.
	edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $p, listenerMetadata: "moss", syscalls: [
		{names: ["mkdir", "mkdirat", "sendmsg", "capset"], action: "SCMP_ACT_NOTIFY"}]}' --arg p "$BUNDLE/l.sock"
	script_is 'mkdir /dev/shm/d'
	go 1
	[[ $stderr == *"Too many links"* ]]
	wait $listener
	[ "$(cat listen.out)" = "moss ['seccompFd'] True" ]
	edit 'del(.linux.seccomp.listenerPath)'
	refused 'SCMP_ACT_NOTIFY and no listenerPath'
}

@test "hooks run in their order, with the state on their standard input" {
	cat >hook <<-'END'
	#!/bin/sh
	s=$(cat)
	echo "$1 $(echo "$s" | jq -r .status)" >>"$2"
	END
	chmod +x hook
	: >log
	for h in prestart createRuntime createContainer poststart poststop; do
		edit ".hooks.$h = [{path: \$p, args: [\"hook\", \$h, \$l], env: [\$e]}]" --arg p "$BUNDLE/hook" \
			--arg h $h --arg l "$BUNDLE/log" --arg e "PATH=$PATH"
	done
	edit '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/shm/state"]}]'
	script_is 'grep -o "\"status\":\"[a-z]*\"" /dev/shm/state; sleep 0.3'
	go
	[ "$output" = '"status":"created"' ]
	[ "$(cat log)" = $'prestart creating\ncreateRuntime creating\ncreateContainer creating\npoststart running\npoststop stopped' ]
}

@test "a hook that fails or takes too long stops the start" {
	edit '.hooks.createRuntime = [{path: "/bin/false"}]'
	refused 'createRuntime: hook /bin/false failed with exit status 1'
	edit '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "10"], timeout: 1}]'
	refused 'createRuntime: hook /bin/sleep was killed after 1 seconds'
}

@test "exec: terminal, user, cwd, environment, capabilities, process file" {
	create_started
	[[ $(rt exec -t "$ID" tty </dev/null) == /dev/pts/* ]]
	[ "$(rt exec -u 3:4 -e A=b --cwd /dev "$ID" sh -c 'echo $(id -u):$(id -g) $A $(pwd)')" = "3:4 b /dev" ]
	jq '.process | .args = ["sh", "-c", "exit 11"]' config.json >process.json
	run -11 rt exec --process process.json "$ID"
	run -1 rt exec "$ID" nope
	[[ $output == *'executable file `nope` not found in $PATH'* ]]
	rt exec -d --pid-file epid "$ID" sleep 30 </dev/null >/dev/null 3>&-
	kill -0 "$(cat epid)"
	# What runs in the container sees no process of ours, and exec'd ones have its filter.
	[ "$(rt exec "$ID" grep -c ^Seccomp:.2 /proc/self/status)" = 1 ]
}

@test "a terminal goes to the console socket" {
	edit '.process.terminal = true | .process.consoleSize = {height: 11, width: 33}'
	run -1 rt create "$ID"
	[[ $output == *"--console-socket is needed"* ]]
	script_is 'stty size; tty; ls -l /dev/console | cut -c1'
	python3 - "$BUNDLE/con.sock" >con.out <<-'END' &
	import array, os, socket, sys
	s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); s.settimeout(15)
	c = s.accept()[0]
	data, anc, _, _ = c.recvmsg(256, socket.CMSG_SPACE(4))
	fd = array.array("i", anc[0][2])[0]
	out = b""
	while True:
	    try: chunk = os.read(fd, 4096)
	    except OSError: break
	    if not chunk: break
	    out += chunk
	sys.stdout.write(out.decode().replace("\r", ""))
	END
	local reader=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do [ -S con.sock ] && break; sleep 0.1; done
	rt create --console-socket con.sock "$ID" </dev/null >/dev/null 3>&-
	rt start "$ID"
	wait $reader
	[ "$(cat con.out)" = $'11 33\n/dev/pts/0\nc' ]
}

@test "pause and resume where a cgroup has a freezer" {
	create_started
	run rt pause "$ID"
	[ "$status" = 0 ] || skip "no cgroup here: $output"
	[ "$(rt state "$ID" | jq -r .status)" = paused ]
	rt resume "$ID"
	[ "$(rt state "$ID" | jq -r .status)" = running ]
}

@test "what is not supported is refused by name" {
	for change in '.linux.intelRdt = {closID: "x"}|linux.intelRdt' '.windows = {}|windows' \
		'.linux.netDevices = {eth0: {}}|linux.netDevices' '.vm = {}|vm' \
		'.linux.rootfsPropagation = "odd"|linux.rootfsPropagation odd' \
		'.process.scheduler = {policy: "SCHED_ODD"}|SCHED_ODD' \
		'.linux.personality = {domain: "ODD"}|ODD' \
		'.process.rlimits = [{type: "RLIMIT_ODD", soft: 1, hard: 1}]|process.rlimits[0].type' \
		'.process.cwd = "here"|process.cwd here' '.ociVersion = "2.0"|ociVersion 2.0' \
		'.linux.namespaces += [{type: "odd"}]|linux.namespaces'; do
		cp config.json saved.json
		edit "${change%|*}"
		refused "${change##*|}"
		mv saved.json config.json
	done
}

@test "features are JSON, version and help are there" {
	rt features | jq -e '.linux.seccomp.enabled and (.hooks | length == 6)'
	[[ $(rt --version) == "bryo-runtime version "* ]]
	rt --help | grep -q create
	run -1 rt update x
	[[ $output == *"not supported"* ]]
}

@test "errors go to the log as JSON" {
	command_is nope
	run -1 rt --log "$BUNDLE/log" --log-format json run "$ID"
	[ "$(jq -r .level log)" = error ]
	jq -e '.msg | contains("not found in $PATH")' log
}
