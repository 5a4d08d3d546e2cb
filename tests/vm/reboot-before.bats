# SPDX-License-Identifier: Apache-2.0
# What a reboot must not lose: made here, found by reboot-after.bats once the machine is up again.
load ../lib/bryo

setup_file() { cd "$HOME"; bryo image exists tiny || import_tiny; }

@test "before the reboot: containers that run, that ended, that were never started; a volume; a tag" {
	bryo tag tiny kept:1
	bryo volume create keptvol
	bryo run --rm -v keptvol:/v tiny sh -c 'echo volume >/v/f'
	bryo create --name never tiny cat /data/one
	bryo run --name ended tiny sh -c 'echo layer >/f; exit 3' || true
	bryo run -d --name runs -p 8090:80 tiny sh -c 'echo x >>/starts; sleep 1000'
	wait_for 10 running runs
	bryo run -d --rm --name goes tiny sleep 1000
	bryo run -d --name always --restart=always tiny sleep 1000
	sync
	cat /proc/sys/kernel/random/boot_id >"$HOME/boot-before"
}
