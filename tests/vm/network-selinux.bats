# SPDX-License-Identifier: Apache-2.0
# Socket injection on Debian 13 (Linux 6.12 has Landlock for TCP) with enforcing SELinux.
load ../lib/bryo

setup_file() { cd "$HOME"; bryo image exists tiny || import_tiny; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

host() { ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }'; }
server() {	# NAME ADDRESS PORT
	bryo run -d --name "$1" --network=host tiny httpd -f -p "$2:$3" -h /etc >/dev/null
	wait_for 20 curl -sf -o /dev/null "http://$2:$3/passwd"
}

@test "TCP goes out, comes in, and stays inside with Landlock and SELinux" {
	server open "$(host)" 8080
	bryo run -d --name c -p 8081:80 tiny httpd -f -h /etc >/dev/null
	is "$(bryo inspect -f '{{.NetworkSettings.TcpInjection}}' c)" landlock
	wait_for 20 curl -sf -o /dev/null http://127.0.0.1:8081/passwd
	like "$(bryo exec c wget -q -O - http://127.0.0.1:80/passwd)" '^root:'
	like "$(bryo exec c wget -q -O - "http://$(host):8080/passwd")" '^root:'
	bryo exec -d c httpd -f -p 127.0.0.1:8082 -h /etc
	wait_for 10 bryo exec c wget -q -O /dev/null http://127.0.0.1:8082/passwd
}

@test "a hostile program reaches nothing on the host's loopback" {
	server open "$(host)" 8080
	perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 7001, Listen => 50);
		while ($c = $s->accept) { print "came\n"; close $c }' >trap 3>&- &
	perl=$!
	wait_for 20 sh -c 'curl -s --max-time 2 http://127.0.0.1:7001/; grep -q came trap'
	before=$(grep -c came trap)
	cp "$BRYO_WORK/inject-hostile" . && run_bryo run --rm -v "$PWD/inject-hostile:/hostile:ro,z" tiny /hostile "$(host)" 8080 127.0.0.1 7001 5
	like "$output" "injected"
	is "$(grep -c came trap)" "$before" "what came to the trap"
	kill "$perl"
}
