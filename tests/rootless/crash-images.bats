# SPDX-License-Identifier: Apache-2.0
# kill -9 in the midst of import, load, save, rmi and pull: whole images or none.
load ../lib/bryo
load ../lib/crash

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
	if [ -r "$BATS_TEST_DIRNAME/../lib/registry.bash" ]; then
		load ../lib/registry
	fi
}
teardown_file() { drop_store; }

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
	store_entries >after
	diff before after >differ || complain "the store differs: $(cat differ)"
}

@test "load" {
	kill_everywhere whole_or_none -- "$BRYO" $BRYO_FLAGS load -q -i "$HOME/extra-image.tar"
}

@test "import" {
	kill_everywhere whole_or_none -- "$BRYO" $BRYO_FLAGS import -q "$HOME/extra.tar" extra
}

@test "rmi" {
	there() { bryo load -q -i "$HOME/extra-image.tar" >/dev/null; }
	kill_everywhere whole_or_none there -- "$BRYO" $BRYO_FLAGS rmi extra
}

@test "save: a half archive bears another name or is refused" {
	saved() {
		kept || return 1
		rm -f half.tar
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
		bryo rmi victim >/dev/null || complain "the tag cannot be taken away"
	}
	kill_everywhere tagged -- "$BRYO" $BRYO_FLAGS tag keeper victim
}
