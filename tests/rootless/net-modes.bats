# SPDX-License-Identifier: Apache-2.0
# What a user types and sees around the network: modes, their options, names and resolvers, ports
# that come with them, containers.conf, inherited sockets. Words are Podman 5.8's, compared.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; rm -rf "$HOME/.config/containers"; }

# containers.conf of the user, from standard input.
conf() {
	mkdir -p "$HOME/.config/containers"
	cat >"$HOME/.config/containers/containers.conf"
}

@test "modes: each spelling gives a network, private is the default" {
	for mode in private slirp slirp4netns pasta slirp:fast=off pasta:--config-net,-q; do
		run_bryo run --rm --network="$mode" tiny ip -4 -o addr show tap0
		has "$output" 10.0.2.100/24
	done
}

@test "modes: --network=bridge, several and unknown ones are refused by name" {
	refused "network mode \"bridge\" needs privilege on the host" -- run --rm --network=bridge tiny true
	refused "cannot set multiple networks without bridge network mode, selected mode pasta: invalid argument" \
		-- run --rm --network=pasta:-4 --network=none tiny true
	refused "unknown option for slirp4netns: \"foo\"" -- run --rm --network=slirp4netns:foo=1 tiny true
	refused "option --pcap for pasta is not supported" -- run --rm --network=pasta:--pcap,x tiny true
	refused "option -t for pasta: \"auto\" is not supported" -- run --rm --network=pasta:-t,auto tiny true
}

@test "pasta: addresses, netmask, gateway and interface name are the container's" {
	run_bryo run --rm --network=pasta:-a,10.1.2.3,-n,16,-g,10.1.0.9,-I,eth7,-m,1400 tiny \
		sh -c 'ip addr show eth7; ip route; cat /etc/hosts'
	has "$output" "mtu 1400" "inet 10.1.2.3/16" "default via 10.1.0.9 dev eth7"
	like "$output" $'10\.1\.2\.3\t[0-9a-f]{12} '
	run_bryo run --rm --network=pasta:-a,fd00:77::5,-g,fd00:77::1 tiny sh -c 'ip -6 addr; ip -6 route'
	has "$output" "inet6 fd00:77::5/64" "default via fd00:77::1"
}

@test "pasta: resolvers go to resolv.conf: -D, --dns-forward; --dns wins" {
	run_bryo run --rm --network=pasta:-D,192.0.2.53,-D,192.0.2.54 tiny cat /etc/resolv.conf
	is "$(grep ^nameserver <<<"$output")" $'nameserver 192.0.2.53\nnameserver 192.0.2.54'
	run_bryo run --rm --network=pasta:--dns-forward,169.254.1.1 tiny cat /etc/resolv.conf
	is "$(grep -m1 ^nameserver <<<"$output")" "nameserver 169.254.1.1"
	run_bryo run --rm --network=pasta:-D,192.0.2.53 --dns 192.0.2.1 tiny cat /etc/resolv.conf
	is "$(grep ^nameserver <<<"$output")" "nameserver 192.0.2.1"
	run_bryo run --rm --network=pasta:-D,none tiny cat /etc/resolv.conf
	has_not "$output" nameserver
}

