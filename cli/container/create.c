/* SPDX-License-Identifier: Apache-2.0 */
/* bryo create: makes a container without starting it. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/create.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

static const struct cli_option options[] = {
	{ .name = "init-ctr",
	  .kind = CLI_STRING,
	  .help = "Make this a pod init container.",
	  REFUSED },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &cli_create_group, &group };

static int run(struct cli *cli, struct err *err)
{
	struct cli_create *o = cli->options;
	auto_free char *id = NULL;
	int r = cli_create_finish(cli, o, err);

	if (r == 0)
		r = ops_container_create(cli->ops, &o->request, &id, err);
	if (r < 0)
		return r;
	(void)buf_addf(&cli->out, "%s\n", id);
	return 0;
}

static void done(void *state)
{
	request_done(&((struct cli_create *)state)->request);
}

const struct cli_command command_create = {
	.summary = "Create but do not start a container",
	.description =
		"Creates a new container from the given image or storage and prepares it for "
		"running the specified command.\n\nThe container ID is then printed to stdout. You "
		"can then start it at any time with the bryo start <container_id> command. The "
		"container will be created with the initial state 'created'.",
	.usage = "[options] IMAGE [COMMAND [ARG...]]",
	.examples = "create alpine ls\n"
		    "create --annotation HELLO=WORLD alpine ls\n"
		    "create -t -i --name myctr alpine ls",
	.complete = "image",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct cli_create),
	.args_min = 1,
	.args_max = CLI_ANY,
	.stop_at_first = true,
	.done = done,
	.notes = CLI_CREATE_NETWORK_NOTES,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
