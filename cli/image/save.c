/* SPDX-License-Identifier: Apache-2.0 */
/* bryo save: writes images into an archive. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include <unistd.h>

#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct save_options {
	struct ops_save_args args;
};

#define AT(field) offsetof(struct save_options, field)
static const struct cli_option options[] = {
	{ .name = "compress",
	  .kind = CLI_BOOL,
	  .help = "Compress tarball image layers when saving to a directory using the 'dir' "
		  "transport. (default is same compression type as source)",
	  .offset = AT(args.compress) },
	{ .name = "format",
	  .kind = CLI_STRING,
	  .help = "Save image to oci-archive, oci-dir (directory with oci manifest type), "
		  "docker-archive, docker-dir (directory with v2s2 manifest type)",
	  .preset = "docker-archive",
	  .complete = "oci-archive,oci-dir,docker-archive,docker-dir",
	  .offset = AT(args.format) },
	{ .name = "multi-image-archive",
	  .letter = 'm',
	  .kind = CLI_BOOL,
	  .help = "Interpret additional arguments as images not tags and create a "
		  "multi-image-archive (only for docker-archive)",
	  .offset = AT(args.multi) },
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STRING,
	  .help = "Write to a specified file (default: stdout, which must be redirected)",
	  .complete = "file",
	  .offset = AT(args.output) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Suppress the output",
	  .offset = AT(args.quiet) },
	{ .name = "uncompressed",
	  .kind = CLI_BOOL,
	  .help = "Accept uncompressed layers when copying OCI images",
	  .offset = AT(args.uncompressed) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	const struct save_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;

	if (cli->arg_count == 0)
		return err_say(err, ERR_USAGE, "need at least 1 argument");
	if (!o->args.output && isatty(STDOUT_FILENO))
		return err_say(err, ERR_USAGE,
			       "refusing to save to terminal. Use -o flag or redirect");
	for (size_t i = 0; i < cli->arg_count; i++)
		strv_add(&names, cli->args[i]);
	return ops_image_save(cli->ops, &names, &o->args, err);
}

static void defaults(void *state)
{
	((struct save_options *)state)->args.format = "docker-archive";
}

const struct cli_command command_save = {
	.summary = "Save image(s) to an archive",
	.description = "Save an image to docker-archive or oci-archive on the local machine. "
		       "Default is docker-archive.",
	.usage = "[options] IMAGE [IMAGE...]",
	.examples = "save --quiet -o myimage.tar imageID\n"
		    "save --format docker-dir -o ubuntu-dir ubuntu\n"
		    "save > alpine-all.tar alpine:latest",
	.complete = "image",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct save_options),
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
