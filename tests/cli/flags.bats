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
