# SPDX-License-Identifier: Apache-2.0
# Archives, names, flags and files that mean harm or make no sense: nothing leaves its folder, each
# refusal is one clear line that names the thing, exit status 125, and nothing stays behind.
load ../lib/bryo

setup_file() {
	fresh_home
	import_tiny
	need_program python3
	mkdir canary hostile
	echo untouched >canary/bird
	stat -c '%a %u %g %Y %h' canary/bird >canary.stat
	python3 "$BATS_TEST_DIRNAME/../lib/hostile.py" canary/bird hostile
}
teardown_file() { remove_all; }

bird_lives() {
	[ "$(cat canary/bird)" = untouched ] || complain "$1 changed the canary: $(cat canary/bird)" || return 1
	[ "$(stat -c '%a %u %g %Y %h' canary/bird)" = "$(cat canary.stat)" ] ||
		complain "$1 touched the canary: $(stat -c '%a %u %g %Y %h' canary/bird)" || return 1
	is "$(ls canary)" bird "what is beside the canary"
}

@test "import: no trick reaches out of the layer" {
	for tar in hostile/[!b]*.tar hostile/[b][!a]*.tar; do
		[ -e "$tar" ] || continue
		run --separate-stderr bryo import -q "$tar" hostile
		bird_lives "import of $tar"
		case $status in
		0)
			# what it became stays inside, too, when a container runs from it
			bryo run --rm --network=none hostile /same >/dev/null 2>&1 || true
			bryo rmi -f hostile >/dev/null
			;;
		125) is "$(grep -c . <<<"$stderr")" 1 "lines of refusing $tar ($stderr)" ;;
		*) complain "$tar: exit status $status: $stderr" ;;
		esac
	done
	bird_lives "something"
}

@test "import: what is no archive is refused in one line, and leaves nothing" {
	images=$(bryo images -aq | sort)
	for tar in hostile/bad-*.tar; do
		run --separate-stderr bryo import -q "$tar" bad
		is "$status" 125 "exit status for $tar"
		is "$(grep -c . <<<"$stderr")" 1 "lines for $tar ($stderr)"
	done
	is "$(bryo images -aq | sort)" "$images"
	run_bryo 1 image exists bad
}

@test "load: the same archives are no images" {
	for tar in hostile/*.tar; do
		run --separate-stderr bryo load -q -i "$tar"
		is "$status" 125 "exit status for $tar"
		is "$(grep -c . <<<"$stderr")" 1 "lines for $tar ($stderr)"
		bird_lives "load of $tar"
	done
}

@test "load: manifests that lie" {
	mkdir -p m
	for manifest in '[' '[]' '{}' '[1]' '[{}]' '[{"Config":1,"Layers":[]}]' \
		'[{"Config":"../../../../etc/passwd","RepoTags":["x:y"],"Layers":[]}]' \
		'[{"Config":"/etc/passwd","RepoTags":["x:y"],"Layers":["/etc/shadow"]}]' \
		'[{"Config":"manifest.json","RepoTags":["x:y"],"Layers":["manifest.json"]}]' \
		'[{"Config":"c.json","RepoTags":["BAD/../name"],"Layers":[]}]' \
		"[{\"Config\":\"$(head -c 100000 /dev/zero | tr '\0' a)\",\"Layers\":[]}]" \
		"$(head -c 60000 /dev/zero | tr '\0' '[')"; do
		printf %s "$manifest" >m/manifest.json
		echo '{}' >m/c.json
		tar -C m -cf m.tar manifest.json c.json
		run --separate-stderr bryo load -q -i m.tar
		is "$status" 125 "exit status for ${manifest:0:80}"
		is "$(grep -c . <<<"$stderr")" 1 "lines for ${manifest:0:80} ($stderr)"
	done
	rm -r m m.tar
}

@test "load: an oci layout whose blobs are not what their names say" {
	bryo save --format oci-dir -o oci tiny
	manifest=oci/blobs/sha256/$(jq -r '.manifests[0].digest' oci/index.json | cut -d: -f2)
	layer=oci/blobs/sha256/$(jq -r '.layers[0].digest' "$manifest" | cut -d: -f2)
	config=oci/blobs/sha256/$(jq -r .config.digest "$manifest" | cut -d: -f2)
	chmod -R u+w oci
	bryo rmi tiny
	for victim in "$layer" "$config" "$manifest"; do
		cp "$victim" spare
		printf ' ' >>"$victim"
		run --separate-stderr bryo load -q -i oci
		is "$status" 125 "with a changed ${victim##*/}"
		has "$stderr" "$(basename "$victim" | cut -c1-12)"
		run_bryo 1 image exists tiny
		mv spare "$victim"
	done
	for d in sha256:../../../../etc/passwd sha256:zz sha512:00 md5:00 sha256: '' sha256:AAAA; do
		jq --arg d "$d" '.manifests[0].digest = $d' oci/index.json >index
		mkdir -p oci2
		cp -r oci/blobs oci/oci-layout oci2/
		mv index oci2/index.json
		run --separate-stderr bryo load -q -i oci2
		is "$status" 125 "digest $d"
		rm -rf oci2
	done
	bryo load -q -i oci >/dev/null
	bryo image exists tiny || import_tiny
	rm -rf oci
}

