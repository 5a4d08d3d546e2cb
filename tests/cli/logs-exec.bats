# SPDX-License-Identifier: Apache-2.0
# logs, exec, attach: talking to a container that runs.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

@test "logs: both streams, of a container that has ended too" {
	bryo run -d --name l tiny sh -c 'echo to-out; echo to-err >&2'
	bryo wait l >/dev/null
	run_bryo logs l
	is "$output" to-out
	is "$stderr" to-err
}

@test "logs: --tail, -t, --since, --until" {
	bryo run --name many tiny seq 1 20 >/dev/null
	run_bryo logs --tail 3 many
	is "$output" "$(seq 18 20)"
	run_bryo logs --tail 0 many
	is "$output" ""
	run_bryo logs -t --tail 1 many
	like "$output" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+[-+Z0-9:]* 20$'
	run_bryo logs --since 1h many
	is "${#lines[@]}" 20
	run_bryo logs --until 2001-01-01T00:00:00Z many
	is "$output" ""
	run_bryo 125 logs --since nonsense many
	has "$stderr" nonsense
	run_bryo 125 logs nobody
}

@test "logs: lines longer than any buffer, without an end, and with zero bytes" {
	bryo run --name long tiny sh -c 'head -c 100000 /dev/zero | tr "\0" x; echo; printf end' >/dev/null
	bryo logs long >log
	is "$(head -n1 log | wc -c)" 100001
	is "$(tail -c 3 log)" end
	bryo run --name zero tiny printf 'a\000b\n' >/dev/null
	is "$(bryo logs zero | od -An -c | tr -s ' ')" ' a \0 b \n'
}

@test "logs -f: follows, and ends with the container" {
	bryo run -d --name f tiny sh -c 'for i in 1 2 3; do echo line $i; sleep 0.2; done'
	run timeout 20 "$BRYO" ${BRYO_FLAGS:-} logs -f f
	is "$status" 0
	is "$output" "$(printf 'line 1\nline 2\nline 3')"
}

@test "logs: --log-driver=none keeps none" {
	bryo run --name none --log-driver=none tiny echo hello
	run bryo logs none
	isnt "$status" 0
}

@test "logs: the file is in k8s-file format" {
	bryo run --name k8s --log-driver=k8s-file --log-opt path="$PWD/my.log" tiny echo hello
	like "$(cat my.log)" '^20[0-9-]+T[0-9:.]+[-+Z0-9:]* stdout F hello$'
}

@test "exec: output, status, environment, user, folder" {
	bryo run -d --name x -e FROM=run tiny sleep 100
	run_bryo 4 exec x sh -c "echo out; echo err >&2; exit 4"
	is "$output" out
	is "$stderr" err
	run_bryo exec -e MORE=exec x sh -c 'echo $FROM $MORE'
	is "$output" "run exec"
	run_bryo exec -u alice -w /tmp x sh -c 'id -un; pwd'
	is "$output" "$(printf 'alice\n/tmp')"
	run_bryo 127 exec x no-such-command
	run_bryo 126 exec x /etc
}

@test "exec: -i feeds standard input; -t gives a terminal" {
	bryo run -d --name x tiny sleep 100
	is "$(echo fed | bryo exec -i x cat)" fed
	run timeout 20 script -qec "stty rows 33 cols 99; $BRYO ${BRYO_FLAGS:-} exec -it x sh -c 'tty; sleep 0.3; stty size'" /dev/null
	has "$output" /dev/pts/
	like "$output" '^33 99'
}

@test "exec: stands in all of the container's namespaces, with its limits" {
	# Behind Landlock an exec's processes cannot look into /proc/1 (docs/network.md), so it tells itself.
	bryo run -d --name x --cap-drop all --security-opt no-new-privileges tiny \
		sh -c 'for ns in mnt pid net ipc uts user cgroup; do readlink /proc/self/ns/$ns; done; echo all; exec sleep 100'
	wait_for 5 eval 'bryo logs x | grep -q all'
	for ns in mnt pid net ipc uts user cgroup; do
		is "$(bryo exec x readlink /proc/self/ns/$ns)" "$(bryo logs x | grep "^$ns:")" $ns
	done
	run_bryo exec x grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status
	is "$output" "$(printf 'CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2')"
}

@test "exec: -d returns at once, --privileged has the capabilities" {
	bryo run -d --name x tiny sleep 100
	run_bryo exec -d x sh -c 'sleep 0.2; echo did >/did'
	wait_for 5 bryo exec x test -s /did
	run_bryo exec --privileged x grep CapEff /proc/self/status
	like "$output" '(1|0)ffffffffff'
}

@test "exec: into what does not run is refused" {
	bryo create --name c tiny true
	run bryo exec c true
	like "$status" '^(125|255)$'
	like "$output" 'running'
}

@test "exec: ends with the container, 137" {
	bryo run -d --name x tiny sleep 100
	bryo exec x sleep 50 &
	client=$!
	sleep 0.5
	bryo kill x
	code=0
	wait $client || code=$?
	is "$code" 137
}

@test "exec: twenty at once, each with its own output" {
	bryo run -d --name x tiny sleep 100
	local clients=()
	for i in $(seq 20); do
		bryo exec x echo "number $i" >"out.$i" &
		clients+=($!)
	done
	wait "${clients[@]}"	# not for all children: bats has one that counts the time
	for i in $(seq 20); do is "$(cat "out.$i")" "number $i"; done
	rm out.*
}

@test "attach: sees the output, feeds the input" {
	bryo run -d -i --name at tiny sh -c 'read line; echo "got $line"; exit 7'
	out=$(echo moss | bryo attach at) || true
	is "$out" "got moss"
	wait_for 5 status_is at exited
	run_bryo 125 attach at
}

@test "attach: detach keys leave the container running" {
	bryo run -dit --name keys tiny sh -c 'while :; do sleep 0.1; done'
	{ sleep 0.7; printf '\020\021'; sleep 0.5; } |
		timeout 20 script -qec "$BRYO ${BRYO_FLAGS:-} attach keys" /dev/null || true
	running keys
	{ sleep 0.7; printf 'z'; sleep 0.5; } |
		timeout 20 script -qec "$BRYO ${BRYO_FLAGS:-} attach --detach-keys z keys" /dev/null || true
	running keys
}

@test "attach: --sig-proxy gives the caller's signals to the payload" {
	bryo run --name sig tiny sh -c 'trap "echo term; exit 11" TERM; while :; do sleep 0.05; done' >out &
	client=$!
	wait_for 10 running sig
	sleep 0.3
	# bryo() runs under timeout(1), which passes the signal on
	kill -TERM "$(pgrep -P $client -x timeout || echo $client)"
	code=0
	wait $client || code=$?
	is "$code" 11
	is "$(cat out)" term
}

@test "a killed foreground run leaves the container alone" {
	bryo run --name stays tiny sleep 100 &
	client=$!
	wait_for 10 running stays
	for p in $(pgrep -P $client); do pkill -KILL -P "$p" || true; kill -KILL "$p" || true; done
	wait $client || true
	sleep 0.3
	running stays
}
