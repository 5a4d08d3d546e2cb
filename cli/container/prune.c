/* SPDX-License-Identifier: Apache-2.0 */
/* bryo container prune: removes all containers that do not run. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/confirm.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct container_prune_options {
	struct strv filters;
	bool force;
};

#define AT(field) offsetof(struct container_prune_options, field)
static const struct cli_option options[] = {
	{ .name = "filter",
	  .kind = CLI_ARRAY,
	  .help = "Provide filter values (e.g. 'label=<key>=<value>')",
	  .offset = AT(filters) },
	{ .name = "force",
	  .letter = 'f',
	  .kind = CLI_BOOL,
	  .help = "Do not prompt for confirmation.  The default is false",
	  .offset = AT(force) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *name, struct err *err)
{
	/* One that somebody else removed in the meantime is as good as removed. */
	const struct ops_rm_args args = { .timeout = -1, .ignore = true };

	return ops_container_rm(cli->ops, name, &args, err);
}

static int run(struct cli *cli, struct err *err)
{
	static const char *const states[] = { "status=created", "status=exited",
					      "status=configured" };
	struct container_prune_options *o = cli->options;
	struct strv ids auto_done(strv) = STRV_INIT;
	bool yes = o->force;
	int r = 0;

	if (!o->force)
		r = cli_confirm(cli, "WARNING! This will remove all non running containers.", &yes,
				err);
	if (r < 0 || !yes)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		strv_add(&o->filters, states[i]);
	r = ops_container_select(cli->ops, OPS_ALL, &o->filters, &ids, err);
	if (r < 0)
		return r;
	r = cli_each(cli, &ids, act, err);
	return r < 0 ? r : 0;
}

const struct cli_command command_container_prune = {
	.summary = "Remove all non running containers",
	.description = "Removes all non running containers",
	.usage = "[options]",
	.examples = "container prune",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct container_prune_options),
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