@test "names of images and containers that are none" {
	for name in '' ' ' UPPER ../x a//b 'a b' x: x:y:z 'x@sha256:12' 'x@md5:d41d8cd98f00b204e9800998ecf8427e' -x \
		"$(head -c 300 /dev/zero | tr '\0' a)" 'x:'"$(head -c 200 /dev/zero | tr '\0' t)" $'new\nline' $'\x1b[31m' host:99999999/x; do
		run --separate-stderr bryo run --rm --pull=never -- "$name" true
		is "$status" 125 "exit status for '${name:0:40}'"
		is "$(grep -c . <<<"$stderr")" 1 "lines for '${name:0:40}' ($stderr)"
		has_not "$stderr" $'\x1b'
	done
	for name in ' ' a/b ../x -x .x 'a b' $'new\nline' ; do
		run --separate-stderr bryo create --name "$name" tiny true
		is "$status" 125 "exit status for the name '$name'"
		is "$(grep -c . <<<"$stderr")" 1 "lines for the name '$name' ($stderr)"
	done
	run_bryo ps -aq
	is "$output" ""
}

@test "flags and values that are none are named" {
	while read -r thing args; do
		# shellcheck disable=SC2086
		run --separate-stderr bryo $args
		is "$status" 125 "exit status of: bryo $args"
		has "$stderr" "${thing#--}" || complain "of: bryo $args"
		[ "$(grep -c . <<<"$stderr")" -le 2 ] || complain "many lines for bryo $args: $stderr"
	done <<-'END'
		--nosuch run --nosuch tiny true
		nosuchcommand nosuchcommand
		--memory run --memory=lots tiny true
		--cpus run --cpus=many tiny true
		--pids-limit run --pids-limit=x tiny true
		--ulimit run --ulimit nosuch=1 tiny true
		--ulimit run --ulimit nofile=5:1 tiny true
		--shm-size run --shm-size=-1 tiny true
		port run --publish=x:y tiny true
		--stop-timeout run --stop-timeout=soon tiny true
		--stop-signal run --stop-signal=SIGNOTHING tiny true
		--sysctl run --sysctl novalue tiny true
		--sysctl run --sysctl kernel.hostname=x tiny true
		--restart run --restart=sometimes tiny true
		--pull run --pull=maybe tiny true
		--platform run --platform=x/y/z/w tiny true
		--tmpfs run --tmpfs relative tiny true
		--env-file run --env-file=/no/such/file tiny true
		--umask run --umask=999 tiny true
		--device run --device=/dev/null:/x:q tiny true
		--log-driver run --log-driver=nosuch tiny true
		--userns run --userns=nosuch tiny true
		--add-host run --add-host=noaddress tiny true
		--dns run --dns=notanaddress tiny true
		--template ps --format {{.
		--filter ps --filter nosuch=1
		invalid volume ls --filter nosuch=1
		invalid volume ls --filter nosuch
		--signal kill --signal 999 x
		--time stop --time x y
	END
}

@test "users that nobody can be: Podman's words and status" {
	for user in 2147483648 99999999999 0:2147483648 65534:99999999999; do
		run_bryo 126 run --rm --user $user tiny true
		is "$stderr" "Error: uids and gids must be in range 0-2147483647"
	done
	run_bryo 126 run --rm --user nosuch tiny true
	like "$stderr" 'unable to find user nosuch'
}

@test "configuration that makes no sense: the file and the line are named" {
	mkdir -p "$HOME/.config/containers"
	for file in containers.conf registries.conf; do
		printf '[engine]\nthis is = no toml\n' >"$HOME/.config/containers/$file"
		run --separate-stderr bryo pull --quiet localhost:1/none
		is "$status" 125 "with a bad $file"
		like "$stderr" "$file"
		like "$stderr" '\b2\b'
		rm "$HOME/.config/containers/$file"
	done
	run_bryo run --rm tiny true
}

@test "an image whose config lies about its layers, user or environment" {
	bryo save --format oci-dir -o lie tiny
	chmod -R u+w lie
	python3 - <<-'END'
		import hashlib, json, os
		def load(d): return json.load(open("lie/blobs/sha256/" + d.split(":")[1]))
		def store(o):
		    b = json.dumps(o).encode(); d = hashlib.sha256(b).hexdigest()
		    open("lie/blobs/sha256/" + d, "wb").write(b)
		    return "sha256:" + d, len(b)
		index = json.load(open("lie/index.json"))
		good_m = load(index["manifests"][0]["digest"]); good_c = load(good_m["config"]["digest"])
		cases = {
		    "diffid": lambda c: c["rootfs"].update(diff_ids=["sha256:" + "0" * 64]),
		    "fewer": lambda c: c["rootfs"].update(diff_ids=[]),
		    "more": lambda c: c["rootfs"].update(diff_ids=c["rootfs"]["diff_ids"] * 2),
		    "types": lambda c: c.update(config="text"),
		    "norootfs": lambda c: c.pop("rootfs"),
		}
		for name, change in cases.items():
		    c = json.loads(json.dumps(good_c)); change(c)
		    m = json.loads(json.dumps(good_m)); m["config"]["digest"], m["config"]["size"] = store(c)
		    i = json.loads(json.dumps(index)); i["manifests"][0]["digest"], i["manifests"][0]["size"] = store(m)
		    i["manifests"][0].setdefault("annotations", {})["org.opencontainers.image.ref.name"] = "lie:" + name
		    json.dump(i, open("lie/index-%s.json" % name, "w"))
	END
	before=$(bryo images -aq | sort)
	for index in lie/index-*.json; do
		cp "$index" lie/index.json
		run --separate-stderr bryo load -q -i lie
		is "$status" 125 "exit status of ${index##*/}"
		is "$(grep -c . <<<"$stderr")" 1 "lines of ${index##*/} ($stderr)"
	done
	is "$(bryo images -aq | sort)" "$before"
	rm -rf lie
}
