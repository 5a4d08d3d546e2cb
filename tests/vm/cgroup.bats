# SPDX-License-Identifier: Apache-2.0
# Limits, where systemd delegates cgroup v2 to the user: each is there inside and acts.
load ../lib/bryo

setup_file() { cd "$HOME"; bryo image exists tiny || import_tiny; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

@test "the machine is what these tests are for: cgroup v2, systemd, delegation" {
	is "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs
	is "$(cat /proc/1/comm)" systemd
	systemctl --user is-system-running --wait || true
	for c in cpu memory pids; do
		like "$(cat /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers)" "\b$c\b"
	done
}

@test "--memory, --cpus, --pids-limit are seen inside" {
	run_bryo run --rm --memory 64m --cpus 0.5 --pids-limit 20 tiny sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max'
	is "$output" "$(printf '67108864\n50000 100000\n20')"
	run_bryo run --rm --memory 64m --memory-swap 64m --memory-reservation 32m --cpu-shares 512 --cpuset-cpus 0 tiny \
		sh -c 'cd /sys/fs/cgroup; cat memory.swap.max memory.low cpu.weight cpuset.cpus'
	is "${lines[0]}" 0
	is "${lines[1]}" 33554432
	is "${lines[3]}" 0
}

@test "the container's cgroup is its own, and it sees it as the root" {
	run_bryo run --rm tiny cat /proc/self/cgroup
	is "$output" "0::/"
	bryo run -d --name c tiny sleep 100
	pid=$(bryo inspect -f '{{.State.Pid}}' c)
	like "$(cat /proc/"$pid"/cgroup)" '/user@1000\.service/.*[0-9a-f]{12}'
}

@test "--memory acts: what takes more is killed, and recorded as out of memory" {
	run bryo run --name big --memory 40m --memory-swap 40m tiny tail /dev/zero	# it waits for a line's end
	is "$(bryo inspect -f '{{.State.OOMKilled}}' big)" true
	is "$(bryo inspect -f '{{.State.ExitCode}}' big)" 137
}

@test "--pids-limit acts" {
	run bryo run --rm --pids-limit 10 tiny sh -c 'i=0; while [ $i -lt 30 ]; do sleep 5 & i=$((i+1)); done; wait; echo all'
	like "$output$stderr" 'fork'
}

@test "pause freezes, unpause thaws, a paused one can be removed" {
	bryo run -d --name p tiny sh -c 'while :; do date +%s >/tick; usleep 20000; done'
	wait_for 10 bryo exec p test -s /tick
	run_bryo pause p
	status_is p paused
	run bryo exec p true
	isnt "$status" 0
	run_bryo ps --filter name=p --format '{{.Status}}'
	like "${output,,}" paused
	run_bryo unpause p
	status_is p running
	run_bryo pause p
	run_bryo rm -f -t 0 p
	run_bryo 1 container exists p
}

@test "stop ends every process of the cgroup, also those that fled the session" {
	bryo run -d --name f tiny sh -c 'setsid sleep 4242 & setsid sleep 4242 & sleep 100'
	wait_for 10 pgrep -f 'sleep 4242'
	bryo rm -f -t 0 f
	wait_for 5 sh -c '! pgrep -x sleep -a | grep -q 4242'
}

@test "no cgroup is left behind" {
	before=$(find /sys/fs/cgroup/user.slice/user-1000.slice -type d | grep -c -E '[0-9a-f]{64}|bryo' || true)
	for _ in 1 2 3; do bryo run --rm tiny true; done
	bryo run -d --name x tiny sleep 100
	bryo rm -f -t 0 x
	sleep 1
	is "$(find /sys/fs/cgroup/user.slice/user-1000.slice -type d | grep -c -E '[0-9a-f]{64}' || true)" 0
	[ "$(find /sys/fs/cgroup/user.slice/user-1000.slice -type d | grep -c -E '[0-9a-f]{64}|bryo' || true)" -le "$((before + 1))" ]
	run systemctl --user --failed --no-legend
	is "$output" ""
}
