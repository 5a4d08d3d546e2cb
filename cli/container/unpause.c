/* SPDX-License-Identifier: Apache-2.0 */
/* bryo unpause: thaws containers. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct unpause_options {
	struct cli_pick pick;
};

#define AT(field) offsetof(struct unpause_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Unpause all paused containers"),
	PICK_CIDFILE,
	PICK_FILTER('f'),
	PICK_LATEST,
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *name, struct err *err)
{
	return ops_container_unpause(cli->ops, name, err);
}

static int run(struct cli *cli, struct err *err)
{
	const struct unpause_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = 0;

	/* Of all, only the paused ones can be thawed. */
	if (o->pick.all)
		strv_add(&((struct unpause_options *)cli->options)->pick.filters, "status=paused");
	r = cli_pick(cli, &o->pick, OPS_ALL, &names, err);
	if (r < 0)
		return r;
	r = cli_each(cli, &names, act, err);
	return r < 0 ? r : 0;
}

const struct cli_command command_unpause = {
	.summary = "Unpause the processes in one or more containers",
	.description = "Unpauses one or more previously paused containers.  The container name or "
		       "ID can be used.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "unpause ctrID\n"
		    "unpause --all",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct unpause_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
