#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Real programs on a container's network, each with socket injection and by the stack alone: the same has to come out.
# The programs are the host's own, seen in the container.

load ../lib/bryo
load ../lib/net

setup_file() {
	net_need
	fresh_home
	net_user '"$NET_ENGINE" import "$BRYO_WORK/rootfs.tar" tiny >/dev/null'
}
teardown_file() { leave_home; }
setup() { net_need; }

# What is compiled is compiled once, into $CLIENTS.
export CLIENTS=$BATS_FILE_TMPDIR/clients
JAVA="$(realpath "$(command -v java)") -Xmx64m -XX:TieredStopAtLevel=1"; export JAVA
need_go() {
	need_program go
	[ -x "$CLIENTS/go" ] || GOCACHE=$BATS_FILE_TMPDIR/go-cache CGO_ENABLED=0 GOFLAGS=-mod=mod \
		go build -o "$CLIENTS/go" "$NET_LIB/net-clients/clients.go"
}
need_java() {
	need_program javac
	[ -e "$CLIENTS/Clients.class" ] || javac -J-Xmx128m -d "$CLIENTS" "$NET_LIB/net-clients/Clients.java"
}

# all_cases HOST PORT NAME...: of net-cases.py, against an echo server.
all_cases() {
	local host=$1 port=$2 expected
	shift 2
	expected=$(printf 'ok %s\n' "$@")
	both "serve \$NET_HOST4,\$NET_HOST6 7000
		for i in $*; do cases \$i $host $port; done" "$expected"
}

@test "which way connections go is what was asked for" {
	local script='serve $NET_HOST4 7000
		ctr -- $python -c "import socket; print(socket.create_connection((\"$NET_HOST4\", 7000)).getsockname()[0])"'
	[ "$(NET_FAST=on net_user "$script")" = "$NET_HOST4" ]
	[ "$(NET_FAST=off net_user "$script")" = 10.0.2.100 ]
}

connecting="blocking nonblocking epoll_first aio threads connect_twice reconnect bound_first names flags half_close reset"

@test "Python connects in all its ways, over IPv4" { all_cases "$NET_HOST4" 7000 $connecting mapped; }

@test "Python connects in all its ways, over IPv6" { all_cases "$NET_HOST6" 7000 $connecting; }

@test "a connection that nobody takes is refused" { all_cases "$NET_HOST4" 7001 refused; }

@test "an address that keeps silent can be given up: timeouts, alarms, Ctrl-C, SIGKILL" {
	all_cases 203.0.113.9 80 timeout send_timeout alarm alarm_twice interrupt killed
}

@test "sockets with duplicates, also in other processes, stay one socket" {
	all_cases "$NET_HOST4" 7000 dup_first dup_far fork_child_connects fork_after fork_parent_uses passed
}

@test "urgent data comes as such, both ways" {
	both 'start $python $NET_TESTS/lib/net-cases.py urgent_server $NET_HOST4 7000
		cases urgent $NET_HOST4 7000' "plain abcdef, urgent !"
}

# ---- Programs: out ----

# Outside, an HTTP server for files: www SIZE makes the file "big".
www='www() {
	mkdir -p "$work/www"; echo "a page" >"$work/www/page"; head -c "$1" /dev/urandom >"$work/www/big"
	(cd "$work/www" && exec $python -m http.server 7080 --bind "$NET_HOST4") >"$work/www.log" 2>&1 &
	(cd "$work/www" && exec $python -m http.server 7080 --bind "$NET_HOST6") >"$work/www6.log" 2>&1 &
	wait_port $NET_HOST4 7080; wait_port $NET_HOST6 7080
}
sum() { sha256sum | cut -c1-64; }
'

@test "curl fetches over IPv4 and IPv6, many files at once, large ones whole" {
	need_program curl
	both "$www"'www 20000000
		ctr -- curl -sS -m 20 http://$NET_HOST4:7080/page "http://[$NET_HOST6]:7080/page"
		ctr -- sh -c "curl -sS -m 20 http://$NET_HOST4:7080/big | sha256sum" | cut -c1-64 >"$work/got"
		[ "$(cat "$work/got")" = "$(sum <"$work/www/big")" ] && echo whole
		ctr -- curl -sS -m 20 -Z --parallel-max 20 "http://$NET_HOST4:7080/page?[1-60]" 2>"$work/progress" | sort | uniq -c | tr -s " "
		ctr -- curl -sS -m 5 http://$NET_HOST4:9/ 2>&1 | grep -o "Failed to connect" || echo "no error"' "a page
a page
whole
 60 a page
Failed to connect"
}

