#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# make check-sanitizers: bryo-overlay built with AddressSanitizer (and UndefinedBehaviorSanitizer,
# LeakSanitizer) and with ThreadSanitizer, under the work of tests/rootless/overlay.bats in which
# memory, threads and locks meet. Whatever a daemon says fails the test, and so does an end other than 0.
load ../lib/bryo
load ../lib/overlay

setup_file() { fresh_home; }
teardown_file() { remove_all; }

# sanitized FLAVOR: as inside, with daemons of that build. They stay in the foreground: one that goes
# to the background has lost its standard error before it can report anything.
sanitized() {
	export OVERLAY=$BRYO_WORK/sanitized/$1/bryo-overlay
	{ cat <<-'EOF'; cat; } | inside
		export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
		export TSAN_OPTIONS=second_deadlock_stack=1:history_size=4
		trap '[ ! -s report ] || { echo "the daemon said:"; cat report; }' EXIT
		lay() {
			mkdir -p up work m
			"$OVERLAY" -f -o "lowerdir=$1,upperdir=up,workdir=$PWD/work${2:+,$2}" m >>report 2>&1 3>&- & daemon=$!
			until mountpoint -q m; do kill -0 $daemon; sleep 0.05; done
		}
		down() { umount m; wait $daemon; [ ! -s report ]; }
	EOF
}

# Else all others would be worth nothing.
seen='mkdir l; lay l; ls m; kill -SEGV $daemon; ! wait $daemon; grep -q Sanitizer: report; grep -q serve_next report; : >report'
random='lay l1:l2:l3; cp -a m/. ref
	for seed in 1 2 3 4 5; do "$MODEL" m ref $seed 4000; done
	down; lay l1:l2:l3 nowriteback,threads=5; "$MODEL" m ref $RANDOM 4000; down'
users='lay l1:l2:l3; cp -a m/. ref; for seed in 1 2 3; do "$MODEL" m ref $seed 4000 -u 3; done; down'
four='for t in 1 2 3 4; do for d in a dir; do mkdir -p l/t$t-$d/sub; for f in c d file; do echo $t $f >l/t$t-$d/$f; done; done; done
	lay l; cp -a m/. ref
	for t in 1 2 3 4; do "$MODEL" m ref $t 4000 -t $t >$t.log & pids="${pids-} $!"; done
	for p in $pids; do wait $p || { cat ?.log; exit 1; }; done
	down'
churn='mkdir l; for i in $(seq 0 499); do : >l/stays-$i; done; : >l/f
	lay l; "$CALLS" churn m 500 & churn=$!; "$CALLS" writers m/f 8; wait $churn
	is "$(wc -l <m/f)" 4000; down'
all='xattr_permissions=2,size=1g,inodes=100000,redirect_dir=on'
options="lay l1:l2:l3 $all"'; cp -a m/. ref; for seed in 1 2 3; do "$MODEL" m ref $seed 4000 -u 3; done; down'
four_options=${four/lay l;/lay l $all;}
# Four names of each file, written by four at once: one of them copies it up, under all names.
links='mkdir -p l/x l/y; for i in $(seq 50); do echo $i >l/$i; ln l/$i l/x/$i; ln l/$i l/y/$i; ln l/$i l/x/also-$i; done
	lay l
	for d in m m/x m/y m/x/also-; do (case $d in *-) ;; *) d=$d/ ;; esac; for i in $(seq 50); do echo $d >>$d$i; done) & pids="${pids-} $!"; done
	for p in $pids; do wait $p; done
	for i in $(seq 50); do is "$(wc -l <m/x/$i)" 5; is "$(stat -c %h m/y/$i)" 4; done
	find m -type f -newer l -exec setfattr -n user.a -v b {} +; rm -r m/x; mv m/y m/z 2>/dev/null; down'

@test "asan: what a daemon reports is seen" { sanitized asan <<<"$seen"; }
@test "asan: random operations" { sanitized asan <<<"$layers$random"; }
@test "asan: random operations by three users" { sanitized asan <<<"$layers$users"; }
@test "asan: random operations by four at once" { sanitized asan <<<"$four"; }
@test "asan: random operations with owners, a quota and redirects" { sanitized asan <<<"$layers$options"; }
@test "asan: the same by four at once" { sanitized asan <<<"$four_options"; }
@test "asan: listings beside changes, and eight writers" { sanitized asan <<<"$churn"; }
@test "asan: hard links copied up by all their names at once" { sanitized asan <<<"$links"; }

@test "tsan: what a daemon reports is seen" { sanitized tsan <<<"$seen"; }
@test "tsan: random operations" { sanitized tsan <<<"$layers$random"; }
@test "tsan: random operations by three users" { sanitized tsan <<<"$layers$users"; }
@test "tsan: random operations by four at once" { sanitized tsan <<<"$four"; }
@test "tsan: random operations with owners, a quota and redirects" { sanitized tsan <<<"$layers$options"; }
@test "tsan: the same by four at once" { sanitized tsan <<<"$four_options"; }
@test "tsan: listings beside changes, and eight writers" { sanitized tsan <<<"$churn"; }
@test "tsan: hard links copied up by all their names at once" { sanitized tsan <<<"$links"; }
