# SPDX-License-Identifier: Apache-2.0
# On a host where SELinux enforces a policy that knows containers: each is confined, and what it is
# given carries its label.
load ../lib/bryo

setup_file() { cd "$HOME"; bryo image exists tiny || import_tiny; }
setup() { cd "$(mktemp -d -p "$HOME")"; }
teardown() { bryo rm -af -t 0 >/dev/null 2>&1 || true; }

label_of() { stat -c %C "$1"; }

@test "the machine is what these tests are for: SELinux enforces" {
	is "$(cat /sys/fs/selinux/enforce)" 1
	like "$(tr -d '\0' </proc/self/attr/current)" ':unconfined_t:'
}

@test "each container has a domain and categories of its own, and its output arrives" {
	run_bryo run --rm tiny cat /proc/self/attr/current
	like "$output" '^system_u:system_r:container_t:s0:c[0-9]+,c[0-9]+'
	one=$output
	run_bryo run --rm -t tiny cat /proc/self/attr/current
	like "$output" ':container_t:s0:c'
	isnt "${output%%[[:cntrl:]]*}" "${one%%[[:cntrl:]]*}"
	bryo run -d --name c tiny sleep 100
	run_bryo inspect -f '{{.ProcessLabel}} {{.MountLabel}}' c
	like "$output" '^system_u:system_r:container_t:(s0:c[0-9]+,c[0-9]+) system_u:object_r:container_file_t:s0:c'
	like "$(tr -d '\0' <"/proc/$(bryo inspect -f '{{.State.Pid}}' c)/attr/current")" "^${output%% *}$"
	run_bryo exec c cat /proc/self/attr/current
	like "$output" ':container_t:s0:c'
	echo in | bryo exec -i c sh -c 'cat >/f'
	run_bryo exec c cat /f /etc/hosts
	is "${lines[0]}" in
}

@test "what belongs to the user stays the user's, --privileged is not confined" {
	mkdir mine; echo secret >mine/f
	run bryo run --rm -v ./mine:/m tiny cat /m/f
	isnt "$status" 0
	unlike "$output" secret
	run_bryo run --rm --privileged -v ./mine:/m tiny cat /m/f
	is "$output" secret
	run_bryo run --rm --security-opt label=disable -v ./mine:/m tiny cat /m/f /proc/self/attr/current
	is "${lines[0]}" secret
	like "${lines[1]}" ':unconfined_t:'
}

@test "z shares, Z keeps to one container; symlinks are not followed" {
	mkdir z Z; echo z >z/f; echo Z >Z/f; ln -s /etc/hostname z/link
	before=$(label_of /etc/hostname)
	bryo run -d --name one -v ./z:/z:z -v ./Z:/Z:Z tiny sleep 100
	run_bryo exec one cat /z/f /Z/f
	is "$output" "$(printf 'z\nZ')"
	like "$(label_of z/f)" ':container_file_t:s0$'
	is "$(label_of Z/f)" "$(bryo inspect -f '{{.MountLabel}}' one)"
	is "$(label_of /etc/hostname)" "$before"
	run_bryo run --rm -v ./z:/z tiny cat /z/f
	is "$output" z
	run bryo run --rm -v ./Z:/Z tiny cat /Z/f
	isnt "$status" 0
	refused "SELinux relabeling of /usr is not allowed" -- run --rm -v /usr:/u:z tiny true
	refused "SELinux relabeling of $HOME is not allowed" -- run --rm -v "$HOME:/u:Z" tiny true
}

@test "volumes and tmpfs can be written; a volume is shared" {
	run_bryo run --rm -v vol:/v --tmpfs /t tiny sh -c 'echo v >/v/f; echo t >/t/f; cat /v/f /t/f; echo s >/dev/shm/f && echo shm'
	is "$output" "$(printf 'v\nt\nshm')"
	like "$(label_of "$(bryo volume inspect -f '{{.Mountpoint}}' vol)")" ':container_file_t:s0$'
	bryo volume rm vol
}

@test "--security-opt label: level, type, and what the policy does not know" {
	run_bryo run --rm --security-opt label=level:s0:c1,c2 tiny cat /proc/self/attr/current
	like "$output" ':container_t:s0:c1,c2'
	refused 'does not know system_u:system_r:nonsense_t:' -- run --rm --security-opt label=type:nonsense_t tiny true
	bryo run -d --name c tiny sleep 100
	run_bryo run --rm --pid container:c tiny cat /proc/self/attr/current
	like "$output" "^$(bryo inspect -f '{{.ProcessLabel}}' c)"
	run_bryo run --rm --pid host tiny cat /proc/self/attr/current
	like "$output" ':unconfined_t:'
}