@test "Node connects, by http and by net" {
	need_program node
	both "$www"'www 1; serve $NET_HOST4,$NET_HOST6 7000
		ctr -- node /t/lib/net-clients/clients.js get http://$NET_HOST4:7080/page
		ctr -- node /t/lib/net-clients/clients.js get "http://[$NET_HOST6]:7080/page"
		ctr -- node /t/lib/net-clients/clients.js dial $NET_HOST4 7000' "a page
a page
from node"
}

@test "Go connects, by net/http and by net" {
	need_go
	both "$www"'www 1; serve $NET_HOST4,$NET_HOST6 7000
		ctr -v "$CLIENTS:/c:ro" -- /c/go get http://$NET_HOST4:7080/page
		ctr -v "$CLIENTS:/c:ro" -- /c/go get "http://[$NET_HOST6]:7080/page"
		ctr -v "$CLIENTS:/c:ro" -- /c/go dial $NET_HOST4 7000' "a page
a page
from go"
}

@test "Java connects, by Socket, by NIO with a selector first, and by HttpClient" {
	need_java
	both "$www"'www 1; serve $NET_HOST4,$NET_HOST6 7000
		ctr -v "$CLIENTS:/c:ro" -- $JAVA -cp /c Clients socket $NET_HOST4 7000 socket $NET_HOST6 7000 \
			nio $NET_HOST4 7000 nio $NET_HOST6 7000 http http://$NET_HOST4:7080/page silent 203.0.113.9 80' "from a Socket
from a Socket
from NIO
from NIO
a page
timed out"
}

@test "Redis' client and its benchmark work with a server outside" {
	need_program redis-server
	both 'cd "$work"; redis-server --port 7379 --bind $NET_HOST4 --protected-mode no --save "" >redis.log & wait_port $NET_HOST4 7379
		ctr -- sh -c "redis-cli -h $NET_HOST4 -p 7379 set moss green; redis-cli -h $NET_HOST4 -p 7379 get moss"
		ctr -- redis-benchmark -h $NET_HOST4 -p 7379 -q -t set,get -n 3000 -c 50 | grep -c "requests per second"' "OK
green
2"
}

@test "iperf3 measures both ways, TCP and UDP" {
	need_program iperf3
	both 'for options in "" -R "-u -b 20M" "-6 -P 4"; do
			host=$NET_HOST4; [ "$options" != "-6 -P 4" ] || host=$NET_HOST6
			iperf3 -s -1 -p 7201 -B $host >"$work/server" & sleep 0.3
			ctr -- timeout 20 iperf3 -c $host -p 7201 -t 1 -J $options >"$work/json" || cat "$work/json"
			jq -r "if (.end.sum_received // .end.sum).bytes > 1000000 then \"moved\" else .end end" "$work/json"
		done' "moved
moved
moved
moved"
}

@test "dnsmasq outside answers through the forwarder" {
	need_program dnsmasq
	both 'dnsmasq -k -C /dev/null -u "" --no-resolv --no-hosts --listen-address=127.0.0.53 --bind-interfaces \
			--address=/moss.example/192.0.2.44 --pid-file= 2>"$work/dnsmasq" & wait_port 127.0.0.53 53
		ctr -- $python -c "import socket; print(socket.gethostbyname(\"moss.example\"))"
		ctr -- $python /t/lib/net-peer.py resolve 10.0.2.3 moss.example tcp' "192.0.2.44
192.0.2.44"
}

# ---- Programs: in ----

