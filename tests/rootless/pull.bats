# SPDX-License-Identifier: Apache-2.0
# pull from Debian's docker-registry (TLS, basic authentication) and from one that misbehaves.
load ../lib/bryo
load ../lib/registry

setup_file() {
	command -v docker-registry >/dev/null && command -v skopeo >/dev/null || return 0
	fresh_home
	import_tiny
	bryo save -q -o "$HOME/tiny.tar" tiny
	bryo save -q --format oci-dir -o "$HOME/tiny.oci" tiny
	registry_start "$HOME/registry" tls auth
	registry_push "$HOME/registry" "docker-archive:$HOME/tiny.tar" moss/docker:1
	registry_push "$HOME/registry" "oci:$HOME/tiny.oci" moss/oci:gz
	registry_push "$HOME/registry" "oci:$HOME/tiny.oci" moss/oci:zstd --dest-compress-format zstd
	# one layer for the registry that misbehaves
	gzip -c "$ROOTFS" >"$HOME/layer.tar.gz"
	python3 "$BRYO_WORK/tests/lib/bad-registry.py" "$HOME/port" "$HOME/layer.tar.gz" >"$HOME/digest" 3>&- &
	export BAD_PID=$! REGISTRY REGISTRY_PID
	wait_for 10 test -s "$HOME/port"
	BAD=127.0.0.1:$(cat "$HOME/port")
	export BAD CERTS=$HOME/registry/certs
}

teardown_file() {
	[ -n "${REGISTRY:-}" ] || return 0
	registry_stop
	kill "$BAD_PID"
	remove_all
}

setup() {
	need_program docker-registry
	need_program skopeo
	bryo rmi -af >/dev/null
}

pull() { run_bryo pull --cert-dir "$CERTS" --creds "$REGISTRY_CREDS" "$@"; }
bad() { run --separate-stderr bryo pull --tls-verify=false --creds a:b --retry-delay 5ms "$BAD/moss/bad:$1"; }

# Nothing of a failed pull is left: no image, no layer that is not whole.
nothing_left() {
	is "$(bryo images -qa)" ""
	is "$(ls -A "$HOME/.local/share/bryo/tmp" 2>/dev/null)" "" "unfinished layers"
}

@test "an image of Docker's kind by TLS and password, and it runs" {
	pull "$REGISTRY/moss/docker:1"
	like "$output" '^[0-9a-f]{64}$'
	has "$stderr" "Trying to pull $REGISTRY/moss/docker:1..."
	has "$stderr" "Writing manifest to image destination"
	is "$(bryo run --rm --network=none "$REGISTRY/moss/docker:1" echo hello)" hello
}

@test "gzip and zstd layers give the same image id" {
	pull -q "$REGISTRY/moss/oci:gz"
	gz=$output
	is "$stderr" ""
	bryo rmi "$gz" >/dev/null
	pull -q "$REGISTRY/moss/oci:zstd"
	is "$output" "$gz"
	is "$(bryo run --rm --network=none "$REGISTRY/moss/oci:zstd" echo hello)" hello
}

@test "what was pulled goes out with the digest it came with" {
	for tag in gz zstd; do
		pull -q "$REGISTRY/moss/oci:$tag"
		rm -rf "$HOME/out"
		run_bryo save -q --format oci-dir -o "$HOME/out" "$REGISTRY/moss/oci:$tag"
		there=$(skopeo inspect --cert-dir "$CERTS" --creds "$REGISTRY_CREDS" --format '{{.Digest}}' "docker://$REGISTRY/moss/oci:$tag")
		is "$(skopeo inspect --format '{{.Digest}}' "oci:$HOME/out")" "$there" "digest of $tag"
		bryo rmi -af >/dev/null
	done
}

