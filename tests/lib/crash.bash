# SPDX-License-Identifier: Apache-2.0
# For the suites of bad days: kill each process of a command at its n-th system call, and look
# what is left. Loaded after bryo.bash.
#
#   BRYO_KILL_STEP=1         every n, which takes hours; without it a sample of about
#   BRYO_KILL_SAMPLE=12      so many per process
#   BRYO_KILL_ONLY="K N"     this call of this process alone, to see a finding again

# A store and a run folder of the suite's own, so that its dead holders are nobody else's.
own_store() {
	export BATS_TEST_TIMEOUT=300
	# One process more to kill, which makes many calls.
	[ "${STORAGE_DRIVER:-}" != fuse-overlay ] || BATS_TEST_TIMEOUT=900
	[ -z "${BRYO_KILL_STEP:-}" ] || BATS_TEST_TIMEOUT=18000
	fresh_home
	STORE=$HOME/store
	# Socket paths are short (unix(7)): the run folder is not deep in the suite's folder.
	RUNROOT=$(mktemp -d "$BRYO_WORK/tmp/run.XXXX")
	export STORE RUNROOT BRYO_FLAGS="--root $STORE --runroot $RUNROOT"
	# Layers are kept as files of subordinate ids: warm up, so that the holder exists.
	import_tiny
	bryo run --rm tiny true
	run_entries >"$HOME/run.before"
}

drop_store() {
	remove_all
	rm -rf "$RUNROOT"
}

# What the store holds, by name of folder: two levels, without caches and locks.
store_entries() { (cd "$STORE" && find . -mindepth 2 -maxdepth 2 ! -name '*.lock' ! -path './cache/*' | sort); }
run_entries() { (cd "$RUNROOT" && find . | sort); }

# same_entries CALL BEFORE: CALL prints what the file BEFORE says.
same_entries() { "$1" >"$HOME/now" && diff "$2" "$HOME/now" >"$HOME/differ"; }

# store_is BEFORE: the store holds again what the file BEFORE says, and the run folder what it held at
# first. Not at once: whoever ends a container deletes its files after it has told the exit status, and a
# process that was killed half-way leaves them in tmp/ or trash/ to the next command that writes.
store_is() {
	bryo create --name sweeper tiny true >/dev/null && bryo rm sweeper >/dev/null ||
		complain "a container cannot be made and removed" || return 1
	wait_for 5 same_entries store_entries "$1" || complain "the store differs: $(cat "$HOME/differ")" || return 1
	wait_for 5 same_entries run_entries "${2:-$HOME/run.before}" ||
		complain "the run folder differs: $(cat "$HOME/differ")"
}

# Of our programs only holders stay, and what belongs to the running containers that are meant to be there.
no_helpers() { [ -z "$(processes '^[0-9]+ bryo-(net|image|monitor|init)')" ]; }
helpers_gone() { wait_for 5 no_helpers || complain "still there: $(processes '^[0-9]+ bryo-')"; }

# sample K CALLS: which n are tried for the K-th process, which makes so many calls.
sample() {
	local calls=$2 step=${BRYO_KILL_STEP:-} want=${BRYO_KILL_SAMPLE:-12}
	if [ -n "${BRYO_KILL_ONLY:-}" ]; then
		[ "${BRYO_KILL_ONLY% *}" != "$1" ] || echo "${BRYO_KILL_ONLY#* }"
		return
	fi
	# With few calls the two below meet: each n once.
	sample_of "$calls" "$step" "$want" | sort -nu
}
sample_of() {
	local calls=$1 step=$2 want=$3
	[ -n "$step" ] || step=$(((calls + want - 1) / want))
	[ "$step" -gt 0 ] || step=1
	# The first calls differ most from each other; then every step-th, at a changing offset.
	seq 1 2
	seq $((3 + calls % step)) "$step" "$calls"
}

# kill_everywhere CHECK [PREPARE] -- COMMAND...: for each process of COMMAND and each n of its sample
# runs PREPARE, then COMMAND with the kill, then CHECK. COMMAND itself may fail then; CHECK may not.
kill_everywhere() {
	local check=$1 prepare=: k name calls n tried=0 found=0
	shift
	[ "$1" = -- ] || { prepare=$1; shift; }
	shift
	[ -x "$KILLAT" ] || skip "no C compiler: killat was not built"
	$prepare
	"$KILLAT" -l -w 1000 -o processes.list -- "$@" >/dev/null 2>killat.err </dev/null ||
		complain "without a kill: $(cat killat.err)" || return 1
	$check || complain "without a kill" || return 1
	while read -r k name calls <&7; do
		for n in $(sample "$k" "$calls"); do
			$prepare
			tried=$((tried + 1))
			kill_once "$check" "$k" "$n" "$@" || found=$((found + 1))
			# One finding is often followed by its like: some are enough to see what they share.
			[ $found -lt 5 ] || break 2
		done
	done 7<processes.list
	echo "# $tried kills in $(wc -l <processes.list) processes"
	[ "$found" = 0 ] && [ "$tried" -gt 0 ]
}

kill_once() {
	local check=$1 k=$2 n=$3 code=0
	shift 3
	"$KILLAT" -c "$k" -n "$n" -t 20 -o report -- "$@" >out.log 2>&1 </dev/null || code=$?
	[ $code != 124 ] || complain "stuck after: $(cat report) (process $k, call $n): $(cat out.log)" || return 1
	$check || complain "after: $(cat report) (of process $k, call $n): exit status $code: $(cat out.log)"
}
