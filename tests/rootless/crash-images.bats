# SPDX-License-Identifier: Apache-2.0
# kill -9 in the midst of import, load, save, rmi and pull: whole images or none.
load ../lib/bryo
load ../lib/crash
load ../lib/registry

setup_file() {
	own_store
	bryo save -o "$HOME/tiny.tar" tiny
	bryo tag tiny keeper
	# another content, so that a load has a layer to unpack
	mkdir extra
	tar -C extra -xf "$ROOTFS" 2>/dev/null || true
	echo extra >extra/extra
	tar -C extra --exclude=./dev -cf extra.tar .
	bryo import extra.tar extra >/dev/null
	bryo save -o "$HOME/extra-image.tar" extra
	bryo rmi extra >/dev/null
	store_entries >before
	if command -v docker-registry >/dev/null && command -v skopeo >/dev/null; then
		serve_extra
	fi
}
teardown_file() {
	registry_stop
	drop_store
}

# The image moss/extra in a registry: two layers that nobody has, so that two workers unpack.
serve_extra() {
	echo base >extra/base
	tar -C extra --exclude=./dev --exclude=./extra -cf base.tar .
	tar -C extra -cf top.tar ./extra
	python3 - <<-'END'
		import hashlib, json
		digests = ["sha256:" + hashlib.sha256(open(t, "rb").read()).hexdigest() for t in ("base.tar", "top.tar")]
		json.dump({"architecture": "amd64", "os": "linux", "config": {},
		           "rootfs": {"type": "layers", "diff_ids": digests}}, open("config.json", "w"))
		json.dump([{"Config": "config.json", "RepoTags": [], "Layers": ["base.tar", "top.tar"]}],
		          open("manifest.json", "w"))
	END
	tar -cf served.tar manifest.json config.json base.tar top.tar
	registry_start "$HOME/registry"
	registry_push "$HOME/registry" "docker-archive:$HOME/served.tar" moss/extra
	export REGISTRY REGISTRY_PID
}

kept() {
	[ "$(bryo run --rm --network=none keeper cat /data/one)" = one ] || complain "an image is lost or harmed"
}
# extra is there and whole, or not there; then it is made, used and removed.
whole_or_none() {
	kept || return 1
	if bryo image exists extra; then
		[ "$(bryo run --rm --network=none extra cat /extra)" = extra ] || complain "a half image was published" || return 1
	fi
	bryo load -q -i "$HOME/extra-image.tar" >/dev/null || complain "it cannot be loaded now" || return 1
	[ "$(bryo run --rm --network=none extra cat /extra)" = extra ] || complain "it does not run now" || return 1
	bryo rmi extra >/dev/null || complain "it cannot be removed" || return 1
	helpers_gone && store_is before
}

@test "load" {
	kill_everywhere whole_or_none -- "$BRYO" $BRYO_FLAGS load -q -i "$HOME/extra-image.tar"
}

@test "import" {
	kill_everywhere whole_or_none -- "$BRYO" $BRYO_FLAGS import -q "$HOME/extra.tar" extra
}

@test "pull" {
	need_program docker-registry
	need_program skopeo
	pull=("$BRYO" $BRYO_FLAGS pull -q --tls-verify=false "$REGISTRY/moss/extra")
	runs() { [ "$(bryo run --rm --network=none "$REGISTRY/moss/extra" cat /base /extra)" = $'base\nextra' ]; }
	pulled() {
		kept || return 1
		! bryo image exists "$REGISTRY/moss/extra" || runs || complain "a half image was published" || return 1
		"${pull[@]}" >/dev/null || complain "it cannot be pulled now" || return 1
		runs || complain "it does not run now" || return 1
		bryo rmi "$REGISTRY/moss/extra" >/dev/null || complain "it cannot be removed" || return 1
		helpers_gone && store_is before
	}
	kill_everywhere pulled -- "${pull[@]}"
}

@test "rmi" {
	there() { bryo load -q -i "$HOME/extra-image.tar" >/dev/null; }
	kill_everywhere whole_or_none there -- "$BRYO" $BRYO_FLAGS rmi extra
}

@test "save: a half archive bears another name or is refused" {
	saved() {
		kept || return 1
		# A bryo-image whose caller was killed still ends its archive, and only then names it.
		helpers_gone && rm -f half.tar
		bryo save -q -o half.tar keeper || complain "the next save fails" || return 1
		rm -f half.tar
	}
	nothing_there() { rm -f half.tar; }
	BRYO_KILL_SAMPLE=6 kill_everywhere saved nothing_there -- "$BRYO" $BRYO_FLAGS save -q -o half.tar keeper
}

@test "tag" {
	tagged() {
		kept || return 1
		bryo tag keeper victim || complain "cannot be tagged now" || return 1
		bryo untag keeper victim || complain "the tag cannot be taken away" || return 1
		store_is before
	}
	tagged_before() { bryo tag keeper victim; }
	kill_everywhere tagged -- "$BRYO" $BRYO_FLAGS tag keeper victim
	kill_everywhere tagged tagged_before -- "$BRYO" $BRYO_FLAGS untag keeper victim
}
