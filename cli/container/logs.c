/* SPDX-License-Identifier: Apache-2.0 */
/* bryo logs: prints what containers wrote. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct logs_options {
	struct cli_pick pick;
	struct ops_logs_args args;
};

#define AT(field) offsetof(struct logs_options, field)
static const struct cli_option options[] = {
	{ .name = "color",
	  .kind = CLI_BOOL,
	  .help = "Output the containers with different colors in the log.",
	  .offset = AT(args.color) },
	{ .name = "follow",
	  .letter = 'f',
	  .kind = CLI_BOOL,
	  .help = "Follow log output.  The default is false",
	  .offset = AT(args.follow) },
	PICK_LATEST,
	{ .name = "names",
	  .letter = 'n',
	  .kind = CLI_BOOL,
	  .help = "Output the container name in the log",
	  .offset = AT(args.names) },
	{ .name = "since",
	  .kind = CLI_STRING,
	  .help = "Show logs since TIMESTAMP",
	  .offset = AT(args.since) },
	{ .name = "tail",
	  .kind = CLI_INT,
	  .help = "Output the specified number of LINES at the end of the logs.  Defaults to -1, "
		  "which prints all lines",
	  .preset = "-1",
	  .offset = AT(args.tail) },
	{ .name = "timestamps",
	  .letter = 't',
	  .kind = CLI_BOOL,
	  .help = "Output the timestamps in the log",
	  .offset = AT(args.timestamps) },
	{ .name = "until",
	  .kind = CLI_STRING,
	  .help = "Show logs until TIMESTAMP",
	  .offset = AT(args.until) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	const struct logs_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = 0;

	if (cli->arg_count == 0 && !o->pick.latest)
		return err_say(err, ERR_USAGE, "specify at least one container name or ID to log");
	r = cli_pick(cli, &o->pick, OPS_ALL, &names, err);
	return r < 0 ? r : ops_container_logs(cli->ops, &names, &o->args, err);
}

static void defaults(void *state)
{
	((struct logs_options *)state)->args.tail = -1;
}

const struct cli_command command_logs = {
	.summary = "Fetch the logs of one or more containers",
	.description = "Retrieves logs for one or more containers.\n\nThis does not guarantee "
		       "execution order when combined with bryo run (i.e., your run may not have "
		       "generated any logs at the time you execute bryo logs).",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "logs ctrID\n"
		    "logs --names ctrID1 ctrID2\n"
		    "logs --tail 2 mywebserver\n"
		    "logs --follow=true --since 10m ctrID\n"
		    "logs mywebserver mydbserver",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct logs_options),
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_PATHS,
	.run = run,
};
