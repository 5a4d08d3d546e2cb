/* SPDX-License-Identifier: Apache-2.0 */
/* bryo image exists: says by its exit status whether an image is there. */
#include "cli/command.h"
#include "cli/commands.h"
#include "engine/base/err.h"

/* 0 or 1, and no word. */
static int run(struct cli *cli, struct err *err)
{
	bool exists = false;
	int r = ops_image_exists(cli->ops, cli->args[0], &exists, err);

	return r < 0 ? r : !exists;
}

const struct cli_command command_image_exists = {
	.summary = "Check if an image exists in local storage",
	.description = "If the named image exists in local storage, bryo image exists exits with "
		       "0, otherwise the exit code will be 1.",
	.usage = "IMAGE",
	.examples = "image exists ID\n"
		    "image exists IMAGE && bryo pull IMAGE",
	.complete = "image",
	.args_min = 1,
	.args_max = 1,
	.need = OPS_NEED_PATHS,
	.run = run,
};
