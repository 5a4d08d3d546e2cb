/* SPDX-License-Identifier: Apache-2.0 */
/* bryo rm: removes containers. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct rm_options {
	struct cli_pick pick;
	struct ops_rm_args args;
	int64_t time; /* seconds, -1: the container's own */
	int status;   /* of the command so far: 1 where one was missing, 2 where one ran */
};

#define AT(field) offsetof(struct rm_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Remove all containers"),
	PICK_CIDFILE,
	{ .name = "depend",
	  .kind = CLI_BOOL,
	  .help = "Remove container and all containers that depend on the selected container",
	  REFUSED },
	PICK_FILTER(0),
	{ .name = "force",
	  .letter = 'f',
	  .kind = CLI_BOOL,
	  .help = "Force removal of a running or unusable container",
	  .offset = AT(args.force) },
	PICK_IGNORE,
	PICK_LATEST,
	{ .name = "time",
	  .letter = 't',
	  .kind = CLI_INT,
	  .preset = "10",
	  .help = "Seconds to wait for stop before killing the container",
	  .offset = AT(time) },
	{ .name = "volumes",
	  .letter = 'v',
	  .kind = CLI_BOOL,
	  .help = "Remove anonymous volumes associated with the container",
	  .offset = AT(args.volumes) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *name, struct err *err)
{
	struct rm_options *o = cli->options;
	int r = ops_container_rm(cli->ops, name, &o->args, err);

	if (r < 0 && err->kind == ERR_STATE)
		o->status = 2;
	else if (r < 0 && err->kind == ERR_NOT_FOUND && o->status == 0)
		o->status = 1;
	else if (r < 0 && o->status == 0)
		o->status = 125;
	return r;
}

static int run(struct cli *cli, struct err *err)
{
	struct rm_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = 0;

	if (cli_was_set(cli->parse, &o->time) && !o->args.force)
		return err_say(err, ERR_USAGE,
			       "--force option must be specified to use the --time option");
	/* As in docker, forcing makes a missing one no error. */
	o->pick.ignore |= o->args.force;
	o->args.ignore = o->pick.ignore;
	o->args.timeout = (int)o->time;
	r = cli_pick(cli, &o->pick, OPS_ALL, &names, err);
	if (r < 0 && err->kind == ERR_NOT_FOUND) {
		cli_print_error(err->text);
		return 1;
	}
	if (r < 0)
		return r;
	if (cli_each(cli, &names, act, err) == 0)
		return 0;
	cli_print_error(err->text);
	return o->status;
}

static void defaults(void *state)
{
	((struct rm_options *)state)->time = -1;
}

const struct cli_command command_rm = {
	.summary = "Remove one or more containers",
	.description = "Removes one or more containers from the host. The container name or ID can "
		       "be used.\n\nCommand does not remove images. Running or unusable containers "
		       "will not be removed without the -f option.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "rm ctrID\n"
		    "rm mywebserver myflaskserver 860a4b23\n"
		    "rm --force --all\n"
		    "rm -f c684f0d469f2",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct rm_options),
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
