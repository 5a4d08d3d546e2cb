# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, completion, manual pages, what it says to words it does not know.
load ../lib/bryo

setup_file() { fresh_home; import_tiny; }
teardown_file() { remove_all; }

@test "help: the same by --help, -h and help, on standard output" {
	run_bryo ps --help
	local help=$output
	like "${lines[0]}" '^List containers$'
	has "$output" '  -a, --all  '
	run_bryo ps -h
	is "$output" "$help"
	run_bryo help ps
	is "$output" "$help"
	run_bryo container ps --help
	has "$output" 'bryo container ps [options]'
	run_bryo run --help
	has "$output" '  -h, --hostname string'
}

@test "a family without a command shows its help and says what is missing" {
	run_bryo 125 volume
	has "$output" 'Available Commands:'
	is "$stderr" "Error: missing command 'bryo volume COMMAND'"
}

@test "global options stand before the command, among its own, and below a family" {
	local root=$BATS_TEST_TMPDIR/elsewhere
	run_bryo --root "$root" images -q
	is "$output" ""
	run_bryo images --root "$root" -q
	is "$output" ""
	run_bryo image --root "$root" ls -q
	is "$output" ""
	run_bryo --out "$BATS_TEST_TMPDIR/out" --version
	run_bryo --out "$BATS_TEST_TMPDIR/out" images -q
	is "$output" ""
	[ -s "$BATS_TEST_TMPDIR/out" ]
}

@test "every command has a manual page that man(1) reads without complaint" {
	command -v man >/dev/null || skip "needs man-db"
	bryo __man --list | while read -r c; do
		# shellcheck disable=SC2086
		bryo __man $c >page.1
		complaints=$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z ./page.1 2>&1 >/dev/null)
		is "$complaints" ""
	done
}

@test "completion: bash offers commands, options, values and names of what exists" {
	bryo create --name finch tiny true >/dev/null
	ln -sf "$BRYO" bryo
	run bash -c '
		PATH=$PWD:$PATH
		source <(bryo completion bash)
		offer() {
			COMP_LINE=$1 COMP_POINT=${#1}
			__bryo_complete
			printf "%s\n" "${COMPREPLY[@]}"
		}
		offer "bryo unp"; offer "bryo ps --so"; offer "bryo ps --sort=na"; offer "bryo run --pull n"
		[ -n "$BRYO_FLAGS" ] || { offer "bryo start fi"; offer "bryo run localhost/ti"; offer "bryo run localhost/tiny:l"; }'
	is "$status" 0
	local wanted="unpause --sort= names never newer"
	[ -n "${BRYO_FLAGS:-}" ] || wanted+=" finch localhost/tiny:latest latest"
	is "${lines[*]}" "$wanted"
	run_bryo rm finch
	for shell in zsh fish; do run_bryo completion $shell; has "$output" __complete; done
	refused ksh -- completion ksh
}

@test "templates: errors name the place, lists may be empty" {
	bryo create --name wren -l song=short tiny true >/dev/null
	run_bryo ps -a --format '{{range $i, $n := split "a:b" ":"}}{{$i}}{{$n}}{{end}} {{index .Labels "song" | upper}} {{if eq .State "created"}}new{{end}}'
	is "$output" "0a1b SHORT new"
	refused "can't evaluate field Nope" -- inspect -f '{{.Nope}}' wren
	refused 'function "nope" not defined' -- ps --format '{{nope}}'
	refused 'unexpected EOF' -- ps --format '{{if .ID}}'
	run_bryo rm wren
	run_bryo ps -a --filter name=wren --format '{{.Nope}}'
	is "$output" ""
}

@test "doctor: findings by layer, as text and as JSON" {
	run bryo doctor
	[ "$status" -le 1 ]
	like "$output" 'ok +data folder'
	run bryo doctor --format json
	jq -e 'length > 3 and all(.layer and .what and (.state | IN("ok", "limited", "missing")))' <<<"$output"
}
