/* SPDX-License-Identifier: Apache-2.0 */
/* bryo rename: gives a container another name. */
#include "cli/command.h"
#include "cli/commands.h"
#include "engine/base/err.h"

static int run(struct cli *cli, struct err *err)
{
	return ops_container_rename(cli->ops, cli->args[0], cli->args[1], err);
}

const struct cli_command command_rename = {
	.summary = "Rename an existing container",
	.description = "The bryo rename command allows you to rename an existing container",
	.usage = "CONTAINER NAME",
	.examples = "rename containerA newName",
	.complete = "container",
	.args_min = 2,
	.args_max = 2,
	.need = OPS_NEED_PATHS,
	.run = run,
};
