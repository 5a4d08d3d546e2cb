/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo __complete WORD...: what the shell may offer for the last word, one candidate a line
 * with its description behind a tab, then ":0" where file names fit too and ":4" where not
 * (cobra's protocol). Fails silently: a completion that prints errors spoils the prompt.
 */
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/launch.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct request_line {
	const struct cli_entry *entry;
	struct cli_parse parse;		  /* only to find options */
	size_t used;			  /* words that name the command */
	const char *last;		  /* the word to complete */
	size_t positionals;		  /* before it */
	const struct cli_option *pending; /* the option whose value the last word is */
	bool ended;			  /* no options any more */
};

static void offer(struct cli *cli, const char *prefix, const char *word, const char *text)
{
	if (!str_starts(word, prefix))
		return;
	(void)buf_addf(&cli->out, "%s%s%s\n", word, str_empty(text) ? "" : "\t",
		       str_empty(text) ? "" : text);
}

/* Names of what exists, through the engine. */
static void offer_objects(struct cli *cli, const char *kind, const char *prefix)
{
	struct ops *ops = NULL;
	struct err err = ERR_INIT;
	auto_json json_t *list = NULL;
	const struct ops_ps_args ps = { .all = true };
	const struct ops_images_args images = { .all = true };
	const struct strv none = STRV_INIT;

	if (cli->launcher->open(OPS_NEED_PATHS, cli->global, &ops, &err) < 0)
		return;
	if (str_eq(kind, "container"))
		(void)ops_container_ps(ops, &ps, &list, &err);
	else if (str_eq(kind, "image"))
		(void)ops_image_list(ops, &images, &list, &err);
	else
		(void)ops_volume_list(ops, &none, &list, &err);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *object = json_array_get(list, i);
		const json_t *names = json_object_get(object, "Names");

		for (size_t j = 0; j < json_array_size(names); j++)
			offer(cli, prefix, str_or(json_string_value(json_array_get(names, j)), ""),
			      json_str(object, "Status", ""));
		if (!names)
			offer(cli, prefix, json_str(object, "Name", ""), NULL);
	}
	ops_close(ops);
}

/* Returns the directive: 0 where the shell adds file names. */
static int offer_kind(struct cli *cli, const char *kind, const char *prefix)
{
	if (!kind)
		return 4;
	if (str_eq(kind, "file") || str_eq(kind, "dir"))
		return 0;
	if (str_eq(kind, "container") || str_eq(kind, "image") || str_eq(kind, "volume")) {
		offer_objects(cli, kind, prefix);
		return str_eq(kind, "volume") && *prefix == '/' ? 0 : 4;
	}
	while (*kind) {
		size_t n = strcspn(kind, ",");
		auto_free char *word = xstrndup(kind, n);

		offer(cli, prefix, word, NULL);
		kind += n + (kind[n] == ',');
	}
	return 4;
}

static void offer_commands(struct cli *cli, const struct cli_entry *family, const char *prefix)
{
	for (size_t i = 0; i < cli_table_count; i++) {
		const struct cli_entry *entry = &cli_table[i];
		const char *name = family ? str_after(entry->path, family->path) : entry->path;

		if (!name || (family && *name++ != ' ') || strchr(name, ' ') || *name == '_')
			continue;
		if (entry->command || cli_is_family(entry))
			offer(cli, prefix, name, cli_summary(entry));
	}
}

static void offer_options(struct cli *cli, const struct request_line *line)
{
	size_t n = 0;
	auto_free const struct cli_option **list =
		cli_sorted(line->parse.groups, line->parse.group_count, &n);

	for (size_t i = 0; i < n; i++) {
		bool value = list[i]->kind != CLI_BOOL;
		auto_free char *word = xasprintf("--%s%s", list[i]->name, value ? "=" : "");

		if (list[i]->support != CLI_REFUSED)
			offer(cli, line->last, word, list[i]->help);
	}
	offer(cli, line->last, "--help", "Help for this command");
}

/* The words that name a command, then what the rest leaves open. */
static void read_words(struct cli *cli, struct request_line *line)
{
	struct strv path auto_done(strv) = STRV_INIT;

	line->last = cli->arg_count ? cli->args[cli->arg_count - 1] : "";
	while (line->used + 1 < cli->arg_count) {
		const struct cli_entry *next = NULL;
		auto_free char *text = NULL;

		strv_add(&path, cli->args[line->used]);
		text = strv_join(&path, " ");
		next = cli_lookup(text);
		if (!next)
			break;
		line->entry = next;
		line->used++;
		if (!cli_is_family(next))
			break;
	}
	if (line->entry && line->entry->command)
		for (size_t i = 0; i < line->entry->command->group_count; i++)
			line->parse.groups[line->parse.group_count++] =
				line->entry->command->groups[i];
	line->parse.groups[line->parse.group_count++] = &cli_global_group;
}

/* Which option, if any, takes the word behind this one as its value. */
static const struct cli_option *takes_next(const struct request_line *line, const char *word)
{
	const struct cli_option *option = NULL;
	size_t group = 0;

	if (str_starts(word, "--") && !strchr(word, '='))
		option = cli_find(&line->parse, word + 2, strlen(word + 2), &group);
	else if (word[0] == '-' && word[1] && word[1] != '-')
		option = cli_find_letter(&line->parse, word[strlen(word) - 1], &group);
	return option && option->kind != CLI_BOOL ? option : NULL;
}

static void read_options(struct cli *cli, struct request_line *line)
{
	for (size_t i = line->used; i + 1 < cli->arg_count; i++) {
		const char *word = cli->args[i];

		if (line->pending) {
			line->pending = NULL;
		} else if (line->ended || word[0] != '-') {
			line->positionals++;
			line->ended |= line->entry && line->entry->command &&
				       line->entry->command->stop_at_first;
		} else if (str_eq(word, "--")) {
			line->ended = true;
		} else {
			line->pending = takes_next(line, word);
		}
	}
}

static int complete(struct cli *cli, struct request_line *line)
{
	const struct cli_command *command = line->entry ? line->entry->command : NULL;
	const char *equals = strchr(line->last, '=');
	size_t group = 0;

	if (line->pending)
		return offer_kind(cli, line->pending->complete, line->last);
	if (!line->ended && str_starts(line->last, "--") && equals) {
		const struct cli_option *option = cli_find(
			&line->parse, line->last + 2, (size_t)(equals - line->last - 2), &group);

		return option ? offer_kind(cli, option->complete, equals + 1) : 4;
	}
	if (!line->ended && line->last[0] == '-') {
		offer_options(cli, line);
		return 4;
	}
	if (!command) {
		offer_commands(cli, line->entry, line->last);
		return 4;
	}
	if (line->positionals && (command->stop_at_first || command->args_max == 1))
		return command->stop_at_first ? 0 : 4;
	if (str_eq(command->complete, "command")) {
		offer_commands(cli, NULL, line->last);
		return 4;
	}
	return offer_kind(cli, command->complete, line->last);
}

static int run(struct cli *cli, struct err *err)
{
	struct request_line line = { 0 };

	(void)err;
	read_words(cli, &line);
	read_options(cli, &line);
	(void)buf_addf(&cli->out, ":%d\n", complete(cli, &line));
	return 0;
}

const struct cli_command command_complete = {
	.summary = "Offer completions",
	.description = "Prints what completes a command line; for the scripts of bryo completion.",
	.usage = "[WORD...]",
	.args_max = CLI_ANY,
	.stop_at_first = true,
	.need = OPS_NEED_NOTHING,
	.run = run,
};