@test "pasta: -t and -u publish as -p does" {
	port=$(free_port)
	bryo run -d --name c --network="pasta:-t,127.0.0.1/$port:80,-u,127.0.0.1/$port:53" tiny \
		sh -c 'echo served >/index.html; exec httpd -f -p 80 -h /' >/dev/null
	run_bryo port c
	is "$output" "53/udp -> 127.0.0.1:$port
80/tcp -> 127.0.0.1:$port"
	served() { [ "$(curl -s -m 5 "http://127.0.0.1:$port/index.html")" = served ]; }
	wait_for 10 served
}

@test "host, none, container: ports are dropped with a warning, and inspect shows none" {
	bryo run -d --name own tiny sleep 100 >/dev/null
	for mode in host none container:own; do
		run_bryo run --rm -p 8080:80 --network="$mode" tiny true
		is "$stderr" "Port mappings have been discarded because \"${mode%%:*}\" network namespace mode does not support them"
	done
	run_bryo create --name c -p 8080:80 --network=none tiny true
	run_bryo inspect -f '{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}}' c
	is "$output" "{} {}"
}

@test "inspect: the mode without options, networks of those that have no own" {
	need_default_network
	bryo run -d --name p --network=pasta:-4,-m,1500 tiny sleep 100 >/dev/null
	bryo run -d --name n --network=none tiny sleep 100 >/dev/null
	bryo create --name h --network=host tiny true >/dev/null
	bryo create --name d tiny true >/dev/null
	run_bryo inspect -f '{{.HostConfig.NetworkMode}}' p
	is "$output" pasta
	run_bryo inspect -f '{{json .NetworkSettings.Networks}}' n
	has "$output" '"none"' '"NetworkID":"none"' '"IPAMConfig":null'
	run_bryo inspect -f '{{json .NetworkSettings.Networks}}' h
	has "$output" '"host"'
	run_bryo inspect -f '{{json .NetworkSettings}}' p
	has_not "$output" '"Networks"'
	run_bryo inspect -f '{{json .NetworkSettings.Networks}}' d
	has "$output" '"slirp4netns"'
}

@test "container:ID shares hosts and resolv.conf; names and resolvers cannot be added" {
	bryo run -d --name own --add-host marked:192.0.2.7 --dns 192.0.2.53 tiny sleep 100 >/dev/null
	run_bryo run --rm --network=container:own tiny cat /etc/hosts /etc/resolv.conf
	has "$output" $'192.0.2.7\tmarked' "nameserver 192.0.2.53"
	refused "conflicting options: dns and the network mode: container" \
		-- run --rm --network=container:own --dns 192.0.2.1 tiny true
	refused "conflicting options: dns and the network mode: none" \
		-- run --rm --network=none --dns-search example.org tiny true
	refused "cannot set extra host entries when the container is joined to another containers network namespace" \
		-- run --rm --network=container:own --add-host a:192.0.2.1 tiny true
	run_bryo run --rm --network=container:own --hostname other tiny hostname
	is "$output" other
}

@test "names: host-gateway, several names, --no-hosts, --hostname" {
	run_bryo run --rm --add-host a:host-gateway --add-host 'b;c:192.0.2.4' --hostname foo.bar tiny cat /etc/hosts
	has "$output" $'192.0.2.4\tb c' "foo.bar"
	is "$(awk '$2=="a"{print $1}' <<<"$output")" "$(awk '$2=="host.containers.internal"{print $1}' <<<"$output")"
	refused "--no-hosts and --add-host cannot be set together" -- run --rm --no-hosts --add-host a:192.0.2.1 tiny true
	run_bryo run --rm --dns none tiny sh -c 'cat /etc/resolv.conf 2>/dev/null; true'
	has_not "$output" nameserver
	refused "x is not an ip address" -- run --rm --dns x tiny true
}

@test "containers.conf: default_rootless_network_cmd and the options of both" {
	need_default_network
	conf <<-E
		[network]
		default_rootless_network_cmd = "slirp4netns"
		pasta_options = ["-I", "eth9"]
		[engine]
		network_cmd_options = ["mtu=1400"]
	E
	run_bryo run --rm tiny ip -o link show tap0
	has "$output" "mtu 1400"
	run_bryo run --rm --network=slirp4netns:mtu=1500 tiny ip -o link show tap0
	has "$output" "mtu 1500"
	run_bryo run --rm --network=pasta:-m,1300 tiny ip -o link show eth9
	has "$output" "mtu 1300"
	run_bryo run --rm --network=none tiny true
	conf <<-E
		[network]
		pasta_options = ["-a", "10.3.3.3"]
	E
	run_bryo run --rm tiny ip -4 -o addr
	has "$output" "10.3.3.3/24"
	conf <<<$'[network]\ndefault_rootless_network_cmd = "bridge"'
	refused "invalid default_rootless_network_cmd \"bridge\"" -- run --rm tiny true
}

@test "containers.conf: host_containers_internal_ip" {
	conf <<<$'[containers]\nhost_containers_internal_ip = "192.0.2.99"'
	run_bryo run --rm --add-host gw:host-gateway tiny cat /etc/hosts
	has "$output" $'192.0.2.99\thost.containers.internal' $'192.0.2.99\tgw'
	conf <<<$'[containers]\nhost_containers_internal_ip = "none"'
	run_bryo run --rm tiny cat /etc/hosts
	has_not "$output" host.containers.internal
}

# inherit ADDRESS:PORT... -- ARGUMENT...: bryo with listening sockets as descriptors 3 and up.
inherit() {
	timeout -k 5 60 python3 -c '
import os, socket, sys
cut = sys.argv.index("--")
for n, where in enumerate(sys.argv[1:cut]):
    host, port = where.rsplit(":", 1)
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, int(port)))
    s.listen()
    os.dup2(s.detach(), 100 + n)
for n in range(cut - 1):
    os.dup2(100 + n, 3 + n)
    os.close(100 + n)
os.environ.update(LISTEN_FDS=str(cut - 1), LISTEN_PID=os.environ.get("AS_PID", str(os.getpid())),
                  LISTEN_FDNAMES=":".join("n%d" % n for n in range(cut - 1)))
os.execv(os.environ["BRYO"], [os.environ["BRYO"]] + sys.argv[cut + 1:])' "$@" 3>&-
}