@test "by digest, all tags, and policies" {
	digest=$(skopeo inspect --cert-dir "$CERTS" --creds "$REGISTRY_CREDS" --format '{{.Digest}}' "docker://$REGISTRY/moss/oci:gz")
	pull -q "$REGISTRY/moss/oci@$digest"
	pull -q --all-tags "$REGISTRY/moss/oci"
	run_bryo images --format '{{.Repository}}:{{.Tag}}'
	has "$output" "$REGISTRY/moss/oci:gz"
	has "$output" "$REGISTRY/moss/oci:zstd"
	run_bryo pull -q --policy never "$REGISTRY/moss/oci:gz"
	run_bryo pull -q --policy missing "$REGISTRY/moss/oci:gz"
	pull -q --policy newer "$REGISTRY/moss/oci:gz"
	refused "image not known" -- pull -q --policy never "$REGISTRY/moss/oci:nope"
}

@test "credentials from auth.json, certificates from certs.d" {
	mkdir -p "$HOME/.config/containers/certs.d/$REGISTRY"
	cp "$CERTS/ca.crt" "$HOME/.config/containers/certs.d/$REGISTRY/"
	printf '{"auths":{"%s/moss":{"auth":"%s"}}}' "$REGISTRY" "$(printf %s "$REGISTRY_CREDS" | base64)" >"$HOME/auth.json"
	run_bryo pull -q --authfile "$HOME/auth.json" "$REGISTRY/moss/docker:1"
	REGISTRY_AUTH_FILE=$HOME/auth.json run_bryo pull -q "$REGISTRY/moss/docker:1"
	rm -r "$HOME/.config/containers/certs.d"
}

@test "refusals name the thing and the fix" {
	refused "certificate" "--tls-verify=false" -- pull -q "$REGISTRY/moss/docker:1"
	refused "unauthorized" "--creds" -- pull -q --tls-verify=false "$REGISTRY/moss/docker:1"
	refused "unauthorized" -- pull -q --cert-dir "$CERTS" --creds moss:wrong "$REGISTRY/moss/docker:1"
	refused "manifest unknown" "moss/docker" -- pull -q --cert-dir "$CERTS" --creds "$REGISTRY_CREDS" "$REGISTRY/moss/docker:2"
	refused "nothere.invalid" -- pull -q --retry 0 nothere.invalid/x
	refused "invalid reference format" -- pull -q 'foo/bar:!'
	refused "containers-storage" -- pull -q containers-storage:x
}

@test "short names by registries.conf: alias, search, mirror, blocked" {
	mkdir -p "$HOME/.config/containers"
	cat >"$HOME/.config/containers/registries.conf" <<-END
		unqualified-search-registries = ["$REGISTRY"]
		[aliases]
		fern = "$REGISTRY/moss/oci"
		[[registry]]
		location = "blocked.example"
		blocked = true
		[[registry]]
		location = "mirrored.example"
		[[registry.mirror]]
		location = "$REGISTRY"
	END
	pull -q fern:gz
	pull -q moss/docker:1
	pull -q mirrored.example/moss/oci:gz
	refused "blocked" -- pull -q blocked.example/x
	run_bryo images --format '{{.Repository}}:{{.Tag}}'
	has "$output" "mirrored.example/moss/oci:gz"
	printf 'unqualified-search-registries = []\n' >"$HOME/.config/containers/registries.conf"
	refused 'short-name "nope" did not resolve to an alias and no unqualified-search registries are defined' -- pull -q nope
	rm "$HOME/.config/containers/registries.conf"
}

@test "broken connections are mended, tokens renewed, busy servers waited for" {
	for tag in good token cut no-range busy leak; do
		bad $tag
		is "$status" 0 "status of $tag: $stderr"
		is "$(bryo run --rm --network=none "$BAD/moss/bad:$tag" echo $tag)" $tag
		bryo rmi -af >/dev/null
	done
}

@test "lies of a registry are found, and nothing is left" {
	for case in "cut-always|remaining" "short|ended after" "long|larger than" "endless|larger than" \
		"wrong|sha256:" "wrong-diff|sha256:0000000000" "wrong-config|wanted sha256:" "loop|redirects" \
		"huge|larger than" "schema1|schema version 1" "artifact|artifact" "junk|JSON"; do
		bad "${case%%|*}"
		is "$status" 125 "status of ${case%%|*}"
		has "$stderr" "${case#*|}"
		nothing_left
	done
	run_bryo 125 pull -q --tls-verify=false "$BAD/moss/bad@$(cat "$HOME/digest")"
	has "$stderr" "does not match its digest"
}
