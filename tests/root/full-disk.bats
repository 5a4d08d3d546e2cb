# SPDX-License-Identifier: Apache-2.0
# A full disk: what fails says so, what was there stays, and once there is room all works again.
# Root makes the small file system, the unprivileged user uses it as --root.
load ../lib/bryo

load ../lib/registry

setup_file() {
	export BATS_TEST_TIMEOUT=300
	export HOME=$BATS_FILE_TMPDIR/home
	mkdir -p "$HOME"
	export DISK=$BRYO_WORK/tmp/disk.$$ USER_NAME=${BRYO_TEST_USER:-bryo-test}
	mkdir -p "$DISK"
	truncate -s 40M "$HOME/image"
	mkfs.ext4 -q -m 0 -b 4096 "$HOME/image"
	if ! mount -o loop "$HOME/image" "$DISK" 2>/dev/null; then
		mount -t tmpfs -o size=40m,mode=755 small "$DISK"
	fi
	chown "$USER_NAME" "$DISK"
	export FLAGS="--root $DISK/s --runroot $BRYO_WORK/tmp/run.$$"
	small import -q "$ROOTFS" tiny >/dev/null
	small create --name keep tiny cat /data/one >/dev/null
	# Something that is not in the store, to be loaded and pulled.
	export OTHER=$BRYO_WORK/tmp/other.$$
	mkdir "$OTHER"
	tar -C "$OTHER" -xf "$ROOTFS" --exclude=./dev
	echo other >"$OTHER/other"
	tar -C "$OTHER" -cf "$OTHER.layer.tar" .
	small import -q "$OTHER.layer.tar" other >/dev/null
	small save -q -o "$OTHER.tar" other
	if command -v docker-registry >/dev/null && command -v skopeo >/dev/null; then
		registry_start "$HOME/registry"
		registry_push "$HOME/registry" "docker-archive:$OTHER.tar" moss/other
		export REGISTRY REGISTRY_PID
	fi
	small rmi other >/dev/null
}
teardown_file() {
	registry_stop
	small rm -af -t 0
	umount -l "$DISK"
	rm -rf "$BRYO_WORK/tmp/run.$$" "$OTHER" "$OTHER".*
}
teardown() { room; }

small() { as_test_user timeout -k 5 60 "$BRYO" $FLAGS "$@"; }

# fill [KB]: leaves KB kB free, or nothing at all.
fill() {
	local free
	room
	free=$(df --output=avail -k "$DISK" | tail -1)
	fallocate -l "$((free - ${1:-0}))k" "$DISK/filler" 2>/dev/null || true
	# The last blocks, and what fallocate() left when it could not give all that was asked.
	dd if=/dev/zero of="$DISK/filler2" bs=4k status=none 2>/dev/null || true
	dd if=/dev/zero of="$DISK/filler3" bs=1k status=none 2>/dev/null || true
	if [ "${1:-0}" -gt 0 ]; then
		rm -f "$DISK/filler2"
		fallocate -l "$(($(df --output=avail -k "$DISK" | tail -1) - $1))k" "$DISK/filler2" 2>/dev/null || true
	fi
}
room() { rm -f "$DISK/filler" "$DISK/filler2" "$DISK/filler3"; }

# What there is: images, containers, volumes, and every file of the store but what may stay of itself.
whole() {
	run small run --rm --network=none tiny cat /data/one
	is "$output" one "$1: the image" || return 1
	is "$(small ps -a --format '{{.Names}}')" keep "$1: the containers" || return 1
	is "$(small volume ls -q)" "" "$1: the volumes" || return 1
	is "$(small images --format '{{.Repository}}')" localhost/tiny "$1: the images" || return 1
	wait_for 5 nothing_made || complain "$1: left: $(find "$DISK"/s/{tmp,trash,layers,containers,volumes} -mindepth 1 -maxdepth 1)"
}
nothing_made() {
	[ "$(find "$DISK"/s/{tmp,trash,volumes} -mindepth 1 -maxdepth 1 | wc -l)" = 0 ] &&
		[ "$(find "$DISK"/s/{layers,containers} -mindepth 1 -maxdepth 1 | wc -l)" = 2 ] &&
		[ -z "$(find "$DISK/s" -name '*.tmp')" ]
}

