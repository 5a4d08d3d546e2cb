/* SPDX-License-Identifier: Apache-2.0 */
/* bryo pause: freezes containers. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct pause_options {
	struct cli_pick pick;
};

#define AT(field) offsetof(struct pause_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Pause all running containers"),
	PICK_CIDFILE,
	PICK_FILTER('f'),
	PICK_LATEST,
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *name, struct err *err)
{
	return ops_container_pause(cli->ops, name, err);
}

static int run(struct cli *cli, struct err *err)
{
	const struct pause_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = 0;

	r = cli_pick(cli, &o->pick, OPS_RUNNING, &names, err);
	if (r < 0)
		return r;
	r = cli_each(cli, &names, act, err);
	return r < 0 ? r : 0;
}

const struct cli_command command_pause = {
	.summary = "Pause all the processes in one or more containers",
	.description =
		"Pauses one or more running containers.  The container name or ID can be used.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "pause mywebserver\n"
		    "pause 860a4b23\n"
		    "pause --all",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct pause_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
