/* SPDX-License-Identifier: Apache-2.0 */
/* bryo __man [COMMAND]: the manual page of a command, made of its table; for `make install`. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct man_options {
	bool markdown;
	bool list;
};

#define AT(field) offsetof(struct man_options, field)
static const struct cli_option options[] = {
	{ .name = "list",
	  .kind = CLI_BOOL,
	  .help = "Print the names of all pages",
	  .offset = AT(list) },
	{ .name = "markdown",
	  .kind = CLI_BOOL,
	  .help = "Print markdown instead of roff",
	  .offset = AT(markdown) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static void print_list(struct buf *out)
{
	for (size_t i = 0; i < cli_table_count; i++)
		if (cli_has_page(&cli_table[i]))
			(void)buf_addf(out, "%s\n", cli_table[i].path);
}

static int run(struct cli *cli, struct err *err)
{
	const struct man_options *o = cli->options;
	struct strv words auto_done(strv) = STRV_INIT;
	const struct cli_entry *entry = NULL;
	auto_free char *path = NULL;

	for (size_t i = 0; i < cli->arg_count; i++)
		strv_add(&words, cli->args[i]);
	path = words.count ? strv_join(&words, " ") : NULL;
	entry = path ? cli_lookup(path) : NULL;
	if (path && (!entry || !entry->command))
		return err_say(err, ERR_USAGE, "no command `bryo %s`", path);
	if (o->list)
		print_list(&cli->out);
	else
		cli_manual(&cli->out, entry, o->markdown);
	return 0;
}

const struct cli_command command_man = {
	.summary = "Print a manual page",
	.description = "Prints the manual page of a command.",
	.usage = "[options] [COMMAND]",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct man_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NOTHING,
	.run = run,
};
