/* SPDX-License-Identifier: Apache-2.0 */
/* bryo volume prune: removes volumes that no container uses. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/confirm.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct volume_prune_options {
	struct strv filters;
	bool force;
};

#define AT(field) offsetof(struct volume_prune_options, field)
static const struct cli_option options[] = {
	{ .name = "filter",
	  .kind = CLI_ARRAY,
	  .help = "Provide filter values (e.g. 'label=<key>=<value>')",
	  .offset = AT(filters) },
	{ .name = "force",
	  .letter = 'f',
	  .kind = CLI_BOOL,
	  .help = "Do not prompt for confirmation",
	  .offset = AT(force) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	const struct volume_prune_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	bool yes = o->force;
	int r = 0;

	if (!o->force)
		r = cli_confirm(cli,
				"WARNING! This will remove all volumes not used by at least one "
				"container.",
				&yes, err);
	if (r < 0 || !yes)
		return r;
	r = ops_volume_prune(cli->ops, &o->filters, &names, err);
	for (size_t i = 0; i < names.count; i++)
		(void)buf_addf(&cli->out, "%s\n", names.v[i]);
	return r;
}

const struct cli_command command_volume_prune = {
	.summary = "Remove all unused volumes",
	.description =
		"Volumes that are not currently owned by a container will be removed.\n\n"
		"The command prompts for confirmation which can be overridden with the --force "
		"flag.\nNote all data will be destroyed.",
	.usage = "[options]",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct volume_prune_options),
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