# at_levels UNDO LEVELS -- COMMAND: with so many kB free the command works (then UNDO) or is refused in one
# line; either way nothing is half made, and it works when there is room. Both must have happened.
at_levels() {
	local undo=$1 levels=$2 kb worked=0 refused=0
	shift 3
	for kb in $levels; do
		fill "$kb"
		run --separate-stderr small "$@"
		room
		if [ "$status" = 0 ]; then
			worked=$((worked + 1))
			$undo || complain "cannot be undone, with $kb kB free" || return 1
		else
			refused=$((refused + 1))
			is "$status" 125 "with $kb kB free" || return 1
			says_full || complain "with $kb kB free" || return 1
		fi
		whole "with $kb kB free" || return 1
	done
	run --separate-stderr small "$@"
	is "$status" 0 "with room: $stderr"
	$undo
	whole "with room"
	[ $refused -gt 0 ] || complain "it never was refused ($worked times it worked)"
}
LEVELS="0 4 8 16 28 40 60 100 200 600 1200 2000 3000 3900 4400 5000"

# one line that says what is wrong
says_full() {
	like "$stderr" 'No space left|disk|full'
	is "$(grep -c . <<<"$stderr")" 1 "lines: $stderr"
}

@test "full: import and load are refused and undone" {
	small save -o "$BRYO_WORK/tmp/tiny-full.tar" tiny
	fill
	run --separate-stderr small import -q "$OTHER.layer.tar" more
	is "$status" 125
	says_full
	run small image exists more
	is "$status" 1
	room
	run --separate-stderr small import -q "$OTHER.layer.tar" more
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
	run --separate-stderr small run --name eater --network=none tiny sh -c 'dd if=/dev/zero of=/big bs=64k 2>/dev/null; echo full; exit 5'
	is "$status" 5
	run small inspect -f '{{.State.ExitCode}}' eater
	is "$output" 5
	run --separate-stderr small rm eater
	is "$status" 0 "rm: $stderr"
	run small start -a keep
	is "$output" one
}

@test "at any fill level: import and load leave all or nothing" {
	undo_import() { small rmi more >/dev/null; }
	undo_load() { small rmi other >/dev/null; }
	at_levels undo_import "$LEVELS" -- import -q "$OTHER.layer.tar" more
	at_levels undo_load "$LEVELS" -- load -q -i "$OTHER.tar"
}

@test "at any fill level: pull leaves all or nothing" {
	need_program docker-registry
	need_program skopeo
	undo() { small rmi "$REGISTRY/moss/other" >/dev/null; }
	at_levels undo "$LEVELS" -- pull -q --tls-verify=false "$REGISTRY/moss/other"
}

@test "at any fill level: run, create and volumes leave all or nothing" {
	undo_create() { small rm -v made >/dev/null; }
	undo_volume() { small volume rm made >/dev/null; }
	nothing() { :; }
	at_levels nothing "0 4 8 12 16 20 24 28 32 40 48 60 80 100 200" -- run --rm --network=none tiny true
	at_levels undo_create "0 4 8 12 16 20 24 28 32 40 48 60 80 100 200" -- create --name made -v /anon tiny true
	at_levels undo_volume "0 4 8 12 16 24 40" -- volume create made
}

@test "save: a full disk leaves no half archive under the name" {
	mkdir -m 1777 "$DISK/out"
	for kb in 0 100 1000 3000; do
		fill "$kb"
		run --separate-stderr small save -q -o "$DISK/out/half.tar" tiny
		room
		is "$status" 125 "with $kb kB free"
		says_full
		is "$(ls -A "$DISK/out")" "" "with $kb kB free"
	done
	rm -r "$DISK/out"
}

@test "full: images and names can be removed to make room" {
	small tag tiny second
	small load -q -i "$OTHER.tar"
	fill
	run --separate-stderr small rmi second
	is "$status" 0 "rmi of a name: $stderr"
	run --separate-stderr small rmi other
	is "$status" 0 "rmi of an image: $stderr"
	room
	whole "after rmi"
}

@test "full when a container ends, is stopped or started: its state is recorded" {
	small run -d --name five --network=none tiny sh -c 'trap "exit 5" USR1; echo ready; while :; do sleep 0.1; done'
	small run -d --name long --network=none tiny sleep 300
	ready() { small logs five | grep -q ready; }
	wait_for 10 ready
	fill
	small kill -s USR1 five
	small wait five
	run small inspect -f '{{.State.Status}} {{.State.ExitCode}}' five
	is "$output" "exited 5"
	run --separate-stderr small stop -t 0 long
	is "$status" 0 "stop: $stderr"
	run small inspect -f '{{.State.Status}} {{.State.ExitCode}}' long
	is "$output" "exited 137"
	run --separate-stderr small start long
	[ "$status" = 0 ] || says_full
	run --separate-stderr small rm -f -t 0 five long
	is "$status" 0 "rm: $stderr"
	room
	whole "after rm"
}
