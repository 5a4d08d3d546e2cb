/* SPDX-License-Identifier: Apache-2.0 */
/* bryo container exists: says by its exit status whether a container is there. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct exists_options {
	bool external;
};

#define AT(field) offsetof(struct exists_options, field)
static const struct cli_option options[] = {
	{ .name = "external",
	  .kind = CLI_BOOL,
	  .help = "Check external storage containers as well as bryo containers",
	  .offset = AT(external) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

/* 0 or 1, and no word. */
static int run(struct cli *cli, struct err *err)
{
	bool exists = false;
	int r = ops_container_exists(cli->ops, cli->args[0], &exists, err);

	return r < 0 ? r : !exists;
}

const struct cli_command command_container_exists = {
	.summary = "Check if a container exists in local storage",
	.description = "If the named container exists in local storage, bryo container exists "
		       "exits with 0, otherwise the exit code will be 1.",
	.usage = "[options] CONTAINER",
	.examples = "container exists --external containerID\n"
		    "container exists myctr || bryo run --name myctr [etc...]",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct exists_options),
	.args_min = 1,
	.args_max = 1,
	.need = OPS_NEED_PATHS,
	.run = run,
};
