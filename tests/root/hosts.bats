# SPDX-License-Identifier: Apache-2.0
# Hosts that lack something which only root can take away. Each test takes it away in a mount
# namespace of its own, or from a user of its own; the host stays as it is.
load ../lib/bryo

setup_file() {
	export HOME=$BATS_FILE_TMPDIR/home
	mkdir -p "$HOME"
	cd "$HOME"
	# a user without subordinate ids
	id bryo-noids >/dev/null 2>&1 || useradd -m -s /bin/bash bryo-noids
	sed -i '/^bryo-noids:/d' /etc/subuid /etc/subgid
	export PLACE=$BRYO_WORK/tmp/hosts.$$
	install -d -m 1777 "$PLACE"
	for u in bryo-noids "${BRYO_TEST_USER:-bryo-test}"; do
		install -d -m 700 -o "$u" "$PLACE/$u"
	done
	chmod 755 "$BRYO_WORK"
}
teardown_file() {
	as_user bryo-noids "$BRYO" --root "$PLACE/bryo-noids/s" rm -af -t 0 || true
	as_test_user "$BRYO" --root "$PLACE/${BRYO_TEST_USER:-bryo-test}/s" rm -af -t 0 || true
	rm -rf "$PLACE"
}

as_user() {
	BRYO_TEST_USER=$1 as_test_user "${@:2}"
}
# in_place SETUP COMMAND...: as the unprivileged user, in a mount namespace that SETUP (run by root) changed.
in_place() {
	local setup=$1 user=${BRYO_TEST_USER:-bryo-test}
	shift
	unshare -m --propagation private bash -c "$setup"' && cd / && exec setpriv --reuid "$1" --regid "$2" --init-groups \
		env -i HOME="$3" USER="$4" PATH="$PATH" BRYO_WORK="$BRYO_WORK" XDG_RUNTIME_DIR="/run/user/$1" "${@:5}"' - \
		"$(id -u "$user")" "$(id -g "$user")" "$PLACE/$user" "$user" "$@"
}

@test "no subordinate ids: one id, a notice, and package managers' chown works" {
	flags="--root $PLACE/bryo-noids/s --runroot $PLACE/bryo-noids/r"
	run --separate-stderr as_user bryo-noids "$BRYO" $flags import -q "$ROOTFS" tiny
	is "$status" 0 "import: $stderr"
	like "$stderr" '/etc/subuid'
	is "$(grep -c . <<<"$stderr")" 1 "lines of notice: $stderr"
	run --separate-stderr as_user bryo-noids "$BRYO" $flags run --rm --network=none tiny sh -c '
		id -u; chown 33:44 /data/one && echo chowned; mknod /tmp/n c 1 3 && echo made; su -s /bin/sh alice -c "echo as alice"'
	is "$status" 0 "run: $stderr"
	is "$output" "$(printf '0\nchowned\nmade\nas alice')"
	is "$(grep -c . <<<"$stderr")" 0 "the notice comes once: $stderr"
	as_user bryo-noids "$BRYO" $flags rmi -af
	as_user bryo-noids rm -rf "$PLACE/bryo-noids/s" "$PLACE/bryo-noids/r"
}

@test "no /dev/net/tun: the default network does without or names it, none and host work" {
	user=${BRYO_TEST_USER:-bryo-test}
	flags="--root $PLACE/$user/s --runroot $PLACE/$user/r"
	as_test_user "$BRYO" $flags import -q "$ROOTFS" tiny
	hide='mount -t tmpfs none /dev/net'
	[ -d /dev/net ] || hide=true
	run --separate-stderr in_place "$hide" "$BRYO" $flags run --rm --network=none tiny echo hi
	is "$output" hi "with $stderr"
	run --separate-stderr in_place "$hide" "$BRYO" $flags run --rm --network=host tiny echo hi
	is "$output" hi "with $stderr"
	run --separate-stderr in_place "$hide" "$BRYO" $flags run --rm tiny echo hi
	# A veth pair takes the tap's place where the kernel has one; else the device is named.
	if [ "$status" = 0 ]; then
		is "$output" hi
	else
		is "$status" 125
		has "$stderr" /dev/net/tun
		is "$(grep -c . <<<"$stderr")" 1 "lines: $stderr"
	fi
}