@test "servers in Node, Go and Java on published ports see the client's address" {
	need_program node
	need_go
	need_java
	ways="on off splice" both 'ctr_ready -p 7001:80 -- node /t/lib/net-clients/clients.js serve 80
		ctr_ready -v "$CLIENTS:/c:ro" -p 7002:80 -- /c/go serve 80
		ctr_ready -v "$CLIENTS:/c:ro" -p 7003:80 -- $JAVA -cp /c Clients serve 80
		for i in 7001 7002; do curl -sS -m 5 http://$NET_HOST4:$i/ "http://[$NET_HOST6]:$i/"; done
		case_outside lines $NET_HOST4 7003 20' "node saw $NET_HOST4
node saw $NET_HOST6
go saw $NET_HOST4
go saw $NET_HOST6
java saw $NET_HOST4"
}

@test "Redis serves on a published port" {
	need_program redis-server
	ways="on off splice" both 'ctr -p 7379:6379 -- redis-server --dir /w --protected-mode no --save "" >"$work/log" & wait_port $NET_HOST4 7379; sleep 0.5
		redis-cli -h $NET_HOST4 -p 7379 set moss green; redis-cli -h 127.0.0.1 -p 7379 get moss
		redis-benchmark -h $NET_HOST4 -p 7379 -q -t set,get -n 3000 -c 50 | grep -c "requests per second"' "OK
green
2"
}

nginx='nginx_conf() {
	mkdir -p "$work/nginx"
	cat >"$work/nginx.conf" <<-END
		user root; worker_processes 2; daemon off; pid /w/nginx/pid; error_log /w/nginx/error.log;
		events { worker_connections 1000; }
		http {
			access_log off; client_body_temp_path /w/nginx/body; proxy_temp_path /w/nginx/proxy; client_max_body_size 0;
			fastcgi_temp_path /w/nginx/f; uwsgi_temp_path /w/nginx/u; scgi_temp_path /w/nginx/s;
			upstream outside { server $NET_HOST4:7080; server [$NET_HOST6]:7080; keepalive 4; }
			server { listen 80 ${1:-}; listen [::]:80 ${1:-};
				location /proxy/ { proxy_pass http://outside/; }
				location / { root /w/www; }
			}
		}
	END
}
nginx_run() { ctr -p 7081:80 -- nginx -e /w/nginx/error.log -c /w/nginx.conf & wait_port $NET_HOST4 7081
	until curl -s -m 1 -o /dev/null http://127.0.0.1:7081/page; do sleep 0.1; done; }
'

@test "nginx serves on a published port, and is a reverse proxy to servers outside" {
	need_program nginx
	ways="on off splice" both "$www$nginx"'www 10000000; nginx_conf; nginx_run
		curl -sS -m 5 http://$NET_HOST4:7081/page "http://[$NET_HOST6]:7081/page" http://127.0.0.1:7081/proxy/page
		for path in big proxy/big; do
			[ "$(curl -sS -m 20 http://$NET_HOST4:7081/$path | sum)" = "$(sum <"$work/www/big")" ] && echo whole
		done
		curl -sS -m 20 -Z --parallel-max 20 "http://$NET_HOST4:7081/proxy/page?[1-100]" 2>"$work/progress" | sort | uniq -c | tr -s " "
		cat "$work/nginx/error.log"' "a page
a page
a page
whole
whole
 100 a page"
}

@test "nginx serves with a listener for each worker (SO_REUSEPORT), and after a reload" {
	need_program nginx
	ways="on off splice" both "$www$nginx"'www 1; nginx_conf reuseport; nginx_run
		for i in 1 2; do
			curl -sS -m 20 -Z --parallel-max 10 "http://$NET_HOST4:7081/page?[1-50]" 2>"$work/progress" | sort | uniq -c | tr -s " "
			kill -HUP $(pgrep -f "nginx: master"); sleep 1
		done
		cat "$work/nginx/error.log"' " 50 a page
 50 a page"
}

@test "iperf3 serves on a published port, both ways" {
	need_program iperf3
	ways="on off splice" both 'ctr -p 7201:5201 -p 7201:5201/udp -- iperf3 -s >"$work/server" 2>&1 & wait_port $NET_HOST4 7201; sleep 0.5
		for options in "" -R "-P 4" "-u -b 20M"; do
			timeout 20 iperf3 -c $NET_HOST4 -p 7201 -t 1 -J $options >"$work/json" || cat "$work/json"
			jq -r "if (.end.sum_received // .end.sum).bytes > 1000000 then \"moved\" else .end end" "$work/json"
			sleep 0.2
		done' "moved
moved
moved
moved"
}

# Without --bind-interfaces it closes TCP connections whose local address is none of its own, and behind injection that
# is the host's: a limit, see docs/network.md.
@test "dnsmasq serves on a published port, UDP and TCP" {
	need_program dnsmasq
	local script='ctr -p 127.0.0.54:53:53/udp -p 127.0.0.54:53:53 -- dnsmasq -k -C /dev/null -u root --no-resolv --no-hosts --no-daemon \
			--address=/moss.example/192.0.2.45 --pid-file= $bind 2>"$work/dnsmasq" & wait_port 127.0.0.54 53; sleep 0.5
		peer resolve 127.0.0.54 moss.example udp; peer resolve 127.0.0.54 moss.example tcp'
	ways="on off splice" both "bind=--bind-interfaces; $script" "192.0.2.45
192.0.2.45"
	ways="off splice" both "bind=; $script" "192.0.2.45
192.0.2.45"
}

# ---- Servers ----

@test "a server that starts anew five times on a published port is found each time" {
	ways="on off splice" both 'ctr_case -p 7001:80 -- restart 80
		for i in 0 1 2 3 4; do
			for try in $(seq 100); do
				got=$(case_outside lines $NET_HOST4 7001 1)
				[[ $got != life* ]] || break
				sleep 0.02
			done
			echo "$got"
		done' "life 0
life 1
life 2
life 3
life 4"
}

@test "workers that share a published port all serve, by SO_REUSEPORT or from one listener" {
	ways="on off splice" both 'ctr_case -p 7001:80 -- workers 80; ctr_case -p 7002:80 -- prefork 80
		case_outside lines $NET_HOST4 7001 200
		case_outside lines $NET_HOST4 7002 200 | grep -qx "[0-3 ]*" && echo served' "0 1 2 3
served"
}

@test "a server on the container's loopback is not reached through a published port" {
	ways="on off splice" both 'ctr_case -p 7001:80 -- line_server 127.0.0.1 80; ctr_case -p 7002:80 -- line_server ::1 80
		for at in "$NET_HOST4 7001" "127.0.0.1 7001" "$NET_HOST6 7002" "::1 7002"; do
			got=$(case_outside lines $at 1); case $got in *reset*|*refused*|"") echo none;; *) echo "$got";; esac
		done' "none
