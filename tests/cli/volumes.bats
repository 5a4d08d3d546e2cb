# SPDX-License-Identifier: Apache-2.0
# -v, --mount, volumes: what is mounted into a container.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

@test "-v: a folder of the caller, writable, and what root writes belongs to the caller" {
	mkdir -p shared
	echo hello >shared/in
	run_bryo run --rm -v "$PWD/shared:/s" tiny sh -c 'cat /s/in; echo back >/s/out'
	is "$output" hello
	is "$(cat shared/out)" back
	is "$(stat -c %u shared/out)" "$(id -u)"
	rm -rf shared
}

@test "-v: ro, a single file, a relative path" {
	mkdir -p shared
	echo hello >shared/in
	run_bryo 1 run --rm -v "$PWD/shared:/s:ro" tiny touch /s/new
	has "$stderr" "Read-only"
	run_bryo run --rm -v "$PWD/shared/in:/etc/motd:ro" tiny cat /etc/motd
	is "$output" hello
	run_bryo run --rm -v ./shared:/s tiny cat /s/in
	is "$output" hello
	rm -rf shared
}

@test "-v: the source must exist, the target be absolute, options be known" {
	refused "$PWD/nowhere" -- run --rm -v "$PWD/nowhere:/x" tiny true
	refused relative -- run --rm -v "$PWD:relative" tiny true
	refused nosuchoption -- run --rm -v "$PWD:/x:nosuchoption" tiny true
}

@test "-v: U gives the files to the container's user" {
	need_subids
	mkdir -p owned
	touch owned/f
	run_bryo run --rm -u 33:44 -v "$PWD/owned:/o:U" tiny stat -c '%u:%g' /o/f
	is "$output" 33:44
	bryo unshare rm -rf "$PWD/owned"
}

@test "-v: propagation and rbind" {
	mkdir -p p
	run_bryo run --rm -v "$PWD/p:/p:rslave" tiny grep ' /p ' /proc/self/mountinfo
	# Only a mount that is shared on the host has a master to be slave of.
	if findmnt -no PROPAGATION -T "$PWD/p" | grep -q shared; then
		like "$output" ' master:[0-9]+'
	fi
	run_bryo run --rm -v "$PWD/p:/p" tiny grep ' /p ' /proc/self/mountinfo
	unlike "$output" '(shared|master):'
	rmdir p
}

@test "named volumes are made at need, copy up the image's folder, and stay" {
	run_bryo run --rm -v vol:/data tiny cat /data/one
	is "$output" one
	run_bryo run --rm -v vol:/data tiny sh -c 'echo changed >/data/one'
	run_bryo run --rm -v vol:/elsewhere tiny cat /elsewhere/one /elsewhere/sub/two
	is "$output" "$(printf 'changed\ntwo')"
	run_bryo volume ls -q
	is "$output" vol
	run_bryo volume inspect vol
	is "$(jq -r '.[0].Driver' <<<"$output")" local
	run_bryo volume rm vol
	run_bryo 1 volume exists vol
}

@test "volume rm refuses one in use and names it; prune takes the others" {
	bryo create --name u -v used:/x tiny true
	bryo volume create --label k=v spare
	run_bryo 2 volume rm used
	has "$stderr" used
	run_bryo volume prune -f
	run_bryo volume exists used
	run_bryo rm -v u
	run_bryo volume rm used
}

@test "anonymous volumes go with --rm, named ones stay" {
	run_bryo run --rm -v /anon -v named:/n tiny sh -c 'touch /anon/a /n/b'
	run_bryo volume ls -q
	is "$output" named
	run_bryo volume rm named
}

@test "--mount: bind, tmpfs, volume; unknown types and keys are refused" {
	mkdir -p m
	echo x >m/x
	run_bryo run --rm --mount type=bind,src="$PWD/m",dst=/m,ro tiny sh -c 'cat /m/x; touch /m/y 2>/dev/null || echo ro'
	is "$output" "$(printf 'x\nro')"
	run_bryo run --rm --mount type=tmpfs,destination=/t,tmpfs-size=1m tiny grep ' /t tmpfs' /proc/mounts
	run_bryo run --rm --mount type=volume,source=mv,target=/v tiny touch /v/f
	run_bryo volume rm mv
	refused nosuch -- run --rm --mount type=nosuch,dst=/x tiny true
	refused nokey -- run --rm --mount type=bind,src=/tmp,dst=/x,nokey=1 tiny true
	rm -rf m
}

@test "--volumes-from takes another container's" {
	bryo create --name giver -v given:/g tiny true
	run_bryo run --rm --volumes-from giver tiny sh -c 'echo there >/g/f'
	run_bryo run --rm -v given:/g tiny cat /g/f
	is "$output" there
	bryo rm giver
	bryo volume rm given
}

@test "a mount over a symbolic link of the image stays inside" {
	# /data/outside of the image leads to /etc/passwd, of the container
	echo mounted >over
	run_bryo run --rm -v "$PWD/over:/data/outside" tiny cat /etc/passwd
	is "$output" mounted
	grep -q mounted /etc/passwd && complain "the host's /etc/passwd was touched"
	rm over
}