@test "no /dev/fuse is no matter" {
	user=${BRYO_TEST_USER:-bryo-test}
	run --separate-stderr in_place 'mount --bind /dev/full /dev/fuse' "$BRYO" --root "$PLACE/$user/s" --runroot "$PLACE/$user/r" run --rm --network=none tiny echo hi
	is "$output" hi "with $stderr"
}

@test "no /run/user/UID: a private folder, found again by the next command" {
	user=${BRYO_TEST_USER:-bryo-test}
	flags="--root $PLACE/$user/s2"
	hide='mount -t tmpfs -o mode=755 none /run/user'
	in_place "$hide" bash -c '
		"$0" $1 import -q "$2" tiny >/dev/null &&
		"$0" $1 run -d --name r --network=none tiny sleep 100 >/dev/null &&
		"$0" $1 exec r echo found && "$0" $1 rm -f -t 0 r >/dev/null && "$0" $1 rmi -af >/dev/null' "$BRYO" "$flags" "$ROOTFS" >out
	is "$(cat out)" found
	as_test_user "$BRYO" unshare rm -rf "$PLACE/$user/s2"
}

@test "no /sys/fs/cgroup at all: containers run, limits are said to be lost" {
	user=${BRYO_TEST_USER:-bryo-test}
	flags="--root $PLACE/$user/s --runroot $PLACE/$user/r"
	run --separate-stderr in_place 'umount -R -l /sys/fs/cgroup' "$BRYO" $flags run --rm --network=none tiny echo hi
	is "$output" hi "with $stderr"
	run --separate-stderr in_place 'umount -R -l /sys/fs/cgroup' "$BRYO" $flags run --rm --network=none --memory=50m tiny echo hi
	like "$stderr" 'memory|cgroup'
}

@test "newuidmap without its setuid bit: one id, and doctor says why" {
	user=${BRYO_TEST_USER:-bryo-test}
	cp "$(command -v newuidmap)" "$PLACE/newuidmap"
	cp "$(command -v newgidmap)" "$PLACE/newgidmap"
	chmod 755 "$PLACE"/new?idmap
	hide="mount --bind $PLACE/newuidmap $(command -v newuidmap) && mount --bind $PLACE/newgidmap $(command -v newgidmap)"
	flags="--root $PLACE/$user/s3 --runroot $PLACE/$user/r3"
	run --separate-stderr in_place "$hide" "$BRYO" $flags import -q "$ROOTFS" tiny
	is "$status" 0 "import: $stderr"
	like "$stderr" 'newuidmap|newgidmap'
	run --separate-stderr in_place "$hide" "$BRYO" $flags run --rm --network=none tiny echo hi
	is "$output" hi "with $stderr"
	run in_place "$hide" "$BRYO" $flags doctor
	like "$output" 'newuidmap'
	rm -rf "$PLACE/$user/s3"
}

@test "two users do not see or disturb each other" {
	a="as_test_user $BRYO"
	b="as_user bryo-noids $BRYO"
	$a import -q "$ROOTFS" mine >/dev/null
	$a rm -f -i -t 0 same >/dev/null
	$a run -d --name same --network=none mine sleep 100 >/dev/null
	run --separate-stderr $b ps -aq
	is "$output" ""
	run $b exec same true
	isnt "$status" 0
	uid=$(id -u "${BRYO_TEST_USER:-bryo-test}")
	run as_user bryo-noids ls /run/user/"$uid"/bryo
	isnt "$status" 0
	$a rm -f -t 0 same >/dev/null
	$a rmi mine >/dev/null
}

