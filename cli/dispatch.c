/* SPDX-License-Identifier: Apache-2.0 */
/* Finds, parses and runs a command: see dispatch.h. Prints all errors there are. */
#include "cli/dispatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/launch.h"
#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/log.h"
#include "engine/base/str.h"

/* What is known of the command line so far. */
struct line {
	struct cli_global global;
	struct cli_parse first; /* options before the command */
	const struct cli_entry *entry;
	char **argv; /* what follows the command's name, in memory of ours */
	size_t argc;
	char **shown; /* the words that /proc/PID/cmdline shows to all */
	size_t shown_count;
};

static int fail(const struct err *err)
{
	cli_print_error(err->text);
	return err_exit_status(err);
}

/* The second line that Podman prints for a command line that does not parse. */
static int fail_usage(const struct err *err, const char *path)
{
	struct buf text auto_done(buf) = BUF_INIT;

	(void)buf_addf(&text, "%s\nSee 'bryo %s%s--help'", err->text, path, *path ? " " : "");
	cli_print_error(text.data);
	return 125;
}

static int show_help(const struct cli_entry *entry)
{
	struct buf out auto_done(buf) = BUF_INIT;

	cli_help(&out, entry);
	return fd_write_all(STDOUT_FILENO, out.data, out.size) < 0 ? 125 : 0;
}

/* A family (or bryo itself) without a command: its help, then what is missing. */
static int fail_missing(const struct cli_entry *family)
{
	struct buf text auto_done(buf) = BUF_INIT;

	(void)show_help(family);
	(void)buf_addf(&text, "missing command 'bryo %s%sCOMMAND'", family ? family->path : "",
		       family ? " " : "");
	cli_print_error(text.data);
	return 125;
}

static int fail_unknown(const struct cli_entry *family, const char *word)
{
	struct buf text auto_done(buf) = BUF_INIT;

	cli_unknown_command(&text, family, word);
	cli_print_error(text.data);
	return 125;
}

/*
 * Walks "container", "run": at each step options of bryo's own may stand before the next word.
 * Returns -1 to go on with line->entry, else the exit status.
 */
static int find_entry(struct line *line)
{
	char path[64] = "";
	struct err err = ERR_INIT;

	for (;;) {
		const struct cli_entry *next = NULL;
		size_t used = strlen(path);

		line->first.want_help = false;
		if (cli_parse(&line->first, line->argv, line->argc, &err) < 0)
			return fail_usage(&err, path);
		if (line->first.want_help || line->global.help)
			return show_help(line->entry);
		if (line->first.refused || line->global.version)
			return -1;
		line->argv = line->first.args;
		line->argc = line->first.arg_count;
		if (line->argc == 0)
			return fail_missing(line->entry);
		if (used + strlen(line->argv[0]) + 2 < sizeof(path)) {
			if (used)
				path[used++] = ' ';
			memcpy(path + used, line->argv[0], strlen(line->argv[0]) + 1);
			next = cli_lookup(path);
		}
		if (!next)
			return fail_unknown(line->entry, line->argv[0]);
		line->entry = next;
		line->argv++;
		line->argc--;
		if (!cli_is_family(next))
			return -1;
	}
}

static int check_arg_count(const struct cli_command *c, const char *path, size_t n, struct err *err)
{
	if (n >= c->args_min && n <= c->args_max)
		return 0;
	if (c->args_max == 0)
		return err_say(err, ERR_USAGE, "`bryo %s` takes no arguments", path);
	if (c->args_max == CLI_ANY)
		return err_say(err, ERR_USAGE, "requires at least %zu arg(s), only received %zu",
			       c->args_min, n);
	if (c->args_min == c->args_max)
		return err_say(err, ERR_USAGE, "accepts %zu arg(s), received %zu", c->args_min, n);
	if (c->args_min == 0)
		return err_say(err, ERR_USAGE, "accepts at most %zu arg(s), received %zu",
			       c->args_max, n);
	return err_say(err, ERR_USAGE, "accepts between %zu and %zu arg(s), received %zu",
		       c->args_min, c->args_max, n);
}

