# SPDX-License-Identifier: Apache-2.0
# Hosts and environments that lack something: a named cause, and a fallback where there is one.
# What only root can take away is in tests/root/hosts.bats.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

# One line that names each of the words.
named() {
	[ "$(grep -c . <<<"$stderr")" = 1 ] || complain "not one line: $stderr" || return 1
	for w in "$@"; do has "$stderr" "$w" || return 1; done
}

@test "XDG_RUNTIME_DIR missing, empty or wrong: the same containers are there" {
	bryo run -d --name there tiny sleep 100
	for value in UNSET "" /nonexistent/dir relative; do
		if [ "$value" = UNSET ]; then
			run env -u XDG_RUNTIME_DIR "$BRYO" ps --format '{{.Names}}'
		else
			run env XDG_RUNTIME_DIR="$value" "$BRYO" ps --format '{{.Names}}'
		fi
		is "$status" 0 "with XDG_RUNTIME_DIR=$value"
		is "${lines[-1]}" there "with XDG_RUNTIME_DIR=$value"
		run env -u XDG_RUNTIME_DIR "$BRYO" exec there echo hi
		is "$output" hi
	done
	bryo rm -f -t 0 there
}

@test "an empty environment" {
	run env -i "$BRYO" --root "$HOME/.local/share/bryo" run --rm tiny echo hi
	is "$status" 0
	is "$output" hi
}

@test "a home that cannot be written: the folder is named, --root helps" {
	mkdir -p closed
	chmod 555 closed
	HOME=$PWD/closed run --separate-stderr "$BRYO" run --rm tiny true
	is "$status" 125
	named "$PWD/closed"
	HOME=$PWD/closed run --separate-stderr "$BRYO" --root "$PWD/elsewhere" import "$ROOTFS" t
	is "$status" 0 "import with --root: $stderr"
	HOME=$PWD/closed run --separate-stderr "$BRYO" --root "$PWD/elsewhere" run --rm t echo hi
	is "$output" hi
	chmod 755 closed
	"$BRYO" unshare rm -rf "$PWD/elsewhere" "$PWD/closed"
}

@test "a home that is no folder, a root that is a file" {
	touch file
	run --separate-stderr "$BRYO" --root "$PWD/file" images
	is "$status" 125
	named "$PWD/file"
	rm file
}

@test "standard descriptors that are closed" {
	"$BRYO" run --rm tiny true <&- >&- 2>&-
	run bash -c "'$BRYO' run --rm tiny sh -c 'echo hi' <&-"
	is "$output" hi
}

@test "many descriptors of the caller stay out of the container" {
	exec 50</etc/hostname 60<"$ROOTFS" 70>leak
	run_bryo run --rm tiny sh -c 'ls /proc/self/fd | sort -n | tail -1'
	exec 50<&- 60<&- 70>&-
	[ "$output" -le 4 ] || complain "descriptor $output is open inside"
	rm -f leak
}

@test "signals that the caller ignores or blocks do not reach the container's" {
	run bash -c "trap '' INT TERM HUP PIPE; '$BRYO' run --rm tiny grep -E '^Sig(Ign|Blk)' /proc/self/status"
	like "$output" 'SigBlk:.*0000000000000000'
	# 32 and 33 are the C library's own, which it lets nobody set
	like "$output" 'SigIgn:.*0000000(000000000|180000000)$'
}

@test "a current folder that is gone" {
	mkdir gone
	cd gone
	rmdir ../gone
	run_bryo run --rm tiny echo hi
	is "$output" hi
	cd "$HOME"
}

@test "a umask of 077 or 000 harms neither image nor container" {
	for u in 077 000; do
		(umask $u && bryo --root "$PWD/um" import "$ROOTFS" um$u >/dev/null &&
			[ "$(bryo --root "$PWD/um" run --rm um$u stat -c %a /data/one /tmp /home/alice | tr '\n' ' ')" = "644 1777 750 " ]) ||
			complain "umask $u"
	done
	[ "$(stat -c %a um | cut -c2-)" = 00 ] || complain "the store is open to others: $(stat -c %a um)"
	bryo unshare rm -rf "$PWD/um"
}

