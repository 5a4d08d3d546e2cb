# SPDX-License-Identifier: Apache-2.0
# import, images, tag, rmi, save, load, history, inspect: images that come from files.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

@test "import: from a file, from standard input, with changes and a message" {
	run_bryo import "$ROOTFS" one:v1
	like "${lines[-1]}" '^(sha256:)?[0-9a-f]{64}$'
	bryo import - two <"$ROOTFS" >/dev/null
	run_bryo import -c 'CMD ["echo","from cmd"]' -c 'ENV WHO=moss' -c 'WORKDIR /data' -c 'USER alice' \
		-c 'LABEL a=b' -c 'ENTRYPOINT ["env"]' -m note "$ROOTFS" three
	run_bryo inspect -f '{{.Config.Env}} {{.Config.WorkingDir}} {{.Config.User}} {{index .Config.Labels "a"}}' three
	has "$output" WHO=moss
	has "$output" /data
	like "$output" 'alice b$'
	run_bryo run --rm three sh -c 'echo $WHO; pwd; id -u'
	is "$output" "$(printf 'moss\n/data\n1000')"
	run_bryo run --rm three
	is "$output" "from cmd"
	run_bryo rmi one:v1 two three
}

@test "import: compressed archives, and what is none" {
	gzip -c "$ROOTFS" >rootfs.tar.gz
	run_bryo import rootfs.tar.gz gz
	run_bryo run --rm gz cat /data/one
	is "$output" one
	if command -v xz >/dev/null; then
		xz -0 -c "$ROOTFS" >rootfs.tar.xz
		run_bryo import rootfs.tar.xz xz
		run_bryo rmi xz
	fi
	run_bryo rmi gz
	head -c 10000 /dev/urandom >noise
	run_bryo 125 import noise noise
	run_bryo 1 image exists noise
	refused no-such-file.tar -- import no-such-file.tar x
	head -c 2000000 "$ROOTFS" >cut.tar
	run_bryo 125 import cut.tar cut
	run_bryo 1 image exists cut
	rm -f noise cut.tar rootfs.tar.*
}

@test "images: table, json, quiet, filters, templates" {
	run_bryo images
	like "${lines[0]}" '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE *$'
	like "$output" '^localhost/tiny +latest +[0-9a-f]{12} '
	run_bryo images -q
	like "$output" '^[0-9a-f]{12}$'
	run_bryo images --format '{{.Repository}}:{{.Tag}}' tiny
	is "$output" localhost/tiny:latest
	run_bryo images --format json
	is "$(jq -r '.[] | select(.Names[0] == "localhost/tiny:latest") | .Names[0]' <<<"$output")" localhost/tiny:latest
	run_bryo images --noheading --no-trunc tiny
	like "$output" 'sha256:[0-9a-f]{64}'
	run_bryo images nothing-like-this
	is "${#lines[@]}" 1
}

@test "tag and rmi: names go one by one, the image with the last" {
	bryo import -q -c "LABEL n=keep" "$ROOTFS" keep >/dev/null
	id=$(bryo images -q --no-trunc keep)
	run_bryo tag keep other:1 third
	is "$(bryo images -q --no-trunc other:1)" "$id"
	run_bryo rmi keep
	has "$output" "Untagged: localhost/keep:latest"
	run_bryo run --rm other:1 true
	run_bryo rmi other:1 third
	has "$output" "Deleted: ${id#sha256:}"
	run_bryo 1 image exists other:1
	run_bryo 1 rmi other:1
	has "$stderr" other
	refused nothing -- tag nothing:x a
	refused 'bad/UPPER' -- tag tiny bad/UPPER
}

@test "rmi: an image that a container uses stays, -f takes both" {
	bryo import -q -c "LABEL n=used" "$ROOTFS" used >/dev/null
	bryo create --name user used true
	run_bryo 2 rmi used
	like "$stderr" '(used|in use)'
	run_bryo container exists user
	run_bryo rmi -f used
	run_bryo 1 container exists user
	run_bryo 1 image exists used
}

@test "save and load: docker-archive comes back as it was" {
	id=$(bryo images -q --no-trunc tiny)
	bryo tag tiny travel:1
	run_bryo save -o travel.tar travel:1
	tar -tf travel.tar | grep -qx manifest.json
	is "$(tar -xOf travel.tar manifest.json | jq -r '.[0].RepoTags[0]')" localhost/travel:1
	bryo rmi travel:1
	run_bryo load -i travel.tar
	has "$output" "Loaded image: localhost/travel:1"
	is "$(bryo images -q --no-trunc travel:1)" "$id"
	bryo rmi travel:1
	bryo load <travel.tar
	run_bryo run --rm travel:1 cat /data/one
	is "$output" one
	bryo rmi travel:1
	rm travel.tar
}

