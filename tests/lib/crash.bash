# SPDX-License-Identifier: Apache-2.0
# For the suites of bad days: kill each process of a command at its n-th system call, and look
# what is left. Loaded after bryo.bash.
#
#   BRYO_KILL_STEP=1   every n; without it a sample of about BRYO_KILL_SAMPLE (12) per process

# A store and a run folder of the suite's own, so that its dead holders are nobody else's.
own_store() {
	export BATS_TEST_TIMEOUT=300
	[ -z "${BRYO_KILL_STEP:-}" ] || BATS_TEST_TIMEOUT=18000
	fresh_home
	STORE=$HOME/store
	# Socket paths are short (unix(7)): the run folder is not deep in the suite's folder.
	RUNROOT=$(mktemp -d "$BRYO_WORK/tmp/run.XXXX")
	export STORE RUNROOT BRYO_FLAGS="--root $STORE --runroot $RUNROOT"
	# Layers are kept as files of subordinate ids: warm up, so that the holder exists.
	import_tiny
	bryo run --rm tiny true
}

drop_store() {
	remove_all
	rm -rf "$RUNROOT"
}

# What the store holds, by name of folder: two levels, without caches and locks.
# What is set aside in trash/ is nobody's: the next command that writes deletes it.
store_entries() { (cd "$STORE" && find . -mindepth 2 -maxdepth 2 ! -name '*.lock' ! -path './cache/*' ! -path './trash/*' | sort); }

# sample CALLS: which n are tried for a process that makes so many calls.
sample() {
	local calls=$1 step=${BRYO_KILL_STEP:-} want=${BRYO_KILL_SAMPLE:-12}
	[ -n "$step" ] || step=$(((calls + want - 1) / want))
	[ "$step" -gt 0 ] || step=1
	# The first calls differ most from each other; then every step-th, at a changing offset.
	seq 1 2
	seq $((3 + calls % step)) "$step" "$calls"
}

# kill_everywhere CHECK [PREPARE] -- COMMAND...: for each process of COMMAND and each n of its sample
# runs PREPARE, then COMMAND with the kill, then CHECK. COMMAND itself may fail then; CHECK may not.
kill_everywhere() {
	local check=$1 prepare=: k name calls n tried=0
	shift
	[ "$1" = -- ] || { prepare=$1; shift; }
	shift
	[ -x "$KILLAT" ] || skip "no C compiler: killat was not built"
	$prepare
	"$KILLAT" -l -w 1000 -o processes.list -- "$@" >/dev/null 2>killat.err </dev/null ||
		complain "without a kill: $(cat killat.err)" || return 1
	$check || complain "without a kill" || return 1
	while read -r k name calls <&7; do
		for n in $(sample "$calls"); do
			$prepare
			"$KILLAT" -c "$k" -n "$n" -t 20 -o report -- "$@" >out.log 2>&1 </dev/null && code=0 || code=$?
			[ $code != 124 ] || complain "stuck after: $(cat report) (process $k, call $n): $(cat out.log)" || return 1
			tried=$((tried + 1))
			$check || complain "after: $(cat report) (of process $k, call $n): exit status $code: $(cat out.log)" || return 1
		done
	done 7<processes.list
	echo "# $tried kills in $(wc -l <processes.list) processes"
	[ "$tried" -gt 3 ]
}
