/* SPDX-License-Identifier: Apache-2.0 */
/* bryo volume exists: says by its exit status whether a volume is there. */
#include "cli/command.h"
#include "cli/commands.h"
#include "engine/base/err.h"

/* 0 or 1, and no word. */
static int run(struct cli *cli, struct err *err)
{
	bool exists = false;
	int r = ops_volume_exists(cli->ops, cli->args[0], &exists, err);

	return r < 0 ? r : !exists;
}

const struct cli_command command_volume_exists = {
	.summary = "Check if volume exists",
	.description = "If the given volume exists, bryo volume exists exits with 0, otherwise the "
		       "exit code will be 1.",
	.usage = "VOLUME",
	.examples = "volume exists myvol",
	.complete = "volume",
	.args_min = 1,
	.args_max = 1,
	.need = OPS_NEED_PATHS,
	.run = run,
};