@test "save and load: oci-archive and oci-dir, with the same digests" {
	id=$(bryo images -q --no-trunc tiny)
	for format in oci-archive oci-dir; do
		run_bryo save --format $format -o travel tiny
		if [ -d travel ]; then index=$(cat travel/index.json); else index=$(tar -xOf travel index.json); fi
		is "$(jq -r .schemaVersion <<<"$index")" 2
		bryo rmi tiny
		run_bryo load -i travel
		run_bryo image exists "$id"
		bryo tag "$id" tiny
		rm -r travel
	done
}

@test "what skopeo reads is what was saved" {
	need_program skopeo
	bryo save --format oci-archive -o out.oci tiny
	bryo save -o out.docker tiny
	a=$(skopeo inspect --config oci-archive:out.oci | jq -c .rootfs)
	b=$(skopeo inspect --config docker-archive:out.docker | jq -c .rootfs)
	is "$a" "$b"
	# every blob has the digest that its name says
	mkdir blobs
	tar -C blobs -xf out.oci
	for f in blobs/blobs/sha256/*; do is "$(sha256sum "$f" | cut -d' ' -f1)" "${f##*/}"; done
	rm -rf blobs out.oci out.docker
}

@test "an image that skopeo made goes through with its digest" {
	need_program skopeo
	mkdir more
	echo more >more/more
	tar -C more -cf more.tar .
	bryo import -q more.tar more
	bryo save --format oci-archive -o src.oci more
	bryo rmi more
	skopeo copy -q --dest-compress-format gzip --dest-compress oci-archive:src.oci oci:folder:again
	want=$(skopeo inspect oci:folder:again | jq -r .Digest)
	tar -C folder -cf again.oci .
	bryo load -i again.oci >load.out
	name=$(sed -n 's/^Loaded image: //p' load.out)
	is "$(bryo inspect -f '{{.Digest}}' "$name")" "$want"
	bryo save --format oci-archive -o back.oci "$name"
	is "$(skopeo inspect oci-archive:back.oci | jq -r .Digest)" "$want"
	bryo rmi "$name"
	rm -rf more more.tar src.oci folder again.oci back.oci load.out
}

@test "history and inspect tell how it was made" {
	run_bryo history tiny
	like "${lines[0]}" '^ID +CREATED +CREATED BY +SIZE +COMMENT *$'
	run_bryo inspect tiny
	is "$(jq -r '.[0].Os' <<<"$output")" linux
	is "$(jq -r '.[0].RootFS.Layers | length' <<<"$output")" 1
	run_bryo inspect --type image -f '{{.RepoTags}}' tiny
	has "$output" "localhost/tiny:latest"
	run_bryo 125 inspect no-such-thing
	has "$stderr" no-such-thing
}

@test "an image without a command wants one" {
	run --separate-stderr bryo run --rm tiny
	isnt "$status" 0
	like "$stderr" "[cC]ommand|entrypoint"
}

@test "damaged archives are refused and leave nothing behind" {
	# a layer that the store does not have: what is there already need not be read
	mkdir extra t
	echo extra >extra/extra
	head -c 5000000 /dev/zero >extra/zeros
	tar -C extra -cf extra.tar .
	bryo import -q extra.tar extra >/dev/null
	bryo save -q -o good.tar extra
	bryo rmi extra
	before=$(bryo images -aq | sort)
	tar -C t -xf good.tar
	chmod -R u+w t
	# a layer with other bytes than its digest says
	layer=$(jq -r '.[0].Layers[0]' t/manifest.json)
	layer_file=$(readlink -f "t/$layer")
	chmod u+w "$layer_file"
	printf X | dd of="$layer_file" bs=1 seek=3000000 conv=notrunc status=none
	tar -C t -cf bad.tar .
	run_bryo 125 load -i bad.tar
	# a manifest that is none
	echo '{' >t/manifest.json
	tar -C t -cf bad.tar .
	run_bryo 125 load -i bad.tar
	# one that is missing a layer
	tar -C t -xf good.tar --overwrite
	rm -f "$layer_file"
	tar -C t -cf bad.tar .
	run_bryo 125 load -i bad.tar
	is "$(bryo images -aq | sort)" "$before" images
	run_bryo load -q -i good.tar
	run_bryo image exists extra
	bryo rmi extra
	rm -rf t extra extra.tar good.tar bad.tar
}
