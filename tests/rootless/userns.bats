# SPDX-License-Identifier: Apache-2.0
# User namespaces: who one is inside, who outside; the holder that keeps them.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

# The uid outside of what container user $1 writes.
owner_outside() {
	rm -rf out
	mkdir -m 777 out
	bryo run --rm "${@:2}" -u "$1" -v "$PWD/out:/out" tiny touch /out/f
	stat -c %u out/f
	rm -rf out 2>/dev/null || bryo unshare rm -rf "$PWD/out"
}

@test "root inside is the caller outside; others are subordinate ids" {
	is "$(owner_outside 0)" "$(id -u)"
	need_subids
	first=$(grep "^$(id -un):" /etc/subuid | head -1 | cut -d: -f2)
	is "$(owner_outside 1)" "$first"
	is "$(owner_outside 1000)" $((first + 999))
}

@test "keep-id: the caller's ids, name and files" {
	local name
	name=$(id -un)
	[ "$(id -u)" != 1000 ] || name=alice	# whom the image has under that id
	run_bryo run --rm --userns=keep-id -v "$PWD:/h" tiny sh -c 'id -u; id -g; id -un; stat -c %u /h'
	is "$output" "$(printf '%s\n%s\n%s\n%s' "$(id -u)" "$(id -g)" "$name" "$(id -u)")"
	is "$(owner_outside "$(id -u)" --userns=keep-id)" "$(id -u)"
}

@test "keep-id:uid=,gid= maps the caller to that id" {
	run_bryo run --rm --userns=keep-id:uid=200,gid=210 tiny sh -c 'id -u; id -g'
	is "$output" "$(printf '200\n210')"
	is "$(owner_outside 200 --userns=keep-id:uid=200,gid=210)" "$(id -u)"
}

@test "keep-id: root inside is somebody else than the caller" {
	need_subids
	isnt "$(owner_outside 0 --userns=keep-id)" "$(id -u)"
}

@test "host: the engine's own namespace; nomap: the caller is not in it" {
	run_bryo run --rm --userns=host tiny readlink /proc/self/ns/user
	is "$output" "$(bryo unshare readlink /proc/self/ns/user)"
	need_subids
	run_bryo run --rm --userns=nomap tiny cat /proc/self/uid_map
	has "$output" " "
	isnt "$(owner_outside 0 --userns=nomap)" "$(id -u)"
}

@test "auto: containers get ids that no other has" {
	need_subids
	run_bryo run -d --name a --userns=auto:size=2000 tiny sleep 100
	bryo run -d --name b --userns=auto:size=2000 tiny sleep 100
	a=$(bryo exec a awk '{ print $2 ":" $3 }' /proc/self/uid_map)
	b=$(bryo exec b awk '{ print $2 ":" $3 }' /proc/self/uid_map)
	bryo rm -f -t 0 a b
	isnt "$a" "$b"
}

@test "modes that are none are refused by name" {
	refused nosuch -- run --rm --userns=nosuch tiny true
	refused keep-id -- run --rm --userns=keep-id:uid=abc tiny true
}

@test "unshare: root inside, the exit status comes back, the namespace is kept" {
	run_bryo unshare id -u
	is "$output" 0
	run_bryo 9 unshare sh -c 'exit 9'
	is "$(bryo unshare readlink /proc/self/ns/user)" "$(bryo unshare readlink /proc/self/ns/user)"
	run_bryo 127 unshare no-such-command
}

@test "two first commands at once make one namespace" {
	root=$(mktemp -d "$BRYO_WORK/tmp/r.XXXX")
	for i in 1 2 3 4 5 6; do
		"$BRYO" --root "$PWD/many" --runroot "$root" unshare readlink /proc/self/ns/user >"ns.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(cat ns.* | sort -u | wc -l)" 1
	is "$(cat ns.* | wc -l)" 6
	rm -rf ns.* "$root"
	"$BRYO" unshare rm -rf "$PWD/many"
}

@test "a holder's record that says nonsense is not believed" {
	root=$(mktemp -d "$BRYO_WORK/tmp/r.XXXX")
	flags="--root $PWD/r --runroot $root"
	"$BRYO" $flags unshare true
	record=$(find "$root" -name holder)
	[ -n "$record" ] || complain "no record in $root: $(ls -R "$root")"
	cp "$record" good
	for change in 's/^1 [^ ]*/1 00000000-0000-0000-0000-000000000000/' "s/^\(1 [^ ]*\) [0-9]*/\1 $$/" \
		's/^1 /9 /' 's/.*//' 's/^\(1 [^ ]* [0-9]*\) [0-9]*/\1 1/' '$d'; do
		sed "$change" good >"$record"
		run "$BRYO" $flags unshare id -u
		is "$status" 0 "after $change"
		is "${lines[-1]}" 0
	done
	head -c 4096 /dev/urandom >"$record"
	run "$BRYO" $flags unshare id -u
	is "$status" 0 "after noise"
	"$BRYO" $flags unshare rm -rf "$PWD/r"
	rm -rf "$root" good
}

@test "commands inside unshare and inside a container's namespace work too" {
	run_bryo unshare "$BRYO" run --rm tiny echo nested
	is "$output" nested
}