static int apply_global(const struct cli_global *global, struct err *err)
{
	enum log_level level = LOG_WARN;
	auto_close int fd = -1;

	if (global->log_level) {
		if (log_level_parse(global->log_level, &level) < 0)
			return err_say(
				err, ERR_USAGE,
				"log level \"%s\" is not supported, choose from: trace, debug, "
				"info, warn, warning, error, fatal, panic",
				global->log_level);
		log_set_level(level);
	}
	if (!global->out)
		return 0;
	fd = open(global->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return err_set(err, -errno, "cannot send output to %s", global->out);
	return 0;
}

static int run_parsed(struct line *line, struct cli *cli)
{
	const struct cli_command *c = line->entry->command;
	struct err err = ERR_INIT;
	struct err flush = ERR_INIT;
	int r = 0;

	r = check_arg_count(c, cli->path, cli->arg_count, &err);
	if (r == 0)
		r = apply_global(&line->global, &err);
	if (r == 0 && c->need != OPS_NEED_NOTHING)
		r = cli->launcher->open(c->need, &line->global, &cli->ops, &err);
	if (r == 0)
		r = c->run(cli, &err);
	if (cli_flush(cli, &flush) < 0 && r >= 0) {
		r = flush.code;
		err = flush;
	}
	if (cli->ops)
		ops_close(cli->ops);
	return r < 0 ? fail(&err) : r;
}

/* Overwrites the secret half of a value wherever the command line ends a word with it. */
static void hide_value(const struct line *line, const char *value)
{
	const char *secret = strpbrk(value, "=:");
	size_t length = strlen(value);

	if (!secret)
		return;
	for (size_t i = 0; i < line->shown_count; i++) {
		size_t n = strlen(line->shown[i]);

		if (n >= length && strcmp(line->shown[i] + n - length, value) == 0)
			memset(line->shown[i] + n - strlen(secret + 1), 'x', strlen(secret + 1));
	}
}

/* Variables and passwords stand in no process list while the command runs (proc(5)). */
static void hide_secrets(const struct line *line, const struct cli_parse *parse)
{
	for (size_t g = 0; g < parse->group_count; g++) {
		const struct cli_group *group = parse->groups[g];

		for (size_t i = 0; i < group->count; i++) {
			const struct cli_option *o = &group->options[i];
			const void *field = NULL;

			if (!o->secret || o->offset == CLI_NO_FIELD)
				continue;
			field = (char *)parse->fields[g] + group->base + o->offset;
			if (o->kind != CLI_ARRAY) {
				hide_value(line, str_or(*(char *const *)field, ""));
				continue;
			}
			for (size_t j = 0; j < ((const struct strv *)field)->count; j++)
				hide_value(line, ((const struct strv *)field)->v[j]);
		}
	}
}

static int run_entry(struct line *line, const struct cli_launcher *launcher)
{
	const struct cli_command *c = line->entry->command;
	struct cli_parse parse = { .stop_at_first = c->stop_at_first };
	auto_free void *options = xcalloc(1, c->options_size + 1);
	struct cli cli = { .command = c, .options = options, .parse = &parse };
	struct err err = ERR_INIT;
	int status = 0;

	for (size_t i = 0; i < c->group_count; i++) {
		parse.fields[parse.group_count] = options;
		parse.groups[parse.group_count++] = c->groups[i];
	}
	parse.fields[parse.group_count] = &line->global;
	parse.groups[parse.group_count++] = &cli_global_group;
	cli.path = cli_shown_path(line->entry);
	cli.global = &line->global;
	cli.launcher = launcher;
	if (c->defaults)
		c->defaults(options);
	if (cli_parse(&parse, line->argv, line->argc, &err) < 0) {
		status = fail_usage(&err, cli.path);
	} else if (parse.want_help) {
		status = show_help(line->entry);
	} else if (parse.refused) {
		(void)err_say(&err, ERR_UNSUPPORTED, "--%s is not supported yet",
			      parse.refused->name);
		status = fail(&err);
	} else {
		hide_secrets(line, &parse);
		cli.args = parse.args;
		cli.arg_count = parse.arg_count;
		status = run_parsed(line, &cli);
	}
	parse.group_count--; /* the global ones are freed by the caller */
	if (c->done)
		c->done(options);
	else
		cli_parse_done(&parse);
	buf_done(&cli.out);
	return status;
}

/* What can be said once the entry is known, or known not to be needed. */
static int run_line(struct line *line, const struct cli_launcher *launcher)
{
	struct err err = ERR_INIT;

	if (line->first.refused) {
		(void)err_say(&err, ERR_UNSUPPORTED, "--%s is not supported yet",
			      line->first.refused->name);
		return fail(&err);
	}
	if (line->global.version) {
		static const char text[] = "bryo version " BRYO_VERSION "\n";

		return fd_write_all(STDOUT_FILENO, text, sizeof(text) - 1) < 0 ? 125 : 0;
	}
	if (!line->entry->command) {
		(void)err_say(&err, ERR_UNSUPPORTED, "bryo %s is not supported yet",
			      line->entry->path);
		return fail(&err);
	}
	return run_entry(line, launcher);
}

/*
 * Words in memory of our own: those of main() are overwritten where they are secret, and as a
 * whole by forked processes that stay (proc_stay()), which still read what was asked for.
 */
static char **copy_words(char **words, size_t count)
{
	size_t size = (count + 1) * sizeof(*words);
	char **copy = NULL;
	char *text = NULL;

	for (size_t i = 0; i < count; i++)
		size += strlen(words[i]) + 1;
	copy = xmalloc(size);
	text = (char *)(copy + count + 1);
	for (size_t i = 0; i < count; i++) {
		copy[i] = text;
		text = stpcpy(text, words[i]) + 1;
	}
	copy[count] = NULL;
	return copy;
}

int cli_dispatch(int argc, char **argv, const struct cli_launcher *launcher)
{
	struct line line = { .first = { .groups = { &cli_global_group, &cli_top_group },
					.group_count = 2,
					.stop_at_first = true } };
	auto_free char **words = NULL;
	int status = 0;

	line.shown = argc > 0 ? argv + 1 : argv;
	line.shown_count = argc > 0 ? (size_t)argc - 1 : 0;
	words = copy_words(line.shown, line.shown_count);
	line.argv = words;
	line.argc = line.shown_count;
	line.first.fields[0] = &line.global;
	line.first.fields[1] = &line.global;
	status = find_entry(&line);
	if (status < 0)
		status = run_line(&line, launcher);
	cli_parse_done(&line.first);
	return status;
}
