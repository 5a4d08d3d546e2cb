/* SPDX-License-Identifier: Apache-2.0 */
/* bryo unshare: runs a command in the user namespace that containers live in. */
#include <stddef.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/launch.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

static const struct cli_option options[] = {
	{ .name = "rootless-netns",
	  .kind = CLI_BOOL,
	  .help = "Join the rootless network namespace",
	  REFUSED },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	const char *shell = getenv("SHELL");
	auto_free char **argv = xcalloc(cli->arg_count + 2, sizeof(*argv));

	for (size_t i = 0; i < cli->arg_count; i++)
		argv[i] = cli->args[i];
	if (cli->arg_count == 0)
		argv[0] = (char *)(str_empty(shell) ? "/bin/sh" : shell);
	return cli->launcher->unshare(cli->global, argv, err);
}

const struct cli_command command_unshare = {
	.summary = "Run a command in a modified user namespace",
	.description = "Runs a command in a modified user namespace.",
	.usage = "[options] [COMMAND [ARG...]]",
	.examples = "unshare id\nunshare cat /proc/self/uid_map",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.args_max = CLI_ANY,
	.stop_at_first = true,
	.need = OPS_NEED_NOTHING,
	.run = run,
};
