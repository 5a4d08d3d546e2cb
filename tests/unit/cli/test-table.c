/* SPDX-License-Identifier: Apache-2.0 */
/* The command table and every option table: what their readers take for granted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/dispatch.h"
#include "cli/launch.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

static void entries_are_sorted_and_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_table_count; i++) {
		const struct cli_entry *e = &cli_table[i];

		if (i)
			assert_true(strcmp(cli_table[i - 1].path, e->path) < 0);
		assert_ptr_equal(cli_lookup(e->path), e);
		if (e->alias_of) {
			assert_non_null(cli_lookup(e->alias_of));
			assert_ptr_equal(cli_lookup(e->alias_of)->command, e->command);
		}
		if (!e->command)
			continue;
		assert_non_null(e->command->run);
		assert_non_null(cli_summary(e));
		assert_non_null(e->command->description);
		assert_non_null(e->command->usage);
		assert_true(e->command->group_count + 2 <= CLI_GROUPS_MAX);
	}
	assert_null(cli_lookup("nosuch"));
}

static void check_option(const struct cli_option *o)
{
	assert_non_null(o->name);
	assert_true(o->hidden || !str_empty(o->help));
	/* A refused option stores nothing: what it asked for could not be kept. */
	if (o->support != CLI_ACTS)
		assert_true(o->offset == CLI_NO_FIELD);
	if (o->kind == CLI_CHOICE)
		assert_non_null(o->choices);
	if (o->store == CLI_TRISTATE)
		assert_int_equal(o->kind, CLI_BOOL);
	if (o->fine)
		assert_int_equal(o->support, CLI_REFUSED);
}

static void no_command_has_two_options_of_one_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_table_count; i++) {
		const struct cli_command *c = cli_table[i].command;
		struct strv names auto_done(strv) = STRV_INIT;
		char letters[256] = { 0 };

		for (size_t g = 0; c && g < c->group_count; g++) {
			for (size_t j = 0; j < c->groups[g]->count; j++) {
				const struct cli_option *o = &c->groups[g]->options[j];

				check_option(o);
				assert_false(strv_has(&names, o->name));
				strv_add(&names, o->name);
				if (o->letter)
					assert_int_equal(letters[(unsigned char)o->letter]++, 0);
				if (o->offset != CLI_NO_FIELD)
					assert_true(c->groups[g]->base + o->offset <
						    c->options_size);
			}
		}
	}
}

/* ---- Whole command lines, with a launcher that opens nothing ---- */

static int refuse_to_open(enum ops_need need, const struct cli_global *global, struct ops **ret_ops,
			  struct err *err)
{
	(void)need;
	(void)global;
	(void)ret_ops;
	return err_say(err, ERR_FAILED, "opened");
}

static const struct cli_launcher launcher = { .open = refuse_to_open };

struct outcome {
	int status;
	char text[16384]; /* both streams */
};

/* Runs the blank-separated line with descriptors 1 and 2 in one file. */
static void run_line(struct outcome *outcome, const char *line)
{
	char words[256];
	char *argv[32] = { (char *)"bryo" };
	int argc = 1;
	auto_close int out = dup(1);
	auto_close int err = dup(2);
	FILE *file = tmpfile();
	size_t n = 0;

	assert_non_null(file);
	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	(void)fflush(NULL);
	assert_true(dup2(fileno(file), 1) >= 0 && dup2(fileno(file), 2) >= 0);
	outcome->status = cli_dispatch(argc, argv, &launcher);
	assert_true(dup2(out, 1) >= 0 && dup2(err, 2) >= 0);
	rewind(file);
	n = fread(outcome->text, 1, sizeof(outcome->text) - 1, file);
	outcome->text[n] = '\0';
	(void)fclose(file);
}

