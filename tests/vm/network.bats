# SPDX-License-Identifier: Apache-2.0
# The rootless network on a plain Debian 12: Linux 6.1 has no Landlock for TCP, no peek offset of TCP sockets and no
# segmentation of UDP for tap devices, so the translator goes its older ways.
load ../lib/bryo

setup_file() { cd "$HOME"; bryo image exists tiny || import_tiny; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

host() { ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }'; }
# A web server on this machine itself, with a file of so many megabytes.
serve() {
	bryo run -d --name server --network=host tiny sh -c "dd if=/dev/urandom of=/file bs=1M count=$1 2>/dev/null; md5sum </file >/sum; httpd -f -p 8070 -h /" >/dev/null
	wait_for 60 curl -sf -o /dev/null http://127.0.0.1:8070/sum
	is "$(curl -s http://127.0.0.1:8070/file | wc -c)" $(($1 << 20))
}

@test "TCP is not injected without Landlock, and doctor says why" {
	bryo run -d --name c tiny sleep 100
	is "$(bryo inspect -f '{{.NetworkSettings.TcpInjection}}' c)" off
	run_bryo doctor
	like "$output" 'limited +socket injection: .*Landlock'
}

@test "large transfers come through whole, both ways, by the translator" {
	serve 100
	for mtu in 1500 65520; do
		is "$(bryo run --rm --network=slirp:mtu=$mtu tiny sh -c "wget -q -O - http://$(host):8070/file | md5sum")" \
			"$(curl -s http://127.0.0.1:8070/sum)" "the sum of what was read at MTU $mtu"
	done
	bryo run -d --name web -p 8071:80 tiny sh -c 'dd if=/dev/urandom of=/file bs=1M count=100 2>/dev/null; md5sum </file >/sum; httpd -f -h /' >/dev/null
	wait_for 20 curl -sf -o /dev/null http://127.0.0.1:8071/sum
	is "$(curl -s "http://$(host):8071/file" | md5sum)" "$(curl -s http://127.0.0.1:8071/sum)"
}

@test "fast=on injects where the user wants it, and says what that opens" {
	serve 1
	run_bryo run --rm --network=slirp:fast=on tiny sh -c "wget -q -O - http://$(host):8070/file | md5sum"
	is "$output" "$(curl -s http://127.0.0.1:8070/sum)"
	like "$stderr" "fast=on without Landlock"
}

@test "published ports show the client's address" {
	bryo run -d --name web -p 8072:80 tiny sh -c 'mkdir /cgi-bin; printf "#!/bin/sh\necho; echo \$REMOTE_ADDR\n" >/cgi-bin/who; chmod 755 /cgi-bin/who; httpd -f -h /' >/dev/null
	wait_for 20 curl -sf -o /dev/null http://127.0.0.1:8072/cgi-bin/who
	has "$(curl -s "http://$(host):8072/cgi-bin/who")" "$(host)"
}
