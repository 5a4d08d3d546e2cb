# SPDX-License-Identifier: Apache-2.0
# After a real reboot: nothing is lost, what ran is known to have ended, and the next command works.
load ../lib/bryo

setup_file() { cd "$HOME"; }

@test "it is another boot" {
	isnt "$(cat /proc/sys/kernel/random/boot_id)" "$(cat "$HOME/boot-before")"
}

@test "the first command works, and says of each what is true" {
	run_bryo ps -a --format '{{.Names}} {{.State}}' --sort names
	like "$output" '^never created$'
	like "$output" '^ended exited$'
	like "$output" '^runs exited$'
	unlike "$output" '^goes '
	run_bryo inspect -f '{{.State.Running}} {{.State.Pid}}' runs
	is "$output" "false 0"
}

@test "images, volumes and layers are whole" {
	run_bryo image exists kept:1
	run_bryo run --rm -v keptvol:/v tiny cat /v/f
	is "$output" volume
	run_bryo start -a never
	is "$output" one
	run_bryo inspect -f '{{.State.ExitCode}}' ended
	is "$output" 3
}

@test "what ran starts again, with its port and its files" {
	run_bryo start runs
	wait_for 10 bryo exec runs sh -c '[ $(wc -l </starts) = 2 ]'
	run_bryo rm -f -t 0 runs
}

@test "all can be removed, and nothing is left" {
	run_bryo rm -af -t 0
	run_bryo volume rm keptvol
	run_bryo rmi kept:1
	run_bryo ps -aq
	is "$output" ""
}
