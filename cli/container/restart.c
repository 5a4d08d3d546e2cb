/* SPDX-License-Identifier: Apache-2.0 */
/* bryo restart: stops and starts containers. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct restart_options {
	struct cli_pick pick;
	bool running;
	int64_t time; /* seconds, -1: the container's own */
};

#define AT(field) offsetof(struct restart_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Restart all non-running containers"),
	PICK_CIDFILE,
	PICK_FILTER('f'),
	PICK_LATEST,
	{ .name = "running",
	  .kind = CLI_BOOL,
	  .help = "Restart only running containers",
	  .offset = AT(running) },
	{ .name = "time",
	  .letter = 't',
	  .kind = CLI_INT,
	  .aliases = "timeout",
	  .preset = "10",
	  .help = "Seconds to wait for stop before killing the container",
	  .offset = AT(time) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *name, struct err *err)
{
	const struct restart_options *o = cli->options;
	int r = ops_container_restart(cli->ops, name, (int)o->time, err);

	return r;
}

static int run(struct cli *cli, struct err *err)
{
	const struct restart_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = 0;

	/* --running alone stands for all that run. */
	if (o->running && cli->arg_count == 0)
		((struct restart_options *)cli->options)->pick.all = true;
	r = cli_pick(cli, &o->pick, o->running ? OPS_RUNNING : OPS_ALL, &names, err);
	if (r < 0)
		return r;
	r = cli_each(cli, &names, act, err);
	return r < 0 ? r : 0;
}

static void defaults(void *state)
{
	((struct restart_options *)state)->time = -1;
}

const struct cli_command command_restart = {
	.summary = "Restart one or more containers",
	.description = "Restarts one or more running containers. The container ID or name can be "
		       "used.\n\nA timeout before forcibly stopping can be set, but defaults to 10 "
		       "seconds.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "restart ctrID\n"
		    "restart ctrID1 ctrID2",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct restart_options),
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
