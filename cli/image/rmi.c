/* SPDX-License-Identifier: Apache-2.0 */
/* bryo rmi: removes images, or names of them. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct rmi_options {
	struct ops_rmi_args args;
	bool all;
};

#define AT(field) offsetof(struct rmi_options, field)
static const struct cli_option options[] = {
	{ .name = "all",
	  .letter = 'a',
	  .kind = CLI_BOOL,
	  .help = "Remove all images",
	  .offset = AT(all) },
	{ .name = "force",
	  .letter = 'f',
	  .kind = CLI_BOOL,
	  .help = "Force Removal of the image",
	  .offset = AT(args.force) },
	{ .name = "ignore",
	  .letter = 'i',
	  .kind = CLI_BOOL,
	  .help = "Ignore errors if a specified image does not exist",
	  .offset = AT(args.ignore) },
	{ .name = "no-prune",
	  .kind = CLI_BOOL,
	  .help = "Do not remove dangling images",
	  .offset = AT(args.no_prune) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

/* One image; returns the exit status that this one alone would give. */
static int remove_one(struct cli *cli, const struct rmi_options *o, const char *name,
		      struct strv *failures)
{
	struct strv lines auto_done(strv) = STRV_INIT;
	struct err one = ERR_INIT;
	int r = ops_image_rm(cli->ops, name, &o->args, &lines, &one);

	for (size_t i = 0; i < lines.count; i++)
		(void)buf_addf(&cli->out, "%s\n", lines.v[i]);
	if (r == 0)
		return 0;
	/* With --all an image may have gone with one that was built upon it. */
	if (one.kind == ERR_NOT_FOUND && o->all)
		return 0;
	strv_add(failures, one.text);
	return one.kind == ERR_BUSY ? 2 : one.kind == ERR_NOT_FOUND ? 1 : 125;
}

static int run(struct cli *cli, struct err *err)
{
	const struct rmi_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	struct strv failures auto_done(strv) = STRV_INIT;
	int status = 0;
	int r = 0;

	if (o->all && cli->arg_count)
		return err_say(
			err, ERR_USAGE,
			"when using the --all switch, you may not pass any images names or IDs");
	if (!o->all && cli->arg_count == 0)
		return err_say(err, ERR_USAGE, "image name or ID must be specified");
	for (size_t i = 0; i < cli->arg_count; i++)
		strv_add(&names, cli->args[i]);
	if (o->all)
		r = ops_image_ids(cli->ops, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		int one = remove_one(cli, o, names.v[i], &failures);

		/* In use weighs most, then what failed otherwise, then what was missing. */
		if (one == 2 || (one == 125 && status != 2) || (one == 1 && status == 0))
			status = one;
	}
	if (r == 0)
		r = cli_flush(cli, err);
	for (size_t i = 0; i < failures.count; i++)
		cli_print_error(failures.v[i]);
	return r < 0 ? r : status;
}

const struct cli_command command_rmi = {
	.summary = "Remove one or more images from local storage",
	.description = "Removes one or more previously pulled or locally created images.",
	.usage = "[options] IMAGE [IMAGE...]",
	.examples = "rmi imageID\n"
		    "rmi --force alpine\n"
		    "rmi c4dfb1609ee2 93fd78260bd1 c0ed59d05ff7",
	.complete = "image",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct rmi_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
