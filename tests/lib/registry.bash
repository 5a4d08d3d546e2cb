# SPDX-License-Identifier: Apache-2.0
# A registry of Debian's docker-registry on the loopback, for tests of pull. Source it, then:
#   registry_start DIR [tls] [auth]   starts one; sets REGISTRY (HOST:PORT) and REGISTRY_PID
#   registry_push DIR SOURCE NAME     copies SOURCE (any skopeo name) there as NAME; further arguments are skopeo's
#   registry_stop
# With tls: DIR/certs/ca.crt is its certificate, DIR/certs a folder for --cert-dir. With auth: the
# user is "moss" and the password "fern:42", see REGISTRY_CREDS.

REGISTRY_CREDS=moss:fern:42

# Prints a port of 127.0.0.1 on which nobody listens just now.
registry_free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

registry_start() {
	local dir=$1 tls= auth= port word
	shift
	for word; do declare "$word=1"; done
	mkdir -p "$dir/data" "$dir/certs"
	port=$(registry_free_port)
	REGISTRY=127.0.0.1:$port
	REGISTRY_TLS=$tls
	{
		printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n'
		printf 'storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\n' "$dir/data"
		printf 'http:\n  addr: %s\n' "$REGISTRY"
		if [ -n "$tls" ]; then
			printf '  tls: {certificate: %s, key: %s}\n' "$dir/certs/ca.crt" "$dir/registry.key"
		fi
		if [ -n "$auth" ]; then
			printf 'auth: {htpasswd: {realm: moss, path: %s}}\n' "$dir/htpasswd"
		fi
	} >"$dir/config.yml"
	if [ -n "$tls" ]; then
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
			-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
			-keyout "$dir/registry.key" -out "$dir/certs/ca.crt" 2>/dev/null
	fi
	if [ -n "$auth" ]; then
		htpasswd -Bbn "${REGISTRY_CREDS%%:*}" "${REGISTRY_CREDS#*:}" >"$dir/htpasswd"
	fi
	docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- 4>&- &
	REGISTRY_PID=$!
	for word in $(seq 100); do
		curl -ks -o "$dir/ping" "http${tls:+s}://$REGISTRY/v2/" && return 0
		sleep 0.1
	done
	echo "docker-registry did not start: $(tail -3 "$dir/log")" >&2
	return 1
}

registry_push() {
	local dir=$1 source=$2 name=$3
	shift 3
	if [ -n "$REGISTRY_TLS" ]; then
		set -- --dest-cert-dir "$dir/certs" "$@"
	else
		set -- --dest-tls-verify=false "$@"
	fi
	skopeo copy -q --insecure-policy --dest-creds "$REGISTRY_CREDS" "$@" "$source" "docker://$REGISTRY/$name"
}

registry_stop() {
	[ -n "${REGISTRY_PID:-}" ] || return 0
	kill "$REGISTRY_PID" 2>/dev/null
	wait "$REGISTRY_PID" 2>/dev/null
	REGISTRY_PID=
}