@test "no user namespaces: named, with the setting" {
	# A namespace of its own may forbid further ones to itself.
	run --separate-stderr unshare -U --map-current-user --keep-caps sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" --runroot "$1" run --rm tiny true' "$BRYO" "$PWD/nons"
	[ "$status" != 1 ] || skip "cannot forbid them here: $stderr"
	is "$status" 125
	like "$stderr" 'user namespace'
	like "$stderr" 'max_user_namespaces|unprivileged_userns_clone'
}

@test "no newuidmap: one id, with one line of notice at first" {
	mkdir -p nohelpers
	[ -z "$(command -v newuidmap)" ] || [ -w "$(dirname "$(command -v newuidmap)")" ] || true
	# Its absence is played by a user namespace in which the setuid bit means nothing: no_new_privs.
	flags="--root $PWD/nnp --runroot $PWD/nnp-run"
	run --separate-stderr setpriv --no-new-privs "$BRYO" $flags import -q "$ROOTFS" t
	is "$status" 0 "import: $stderr"
	like "$stderr" 'one id|single id|only|newuidmap'
	run --separate-stderr setpriv --no-new-privs "$BRYO" $flags run --rm t sh -c \
		'id -u; cat /proc/self/uid_map; chown 33:44 /data/one && echo chowned'
	is "$status" 0 "run: $stderr"
	is "${lines[0]}" 0
	is "$(awk 'NR == 2 { print $1, $3 }' <<<"$output")" "0 1"
	is "${lines[-1]}" chowned
	# With more ids than it was unpacked with: the FUSE overlay shows the owners that are remembered.
	# (Another run folder: the holder of the first keeps the namespace with one id.)
	more="--root $PWD/nnp --runroot $PWD/nnp-more"
	run --separate-stderr "$BRYO" $more run --rm --network=none t sh -c \
		'stat -c "%u:%g %a %n" /data/sub /bin/su-busybox; mount | grep " / "; touch /data/sub/two; stat -c %u:%g /data/sub/two'
	is "$status" 0 "run: $stderr"
	is "${lines[0]}" "33:44 755 /data/sub"
	is "${lines[1]}" "0:0 4755 /bin/su-busybox"
	like "${lines[2]}" '^bryo-overlay on / '
	run --separate-stderr "$BRYO" $more run --rm --network=none --mount type=image,source=t,destination=/i t sh -c \
		'stat -c "%u:%g %a" /i/data/sub /i/bin/su-busybox; mount | grep " on /i "; touch /i/x 2>&1'
	is "$status" 1 "a mount of an image: $stderr"
	is "${lines[0]} ${lines[1]}" "33:44 755 0:0 4755"
	like "${lines[2]}" '^bryo-overlay on /i '
	like "${lines[3]}" 'Read-only file system'
	run --separate-stderr setpriv --no-new-privs "$BRYO" $flags --storage-driver=fuse-overlay run --rm --network=none t stat -c %u:%g /data/sub
	is "$output" 0:0 "with one id: $stderr"
	run --separate-stderr setpriv --no-new-privs "$BRYO" $flags run --rm --network=none --mount type=image,source=t,destination=/i t stat -c %u:%g /i/data/sub
	is "$output" 0:0 "a mount of an image with one id: $stderr"
	"$BRYO" $more rmi -af >/dev/null
	rm -rf nnp nnp-run nnp-more nohelpers
}

@test "doctor says what this host allows, each line with its verdict" {
	run bryo doctor
	[ "$status" -le 1 ] || complain "exit status $status: $output"
	for word in "user namespace" newuidmap overlay /dev/net/tun cgroup; do
		like "${output,,}" "${word,,}"
	done
}

@test "info and version answer, in text, JSON and templates" {
	run_bryo version
	like "$output" '^(Client: +)?.*[Vv]ersion'
	run_bryo --version
	like "$output" '[0-9]+\.[0-9]+'
	run_bryo version --format '{{.Client.Version}}'
	like "$output" '^[0-9]+\.[0-9]+'
	run_bryo info --format json
	is "$(jq -r .host.security.rootless <<<"$output")" true
	run_bryo info --format '{{.Host.Security.Rootless}}'
	is "$output" true
}
