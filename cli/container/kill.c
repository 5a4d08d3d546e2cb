/* SPDX-License-Identifier: Apache-2.0 */
/* bryo kill: sends a signal to the main process of containers. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct kill_options {
	struct cli_pick pick;
	const char *signal;
};

#define AT(field) offsetof(struct kill_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Signal all running containers"),
	PICK_CIDFILE,
	PICK_LATEST,
	{ .name = "signal",
	  .letter = 's',
	  .kind = CLI_STRING,
	  .help = "Signal to send to the container",
	  .preset = "KILL",
	  .complete = "KILL,TERM,INT,HUP,QUIT,USR1,USR2",
	  .offset = AT(signal) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *name, struct err *err)
{
	const struct kill_options *o = cli->options;

	return ops_container_kill(cli->ops, name, o->signal, err);
}

static int run(struct cli *cli, struct err *err)
{
	const struct kill_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = 0;

	r = cli_pick(cli, &o->pick, OPS_RUNNING, &names, err);
	if (r < 0)
		return r;
	r = cli_each(cli, &names, act, err);
	return r < 0 ? r : 0;
}

static void defaults(void *state)
{
	((struct kill_options *)state)->signal = "KILL";
}

const struct cli_command command_kill = {
	.summary = "Kill one or more running containers with a specific signal",
	.description = "The main process inside each container specified will be sent SIGKILL, or "
		       "any signal specified with option --signal.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "kill mywebserver\n"
		    "kill 860a4b23\n"
		    "kill --signal TERM ctrID",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct kill_options),
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
