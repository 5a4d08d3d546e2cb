/* SPDX-License-Identifier: Apache-2.0 */
/* The parser against pflag's rules and Podman 5.8's own sentences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/options/option.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

struct sample {
	bool interactive;
	bool tty;
	const char *name;
	const char *sort;
	struct strv env;
	struct strv publish;
	struct strv fds;
	int64_t pids;
	uint64_t shares;
	double cpus;
	char *memory;
	unsigned init;
};

#define AT(f) offsetof(struct sample, f)
static const struct cli_option options[] = {
	{ .name = "cpu-shares",
	  .letter = 'c',
	  .kind = CLI_UINT,
	  .offset = AT(shares),
	  .help = "CPU shares" },
	{ .name = "cpus", .kind = CLI_FLOAT, .offset = AT(cpus), .help = "Number of CPUs" },
	{ .name = "env",
	  .letter = 'e',
	  .kind = CLI_ARRAY,
	  .offset = AT(env),
	  .help = "Set\nenvironment" },
	{ .name = "gpus",
	  .kind = CLI_STRINGS,
	  .support = CLI_REFUSED,
	  .offset = CLI_NO_FIELD,
	  .hidden = true },
	{ .name = "rdt",
	  .kind = CLI_BOOL,
	  .support = CLI_REFUSED,
	  .offset = CLI_NO_FIELD,
	  .hidden = true },
	{ .name = "interactive",
	  .letter = 'i',
	  .kind = CLI_BOOL,
	  .offset = AT(interactive),
	  .help = "stdin" },
	{ .name = "init",
	  .kind = CLI_BOOL,
	  .store = CLI_TRISTATE,
	  .offset = AT(init),
	  .hidden = true },
	{ .name = "limit",
	  .kind = CLI_INT,
	  .store = CLI_TEXT,
	  .offset = AT(memory),
	  .hidden = true },
	{ .name = "name",
	  .kind = CLI_STRING,
	  .offset = AT(name),
	  .preset = "a\"b",
	  .help = "Name" },
	{ .name = "pids-limit",
	  .kind = CLI_INT,
	  .offset = AT(pids),
	  .preset = "7",
	  .help = "Limit" },
	{ .name = "preserve-fd", .kind = CLI_UINTS, .offset = AT(fds), .help = "Fds" },
	{ .name = "publish",
	  .letter = 'p',
	  .kind = CLI_STRINGS,
	  .aliases = "pub,port",
	  .offset = AT(publish),
	  .help = "Ports" },
	{ .name = "sort",
	  .kind = CLI_CHOICE,
	  .choices = "id,name",
	  .offset = AT(sort),
	  .help = "Sort" },
	{ .name = "systemd",
	  .kind = CLI_STRING,
	  .support = CLI_REFUSED,
	  .fine = "true,false",
	  .offset = CLI_NO_FIELD,
	  .hidden = true },
	{ .name = "tty", .letter = 't', .kind = CLI_BOOL, .offset = AT(tty), .help = "Terminal" },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

struct run {
	struct sample sample;
	struct cli_parse parse;
	struct err err;
	char text[256];
	char *argv[32];
	int r;
};

/* Splits the line at blanks ("~" stands for an empty word) and parses it. */
static void parse_line(struct run *run, const char *line, bool stop_at_first)
{
	size_t count = 0;

	*run = (struct run){
		.parse = { .groups = { &group }, .group_count = 1, .stop_at_first = stop_at_first }
	};
	run->parse.fields[0] = &run->sample;
	(void)snprintf(run->text, sizeof(run->text), "%s", line);
	for (char *word = strtok(run->text, " "); word; word = strtok(NULL, " ")) {
		if (*word == '~')
			*word = '\0';
		run->argv[count++] = word;
	}
	run->r = cli_parse(&run->parse, run->argv, count, &run->err);
}

