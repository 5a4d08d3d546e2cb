/* SPDX-License-Identifier: Apache-2.0 */
/* bryo volume create: makes a volume. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct volume_create_options {
	struct ops_volume_create_args args;
};

#define AT(field) offsetof(struct volume_create_options, field)
static const struct cli_option options[] = {
	{ .name = "driver",
	  .letter = 'd',
	  .kind = CLI_STRING,
	  .help = "Specify volume driver name",
	  .preset = "local",
	  .offset = AT(args.driver) },
	{ .name = "gid", .kind = CLI_INT, .help = "Set the GID of the volume owner", REFUSED },
	{ .name = "ignore",
	  .kind = CLI_BOOL,
	  .help = "Don't fail if volume already exists",
	  .offset = AT(args.ignore) },
	{ .name = "label",
	  .letter = 'l',
	  .kind = CLI_ARRAY,
	  .help = "Set metadata for a volume",
	  .preset = "[]",
	  .offset = AT(args.labels) },
	{ .name = "opt",
	  .letter = 'o',
	  .kind = CLI_ARRAY,
	  .help = "Set driver specific options",
	  .preset = "[]",
	  .offset = AT(args.options) },
	{ .name = "uid", .kind = CLI_INT, .help = "Set the UID of the volume owner", REFUSED },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	struct volume_create_options *o = cli->options;
	auto_free char *name = NULL;
	int r = 0;

	o->args.name = cli->arg_count ? cli->args[0] : NULL;
	r = ops_volume_create(cli->ops, &o->args, &name, err);
	if (r == 0)
		(void)buf_addf(&cli->out, "%s\n", name);
	return r;
}

static void defaults(void *state)
{
	((struct volume_create_options *)state)->args.driver = "local";
}

const struct cli_command command_volume_create = {
	.summary = "Create a new volume",
	.description = "If using the default driver, \"local\", the volume will be created on the "
		       "host in the volumes directory under container storage.",
	.usage = "[options] [NAME]",
	.examples = "volume create myvol\n"
		    "volume create\n"
		    "volume create --label foo=bar myvol",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct volume_create_options),
	.args_max = 1,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