@test "a store where the kernel refuses overlay: the FUSE overlay serves by itself, and by flag" {
	user=${BRYO_TEST_USER:-bryo-test}
	cat >"$PLACE/script" <<-'EOF'
		mkdir -p l up work m; "${BRYO%/*}/bryo-overlay" -o lowerdir=l,upperdir=up,workdir=work m || exit
		chown "$OWNER" m
		setpriv --reuid "$OWNER" --regid "$OWNER" --init-groups bash as-user; r=$?
		umount m; exit $r
	EOF
	cat >"$PLACE/as-user" <<-'EOF'
		set -eux
		b() { "$BRYO" --root "$PWD/m/store" --runroot "$HOME/r" "$@"; }
		b import -q "$ROOTFS" tiny
		b run --network=none --name x tiny sh -c 'grep " / / " /proc/self/mountinfo; echo text >/new; chown 5 /new; stat -c %u /new' >out
		grep -q ' fuse.bryo-overlay ' out; grep -qx 5 out
		[ "$(b inspect -f '{{.GraphDriver.Name}}' x)" = fuse-overlay ]
		b start -a x | grep -q bryo-overlay
		! b --storage-driver=overlay run --rm --network=none tiny true 2>err; grep -q "kernel refuses overlay" err
		b --storage-driver=copy run --rm --network=none tiny true
		# Whiteouts there: in a container, and in a layer of an image.
		b run --network=none --name y tiny sh -c 'if [ ! -e /etc/p ]; then rm /data/one; rm -r /data/sub; mkdir /data/sub; mv /etc/passwd /etc/p; fi; ls -A /data/sub; ls /data/one /etc/passwd 2>&1 | grep -c "No such"' >out
		[ "$(cat out)" = 2 ]; b wait y; [ "$(b start -a y)" = 2 ]
		mkdir two; b save -q -o two.tar tiny; tar -C two -xf two.tar
		mkdir -p layer/data layer/etc; : >layer/data/.wh.one; : >layer/etc/.wh.passwd; : >layer/etc/.wh..wh..opq; : >layer/etc/own; : >layer/.wh.none
		tar -C layer -cf two/two.tar data/.wh.one etc .wh.none; sum=$(sha256sum two/two.tar | cut -d' ' -f1)
		config=$(jq -r '.[0].Config' two/manifest.json)
		jq ".rootfs.diff_ids += [\"sha256:$sum\"] | .history = []" "two/$config" >two/new.json
		jq '.[0].Layers += ["two.tar"] | .[0].Config = "new.json" | .[0].RepoTags = ["localhost/two:latest"]' two/manifest.json >m.json; mv m.json two/manifest.json
		tar -C two -cf two.tar .; b load -q -i two.tar
		look='ls -A $0/etc $0/data $0 | grep -xE "passwd|group|own|one|none|.wh.*"'
		[ "$(b run --rm --network=none two sh -c "$look" '')" = own ]
		[ "$(b run --rm --network=none --mount type=image,source=two,destination=/i tiny sh -c "$look" /i)" = own ]
		[ "$(b --storage-driver=copy run --rm --network=none two sh -c "$look" '')" = own ]
		b rmi -f two; b rm x y
	EOF
	run env -C "$PLACE" unshare -m --propagation private env HOME="$PLACE/$user" OWNER="$(id -u "$user")" \
		BRYO="$BRYO" ROOTFS="$ROOTFS" bash script
	[ "$status" = 0 ] || { echo "$output"; false; }
}

@test "bryo in a container of bryo's, both on the FUSE overlay" {
	flags="--root $PLACE/outer/s --runroot $PLACE/outer/r --storage-driver=fuse-overlay"
	cat >"$PLACE/inner" <<-'EOT'
		set -e
		export HOME=/root
		b() { /b/bryo --root /store --runroot /run/b --storage-driver=fuse-overlay "$@"; }
		b import -q /rootfs.tar t >/dev/null
		b run --name x --network=none t sh -c 'mount | grep -c "bryo-overlay on / "; [ ! -e /data/one ] || rm /data/one; ls /data/one 2>&1 || true'
		b wait x >/dev/null; b start -a x; b rm x >/dev/null
	EOT
	"$BRYO" $flags import -q "$ROOTFS" outer >/dev/null
	run --separate-stderr "$BRYO" $flags run --rm --privileged --network=none --device /dev/fuse \
		-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro -v "${BRYO%/*}:/b:ro" -v "$ROOTFS:/rootfs.tar:ro" -v "$PLACE/inner:/inner:ro" outer sh /inner
	"$BRYO" $flags rmi -af >/dev/null
	gone=$'1\nls: /data/one: No such file or directory'
	is "$output" "$gone"$'\n'"$gone" "with $stderr"
}