static void values_reach_their_fields(void **state)
{
	struct run run;

	(void)state;
	parse_line(&run,
		   "-it --name=x a -eA=1 -e B=2,3 -e=C --publish 1:2,3:4 -p ~ b --cpus 1.5 -c=0x10 "
		   "--pids-limit -1",
		   false);
	assert_int_equal(run.r, 0);
	assert_true(run.sample.interactive && run.sample.tty);
	assert_string_equal(run.sample.name, "x");
	assert_int_equal(run.sample.env.count, 3);
	assert_string_equal(run.sample.env.v[1], "B=2,3");
	assert_string_equal(run.sample.env.v[2], "C");
	assert_int_equal(run.sample.publish.count, 2);
	assert_string_equal(run.sample.publish.v[1], "3:4");
	assert_true(run.sample.cpus > 1.49 && run.sample.cpus < 1.51);
	assert_int_equal(run.sample.shares, 16);
	assert_int_equal(run.sample.pids, -1);
	assert_int_equal(run.parse.arg_count, 2);
	assert_string_equal(run.parse.args[1], "b");
	assert_true(cli_was_set(&run.parse, &run.sample.name));
	assert_false(cli_was_set(&run.parse, &run.sample.sort));
	cli_parse_done(&run.parse);
}

static void the_first_positional_ends_options_where_asked(void **state)
{
	struct run run;

	(void)state;
	parse_line(&run, "-i image -t --bogus", true);
	assert_int_equal(run.r, 0);
	assert_false(run.sample.tty);
	assert_int_equal(run.parse.arg_count, 3);
	parse_line(&run, "a -- -t --", false);
	assert_int_equal(run.r, 0);
	assert_int_equal(run.parse.arg_count, 3);
	assert_int_equal(run.parse.dash, 1);
	assert_string_equal(run.parse.args[1], "-t");
	parse_line(&run, "- ~", false);
	assert_int_equal(run.parse.arg_count, 2);
}

static void booleans_take_a_value_only_behind_an_equals_sign(void **state)
{
	struct run run;

	(void)state;
	parse_line(&run, "-t -t=false --interactive=T false", false);
	assert_int_equal(run.r, 0);
	assert_false(run.sample.tty);
	assert_true(run.sample.interactive);
	assert_int_equal(run.parse.arg_count, 1);
}

static void texts_and_tristates_are_kept_as_typed(void **state)
{
	struct run run;

	(void)state;
	parse_line(&run, "--limit 0x10 --limit=12", false);
	assert_int_equal(run.r, 0);
	assert_string_equal(run.sample.memory, "12");
	assert_int_equal(run.sample.init, 0);
	cli_parse_done(&run.parse);
	assert_null(run.sample.memory);
	parse_line(&run, "--limit=1k", false);
	assert_int_equal(run.r, -EINVAL);
	assert_null(run.sample.memory);
	parse_line(&run, "--init=false", false);
	assert_int_equal(run.sample.init, 1);
	parse_line(&run, "--init", false);
	assert_int_equal(run.sample.init, 2);
}

static void errors_are_podmans(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "--bogus=1", "unknown flag: --bogus" },
		{ "-y", "unknown shorthand flag: 'y' in -y" },
		{ "-iyz", "unknown shorthand flag: 'y' in -yz" },
		{ "--name", "flag needs an argument: --name" },
		{ "-e", "flag needs an argument: 'e' in -e" },
		{ "--=foo", "bad flag syntax: --=foo" },
		{ "---foo", "bad flag syntax: ---foo" },
		{ "-=foo", "unknown shorthand flag: '=' in -=foo" },
		{ "--tty=foo", "invalid argument \"foo\" for \"-t, --tty\" flag: "
			       "strconv.ParseBool: parsing \"foo\": invalid syntax" },
		{ "--cpus=abc", "invalid argument \"abc\" for \"--cpus\" flag: strconv.ParseFloat: "
				"parsing \"abc\": invalid syntax" },
		{ "-c=-1", "invalid argument \"-1\" for \"-c, --cpu-shares\" flag: "
			   "strconv.ParseUint: parsing \"-1\": invalid syntax" },
		{ "-c 99999999999999999999",
		  "invalid argument \"99999999999999999999\" for \"-c, --cpu-shares\" flag: "
		  "strconv.ParseUint: parsing \"99999999999999999999\": value out of range" },
		{ "--pids-limit=zz", "invalid argument \"zz\" for \"--pids-limit\" flag: "
				     "strconv.ParseInt: parsing \"zz\": invalid syntax" },
		{ "--pids-limit ~", "invalid argument \"\" for \"--pids-limit\" flag: "
				    "strconv.ParseInt: parsing \"\": invalid syntax" },
		{ "--sort foo", "invalid argument \"foo\" for \"--sort\" flag: \"foo\" is not a "
				"valid value.  Choose from: \"id, name\"" },
		{ "--help=foo", "invalid argument \"foo\" for \"--help\" flag: strconv.ParseBool: "
				"parsing \"foo\": invalid syntax" },
		{ "--preserve-fd 1,x", "invalid argument \"1,x\" for \"--preserve-fd\" flag: "
				       "strconv.ParseUint: parsing \"x\": invalid syntax" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run run;

		parse_line(&run, cases[i].line, false);
		assert_int_equal(run.r, -EINVAL);
		assert_string_equal(run.err.text, cases[i].text);
		assert_int_equal(err_exit_status(&run.err), 125);
		cli_parse_done(&run.parse);
	}
}