none
none
none"
}

@test "a second server on one port is told so, published or not" {
	both 'cases in_use 80; ctr -p 7001:80 -- $python /t/lib/net-cases.py in_use 80' "ok in_use
ok in_use"
}

@test "loopback and the container's own addresses work inside, published or not" {
	ways="on off splice" both 'cases loopback; cases own_address 80
		ctr -p 7001:80 -- $python /t/lib/net-cases.py own_address 80' "ok loopback
ok own_address
ok own_address"
}

@test "the host's loopback is out of reach at every address that could mean it" {
	both 'start case_outside line_server 127.0.0.1 7001; start case_outside line_server ::1 7001
		case_outside lines 127.0.0.1 7001 1; case_outside lines ::1 7001 1
		ctr -p 7002:7002 -- $python -c "
import socket
for host in \"127.0.0.1 127.0.0.53 0.0.0.0 10.0.2.2 10.0.2.3 10.0.2.100 ::1 :: ::ffff:127.0.0.1 ::ffff:0.0.0.0 ::ffff:10.0.2.2 ::127.0.0.1 fd62:7279:6f00::2 localhost host.containers.internal\".split():
    try:
        socket.create_connection((host, 7001), 1)
        print(\"REACHED\", host)
    except OSError:
        pass
"' "127.0.0.1
::1"
}

@test "low ports are for root inside, as on a host" {
	need_subids
	ports() { bryo run --rm "$@" tiny sh -c 'timeout 1 nc -l -p 80 2>/dev/null; echo $?' 2>/dev/null; }
	HOME=$BATS_TEST_TMPDIR/home # the suite's is full of containers of a machine that is no more
	mkdir "$HOME"
	import_tiny
	for off in --network=slirp "$NET_OFF" "-p 17080:80"; do
		is "$(ports $off)" 143 "root, $off"
		is "$(ports $off -u 1000)" 1 "user 1000, $off"
	done
	remove_all
}
