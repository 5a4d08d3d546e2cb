/* SPDX-License-Identifier: Apache-2.0 */
/* bryo stop: ends containers, gently first. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct stop_options {
	struct cli_pick pick;
	int64_t time; /* seconds, -1: the container's own */
};

#define AT(field) offsetof(struct stop_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Stop all running containers"),
	PICK_CIDFILE,
	PICK_FILTER('f'),
	PICK_IGNORE,
	PICK_LATEST,
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
	const struct stop_options *o = cli->options;
	int r = ops_container_stop(cli->ops, name, (int)o->time, err);

	if (r < 0 && o->pick.ignore && err->kind == ERR_NOT_FOUND)
		return 0;
	return r;
}

static int run(struct cli *cli, struct err *err)
{
	const struct stop_options *o = cli->options;
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
	((struct stop_options *)state)->time = -1;
}

const struct cli_command command_stop = {
	.summary = "Stop one or more containers",
	.description = "Stops one or more running containers.  The container name or ID can be "
		       "used.\n\nA timeout to forcibly stop the container can also be set but "
		       "defaults to 10 seconds otherwise.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "stop ctrID\n"
		    "stop --time 2 mywebserver 6e534f14da9d",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct stop_options),
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