@test "inherited sockets reach the container as LISTEN_FDS, and no others" {
	need_program python3
	port=$(free_port)
	run inherit "127.0.0.1:$port" 127.0.0.1:0 -- run --rm tiny sh -c 'env | grep LISTEN_ | sort; readlink /proc/self/fd/3; readlink /proc/self/fd/4; [ ! -e /proc/self/fd/5 ]'
	is "$status" 0
	has "$output" $'LISTEN_FDNAMES=n0:n1\nLISTEN_FDS=2\nLISTEN_PID=1'
	is "$(grep -c '^socket:' <<<"$output")" 2
	# meant for another process: systemd's rule, sd_listen_fds(3)
	AS_PID=1 run inherit 127.0.0.1:0 -- run --rm tiny sh -c 'env | grep LISTEN_ || [ ! -e /proc/self/fd/3 ]'
	is "$output" ""
	is "$status" 0
}

@test "network reload: names what it cannot do" {
	bryo run -d --name n --network=none tiny sleep 100 >/dev/null
	bryo create --name c tiny true >/dev/null
	id=$(bryo inspect -f '{{.Id}}' n)
	refused "container $id network is not configured, refusing to reload: container state improper" -- network reload n
	refused "cannot reload network unless container network has been configured: container state improper" -- network reload c
	refused "you must provide at least one name or id" -- network reload
	refused "no arguments are needed with --all" -- network reload -a n
	refused nope -- network reload nope
}

@test "an inherited socket that is a published port serves it, and does not reach the container" {
	need_program python3
	for mode in slirp slirp:port_handler=splice; do
		port=$(free_port)
		for host in 127.0.0.1 ::; do
			inherit "$host:$port" 127.0.0.1:0 -- run --rm --network="$mode" --name "w$port" \
				-p "$([ $host = :: ] || echo 127.0.0.1:)$port:80" tiny \
				sh -c 'env | grep LISTEN_FD >/index.html; exec httpd -f -p 80 -h /' &
			job=$!
			served() { [ "$(curl -s -m 5 "http://127.0.0.1:$port/index.html")" = $'LISTEN_FDS=1\nLISTEN_FDNAMES=n1' ] ||
				[ "$(curl -s -m 5 "http://127.0.0.1:$port/index.html")" = $'LISTEN_FDNAMES=n1\nLISTEN_FDS=1' ]; }
			wait_for 10 served
			bryo rm -f -t 0 "w$port" >/dev/null
			wait $job || true
		done
	done
}

@test "network reload: prints the full id, of all or some" {
	bryo run -d --name a -p 127.0.0.1::80 tiny sleep 100 >/dev/null
	bryo run -d --name n --network=none tiny sleep 100 >/dev/null
	id=$(bryo inspect -f '{{.Id}}' a)
	run_bryo network reload a
	is "$output" "$id"
	run_bryo network reload -a
	is "$output" "$id"
	run_bryo exec a true
	# more than once, and the network goes on
	for i in 1 2 3; do run_bryo network reload -l || true; run_bryo network reload a; done
	run_bryo exec a ip -4 -o addr show tap0
	has "$output" 10.0.2.100
}