static void sentences_are_podmans(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *text;
	} cases[] = {
		{ "--version", 0, "bryo version " BRYO_VERSION "\n" },
		{ "run --bogus", 125, "Error: unknown flag: --bogus\nSee 'bryo run --help'\n" },
		{ "--bogus ps", 125, "Error: unknown flag: --bogus\nSee 'bryo --help'\n" },
		{ "run", 125, "Error: requires at least 1 arg(s), only received 0\n" },
		{ "ps x", 125, "Error: `bryo ps` takes no arguments\n" },
		{ "rename a", 125, "Error: accepts 2 arg(s), received 1\n" },
		{ "images a b", 125, "Error: accepts at most 1 arg(s), received 2\n" },
		{ "import", 125, "Error: accepts between 1 and 2 arg(s), received 0\n" },
		{ "psx", 125,
		  "Error: unrecognized command `bryo psx`\n\nDid you mean this?\n\tps\n\nTry 'bryo "
		  "--help' for more information\n" },
		{ "container xyzzy", 125,
		  "Error: unrecognized command `bryo container xyzzy`\nTry 'bryo container --help' "
		  "for more information\n" },
		{ "build .", 125, "Error: bryo build is not supported yet\n" },
		{ "run --gpus all x", 125, "Error: --gpus is not supported yet\n" },
		{ "--remote ps", 125, "Error: --remote is not supported yet\n" },
		{ "ps --sort foo", 125,
		  "Error: invalid argument \"foo\" for \"--sort\" flag: \"foo\" is not a valid "
		  "value.  Choose from: \"command, created, id, image, names, runningfor, size, "
		  "status\"\nSee 'bryo ps --help'\n" },
		{ "ps", 125, "Error: opened\n" },
		{ "container ls -a", 125, "Error: opened\n" },
		{ "--log-level=error container ps", 125, "Error: opened\n" },
		{ "completion ksh", 125,
		  "Error: invalid argument \"ksh\" for \"bryo completion\"\n" },
		{ "__complete volume r", 0,
		  "remove\tRemove one or more volumes\nrm\tRemove one or more volumes\n:4\n" },
		{ "__complete ps --sort=n", 0, "names\n:4\n" },
		{ "__complete run --pull n", 0, "never\nnewer\n:4\n" },
		{ "__complete load -i x", 0, ":0\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome outcome;

		run_line(&outcome, cases[i].line);
		assert_string_equal(outcome.text, cases[i].text);
		assert_int_equal(outcome.status, cases[i].status);
	}
}

static void secrets_leave_the_command_line(void **state)
{
	char words[][32] = { "run",	  "-e",	   "KEY=hunter2", "-eTOKEN=swordfish",
			     "--env=A=b", "image", "x=y" };
	char *argv[ARRAY_SIZE(words) + 1] = { (char *)"bryo" };
	auto_close int err = dup(2);
	auto_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		argv[i + 1] = words[i];
	assert_true(dup2(null, 2) >= 0);
	(void)cli_dispatch((int)ARRAY_SIZE(argv), argv, &launcher);
	assert_true(dup2(err, 2) >= 0);
	assert_string_equal(words[2], "KEY=xxxxxxx");
	assert_string_equal(words[3], "-eTOKEN=xxxxxxxxx");
	assert_string_equal(words[4], "--env=A=x");
	assert_string_equal(words[6], "x=y");
}

static void every_command_has_help_and_a_manual(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_table_count; i++) {
		const struct cli_entry *e = &cli_table[i];
		struct outcome outcome;
		char line[128];

		if (!e->command)
			continue;
		(void)snprintf(line, sizeof(line), "%s --help", e->path);
		/* What follows the name of __complete is never its own option. */
		if (e->command->stop_at_first && e->path[0] == '_')
			continue;
		run_line(&outcome, line);
		assert_int_equal(outcome.status, 0);
		assert_int_equal(strncmp(outcome.text, cli_summary(e), strlen(cli_summary(e))), 0);
		assert_non_null(strstr(outcome.text, "\nUsage:\n  bryo "));
	}
}

/* Each page in docs/man is what the table makes: `bryo __man --markdown` writes them anew. */
static void manuals_agree_with_the_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_table_count; i++) {
		const struct cli_entry *e = &cli_table[i];
		struct buf page auto_done(buf) = BUF_INIT;
		auto_free char *path = NULL;
		auto_free char *text = NULL;
		size_t size = 0;

		if (!cli_has_page(e))
			continue;
		path = xasprintf("docs/man/bryo-%s.1.md", e->path);
		for (char *p = path; *p; p++)
			*p = (char)(*p == ' ' ? '-' : *p);
		cli_manual(&page, e, true);
		if (file_read_at(AT_FDCWD, path, 1 << 20, &text, &size) < 0)
			fail_msg("%s is missing: tests/docs-man.sh writes it", path);
		if (strcmp(text, page.data) != 0)
			fail_msg("%s differs from the table: tests/docs-man.sh writes it anew",
				 path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_sorted_and_complete),
		cmocka_unit_test(no_command_has_two_options_of_one_name),
		cmocka_unit_test(sentences_are_podmans),
		cmocka_unit_test(secrets_leave_the_command_line),
		cmocka_unit_test(every_command_has_help_and_a_manual),
		cmocka_unit_test(manuals_agree_with_the_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
