# SPDX-License-Identifier: Apache-2.0
# Socket injection on Debian 13 (Linux 6.12 has Landlock for TCP) with enforcing SELinux.
load ../lib/bryo

setup_file() { cd "$HOME"; bryo image exists tiny || import_tiny; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

host() { ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }'; }
server() {	# NAME ADDRESS PORT LINE: says a line to whoever comes and notes it in its log
	bryo run -d --name "$1" --network=host tiny sh -c "while :; do echo $4 | nc -l -p $3 -s $2; echo came; done" >/dev/null
}

@test "TCP goes out, comes in, and stays inside with Landlock and SELinux" {
	server open "$(host)" 8080 hello
	bryo run -d --name c -p 8081:80 tiny httpd -f -h /etc >/dev/null
	is "$(bryo inspect -f '{{.NetworkSettings.TcpInjection}}' c)" landlock
	wait_for 20 curl -sf -o /dev/null http://127.0.0.1:8081/passwd
	like "$(bryo exec c wget -q -O - http://127.0.0.1:80/passwd)" '^root:'
	is "$(bryo exec c nc "$(host)" 8080)" hello
	bryo exec -d c httpd -f -p 127.0.0.1:8082 -h /etc
	wait_for 10 bryo exec c wget -q -O /dev/null http://127.0.0.1:8082/passwd
}

@test "a hostile program reaches nothing on the host's loopback" {
	server open "$(host)" 8080 hello
	server trap 127.0.0.1 7001 reached
	wait_for 20 sh -c "curl -s --max-time 2 --http0.9 http://127.0.0.1:7001/ | grep -q reached"
	before=$(bryo logs trap 2>&1 | grep -c came)
	[ "$before" -gt 0 ]
	run_bryo run --rm -v "$BRYO_WORK/inject-hostile:/hostile:ro,z" tiny /hostile "$(host)" 8080 127.0.0.1 7001 5
	like "$output" "injected"
	is "$(bryo logs trap 2>&1 | grep -c came)" "$before" "what came to the trap"
}
