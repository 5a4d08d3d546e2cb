/* SPDX-License-Identifier: Apache-2.0 */
/* bryo help COMMAND: the same as bryo COMMAND --help. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

static int run(struct cli *cli, struct err *err)
{
	const struct cli_entry *entry = NULL;
	struct strv words auto_done(strv) = STRV_INIT;
	auto_free char *path = NULL;

	for (size_t i = 0; i < cli->arg_count; i++)
		strv_add(&words, cli->args[i]);
	if (words.count) {
		path = strv_join(&words, " ");
		entry = cli_lookup(path);
		if (!entry)
			return err_say(err, ERR_USAGE, "unknown help topic `%s`", path);
		if (!entry->command && !cli_is_family(entry))
			return err_say(err, ERR_UNSUPPORTED, "bryo %s is not supported yet", path);
	}
	cli_help(&cli->out, entry);
	return 0;
}

const struct cli_command command_help = {
	.summary = "Help about any command",
	.description = "Help provides help for any command in the application.",
	.usage = "[command]",
	.examples = "help run\nhelp volume create",
	.complete = "command",
	.args_max = CLI_ANY,
	.need = OPS_NEED_NOTHING,
	.run = run,
};