static void help_and_refused_flags_are_reported(void **state)
{
	struct run run;

	(void)state;
	parse_line(&run, "a --help --bogus", false);
	assert_int_equal(run.r, 0);
	assert_true(run.parse.want_help);
	parse_line(&run, "-ih", false);
	assert_true(run.parse.want_help);
	parse_line(&run, "--gpus all --port 80", false);
	assert_int_equal(run.r, 0);
	assert_string_equal(run.parse.refused->name, "gpus");
	assert_int_equal(run.sample.publish.count, 1);
	cli_parse_done(&run.parse);
	parse_line(&run, "--systemd=false --systemd true", false);
	assert_null(run.parse.refused);
	parse_line(&run, "--systemd=always", false);
	assert_non_null(run.parse.refused);
	parse_line(&run, "--rdt=false", false);
	assert_null(run.parse.refused);
	parse_line(&run, "--rdt", false);
	assert_string_equal(run.parse.refused->name, "rdt");
}

static void csv_and_quotes_follow_go(void **state)
{
	struct strv list auto_done(strv) = STRV_INIT;
	struct buf out auto_done(buf) = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(cli_csv("a,\"b,\"\"c\",,d", &list, &err), 0);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.v[1], "b,\"c");
	assert_string_equal(list.v[2], "");
	assert_int_equal(cli_csv("a\"b", &list, &err), -EINVAL);
	assert_int_equal(cli_csv("\"a", &list, &err), -EINVAL);
	(void)cli_quote(&out, "a\"\\\n\x01");
	assert_string_equal(out.data, "\"a\\\"\\\\\\n\\x01\"");
}

static void usage_is_laid_out_as_pflag_does(void **state)
{
	static const char expected[] = "  -c, --cpu-shares uint     CPU shares\n"
				       "      --cpus float          Number of CPUs\n"
				       "  -e, --env stringArray     Set\n"
				       "                            environment\n"
				       "  -i, --interactive         stdin\n"
				       "      --name string         Name (default \"a\\\"b\")\n"
				       "      --pids-limit int      Limit (default 7)\n"
				       "      --preserve-fd uints   Fds\n"
				       "  -p, --publish strings     Ports\n"
				       "      --sort choice         Sort\n"
				       "  -t, --tty                 Terminal\n";
	struct buf out auto_done(buf) = BUF_INIT;

	(void)state;
	(void)cli_usage(&out, groups, 1);
	assert_string_equal(out.data, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_reach_their_fields),
		cmocka_unit_test(the_first_positional_ends_options_where_asked),
		cmocka_unit_test(booleans_take_a_value_only_behind_an_equals_sign),
		cmocka_unit_test(texts_and_tristates_are_kept_as_typed),
		cmocka_unit_test(errors_are_podmans),
		cmocka_unit_test(help_and_refused_flags_are_reported),
		cmocka_unit_test(csv_and_quotes_follow_go),
		cmocka_unit_test(usage_is_laid_out_as_pflag_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
