# SPDX-License-Identifier: Apache-2.0
# A full disk: what fails says so, what was there stays, and once there is room all works again.
# Root makes the small file system, the unprivileged user uses it as --root.
load ../lib/bryo

setup_file() {
	export HOME=$BATS_FILE_TMPDIR/home
	mkdir -p "$HOME"
	export DISK=$BRYO_WORK/tmp/disk.$$ USER_NAME=${BRYO_TEST_USER:-bryo-test}
	mkdir -p "$DISK"
	truncate -s 40M "$HOME/image"
	mkfs.ext4 -q -m 0 "$HOME/image"
	if ! mount -o loop "$HOME/image" "$DISK" 2>/dev/null; then
		mount -t tmpfs -o size=40m,mode=755 small "$DISK"
	fi
	chown "$USER_NAME" "$DISK"
	export FLAGS="--root $DISK/s --runroot $BRYO_WORK/tmp/run.$$"
	small import -q "$ROOTFS" tiny >/dev/null
	small create --name keep tiny cat /data/one >/dev/null
}
teardown_file() {
	small rm -af -t 0
	umount -l "$DISK"
	rm -rf "$BRYO_WORK/tmp/run.$$"
}

small() { as_test_user timeout -k 5 60 "$BRYO" $FLAGS "$@"; }
fill() { dd if=/dev/zero of="$DISK/filler" bs=64k status=none 2>/dev/null || true; dd if=/dev/zero of="$DISK/filler2" bs=1k status=none 2>/dev/null || true; }
room() { rm -f "$DISK/filler" "$DISK/filler2"; }

# one line that says what is wrong
says_full() {
	like "$stderr" 'No space left|disk|full'
	is "$(grep -c . <<<"$stderr")" 1 "lines: $stderr"
}

@test "full: import and load are refused and undone" {
	small save -o "$BRYO_WORK/tmp/tiny-full.tar" tiny
	fill
	run --separate-stderr small import -q "$ROOTFS" more
	is "$status" 125
	says_full
	run small image exists more
	is "$status" 1
	room
	run --separate-stderr small import -q "$ROOTFS" more
	is "$status" 0 "after there is room: $stderr"
	run small rmi more
	is "$status" 0
}

@test "full: run either works or says why; nothing stays; lists work" {
	fill
	run --separate-stderr small run --rm --network=none tiny echo hi
	if [ "$status" = 0 ]; then is "$output" hi; else is "$status" 125; says_full; fi
	run small ps -a --format '{{.Names}}'
	is "$status" 0
	is "$output" keep
	run small images -q
	is "$status" 0
	room
	run small run --rm --network=none tiny echo hi
	is "$output" hi
}

@test "full: containers can be removed to make room" {
	small create --name spare tiny true
	fill
	run --separate-stderr small rm spare
	is "$status" 0 "rm: $stderr"
	room
}

@test "full while it runs: the payload gets ENOSPC, the engine keeps the exit status" {
	fill
	rm -f "$DISK/filler2"
	room
	run --separate-stderr small run --name eater --network=none tiny sh -c 'dd if=/dev/zero of=/big bs=64k 2>/dev/null; echo full; exit 5'
	is "$status" 5
	run small inspect -f '{{.State.ExitCode}}' eater
	is "$output" 5
	run --separate-stderr small rm eater
	is "$status" 0 "rm: $stderr"
	run small start -a keep
	is "$output" one
}

@test "at any fill level: import leaves all or nothing, and no image is lost" {
	room
	for kb in 200 600 1200 2000 3000 3900 5000; do
		dd if=/dev/zero of="$DISK/filler" bs=64k status=none 2>/dev/null || true
		truncate -s "-${kb}K" "$DISK/filler"
		run --separate-stderr small import -q "$ROOTFS" more
		if [ "$status" = 0 ]; then
			run small rmi more
			is "$status" 0
		else
			is "$status" 125 "with $kb kB free"
			run small image exists more
			is "$status" 1 "with $kb kB free"
		fi
		room
		run small run --rm --network=none tiny cat /data/one
		is "$output" one "after $kb kB"
	done
}
