# SPDX-License-Identifier: Apache-2.0
# --network, -p: what a container reaches, and who reaches it. Offline: all of it is on this host.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

# An HTTP server of one answer in the container, on PORT.
serve() {	# NAME PORT ARGUMENT...
	local name=$1 port=$2
	shift 2
	bryo run -d --name "$name" "$@" tiny sh -c \
		"echo served >/index.html; exec httpd -f -p $port -h /" >/dev/null
}
fetch() { curl -s -m 5 "$@"; }
fetched() { [ "$(fetch "$@")" = served ]; }

@test "network none: the loopback alone, and that is up" {
	run_bryo run --rm --network=none tiny sh -c 'ls /sys/class/net 2>/dev/null || grep -o "^ *[a-z0-9]*:" /proc/net/dev'
	is "$(tr -d ' :\n' <<<"$output")" lo
	run_bryo run --rm --network=none tiny ip addr show lo
	like "$output" 'LOOPBACK,UP'
	like "$output" 'inet 127\.0\.0\.1/8'
}

@test "network host: the host's own" {
	run_bryo run --rm --network=host tiny readlink /proc/self/ns/net
	is "$output" "$(readlink /proc/self/ns/net)"
}

@test "default network: an address, a route, a resolver, and not the host's namespace" {
	run_bryo run --rm tiny sh -c 'ip -4 -o addr show scope global; ip route; cat /etc/resolv.conf'
	like "$output" 'inet [0-9.]+/'
	like "$output" '^default via [0-9.]+'
	like "$output" '^nameserver '
	run_bryo run --rm tiny readlink /proc/self/ns/net
	isnt "$output" "$(readlink /proc/self/ns/net)"
}

@test "-p: host port to container port, free again at once afterwards" {
	port=$(free_port)
	serve web 80 -p 127.0.0.1:"$port":80
	wait_for 10 fetched http://127.0.0.1:"$port"/index.html
	run_bryo port web
	is "$output" "80/tcp -> 127.0.0.1:$port"
	run_bryo port web 80
	is "$output" "127.0.0.1:$port"
	run_bryo ps --format '{{.Ports}}'
	is "$output" "127.0.0.1:$port->80/tcp"
	bryo rm -f -t 0 web
	serve web 80 -p 127.0.0.1:"$port":80
	wait_for 10 fetched http://127.0.0.1:"$port"/index.html
}

@test "-p: on all addresses, ranges, a random host port" {
	port=$(free_port)
	serve all 8080 -p "$port":8080
	wait_for 10 fetched http://127.0.0.1:"$port"/index.html
	serve random 8080 -p 8080
	random=$(bryo port random 8080)
	wait_for 10 fetched "http://127.0.0.1:${random##*:}/index.html"
	first=$(free_port)
	serve range 9001 -p 127.0.0.1:"$first-$((first + 1))":9000-9001
	wait_for 10 fetched "http://127.0.0.1:$((first + 1))/index.html"
}

@test "-p: udp" {
	# busybox's tftpd-less build has no UDP server of its own: the host's python listens inside
	need_program python3
	port=$(free_port)
	bryo run -d --name udp -p 127.0.0.1:"$port":5353/udp tiny sleep 100
	run_bryo port udp
	is "$output" "5353/udp -> 127.0.0.1:$port"
	pid=$(bryo inspect -f '{{.State.Pid}}' udp)
	bryo unshare nsenter -t "$pid" -n python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5353))
data, peer = s.recvfrom(100)
s.sendto(b"back " + data, peer)' 3>&- &
	server=$!
	run timeout 20 python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", int(sys.argv[1])))
s.settimeout(0.3)
for i in range(40):
    try:
        s.send(b"hello")
        print(s.recv(100).decode())
        break
    except OSError:
        pass' "$port"
	kill $server 2>/dev/null || true
	is "$output" "back hello"
}

@test "-p: ports in use and forms that are none are refused, and leave nothing" {
	port=$(free_port)
	serve holder 80 -p 127.0.0.1:"$port":80
	run bryo run -d --name loser -p 127.0.0.1:"$port":80 tiny sleep 100
	is "$status" 126 "exit status" || is "$status" 125 "exit status"
	has "$output" "$port"
	for bad in 99999:80 80:99999 a:b 1-3:1-2 127.0.0.1:80:80:80 80/xyz 1.2.3:80:80; do
		run_bryo 125 run --rm -p "$bad" tiny true
	done
}

@test "the container reaches the host's services, and a big transfer arrives whole" {
	port=$(free_port)
	mkdir -p www
	head -c 20000000 /dev/urandom >www/big
	python3 -m http.server -d www --bind 0.0.0.0 "$port" >/dev/null 2>&1 3>&- &
	server=$!
	wait_for 10 fetch -o /dev/null http://127.0.0.1:"$port"/
	run_bryo run --rm tiny sh -c "wget -q -O - http://host.containers.internal:$port/big | sha256sum"
	kill $server
	is "${output%% *}" "$(sha256sum www/big | cut -d' ' -f1)"
	rm -r www
}

@test "two containers with their own networks do not see each other's loopback" {
	serve a 8099
	sleep 0.3
	# not wget: Debian's static one crashes where a resolver library is missing
	run bryo run --rm tiny sh -c 'echo GET / | nc -w 2 127.0.0.1 8099'
	isnt "$status" 0
	has_not "$output" served
}

@test "--network: what there is not, is refused by name" {
	refused nosuchnet -- run --rm --network=nosuchnet tiny true
}

@test "what carries the network ends with its container" {
	bryo run -d --name n tiny sleep 100
	pid=$(bryo inspect -f '{{.State.Pid}}' n)
	# by the network namespace that they hold: it is gone when nobody is left
	ns=$(bryo unshare readlink /proc/"$pid"/ns/net)
	[ -n "$ns" ] || complain "no network namespace of $pid"
	helpers() { pgrep -u "$(id -u)" -x 'bryo-net|pasta.*|slirp4netns'; }
	helpers >while_running || complain "nothing carries its network"
	bryo rm -f -t 0 n
	left() { helpers | comm -12 - while_running | wc -l; }
	before=$(wc -l <while_running)
	fewer() { [ "$(left)" -lt "$before" ]; }
	wait_for 5 fewer
}
