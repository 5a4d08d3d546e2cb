/* SPDX-License-Identifier: Apache-2.0 */
/* bryo import: makes an image of a root file system in a tarball. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct import_options {
	struct ops_import_args args;
};

#define AT(field) offsetof(struct import_options, field)
static const struct cli_option options[] = {
	{ .name = "arch",
	  .kind = CLI_STRING,
	  .help = "Set the architecture of the imported image",
	  .offset = AT(args.arch) },
	{ .name = "change",
	  .letter = 'c',
	  .kind = CLI_ARRAY,
	  .help = "Apply the following possible instructions to the created image (default []): "
		  "CMD | ENTRYPOINT | ENV | EXPOSE | LABEL | ONBUILD | STOPSIGNAL | USER | VOLUME "
		  "| WORKDIR",
	  .offset = AT(args.changes) },
	{ .name = "message",
	  .letter = 'm',
	  .kind = CLI_STRING,
	  .help = "Set commit message for imported image",
	  .offset = AT(args.message) },
	{ .name = "os",
	  .kind = CLI_STRING,
	  .help = "Set the OS of the imported image",
	  .offset = AT(args.os) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Suppress output",
	  .offset = AT(args.quiet) },
	{ .name = "variant",
	  .kind = CLI_STRING,
	  .help = "Set the variant of the imported image",
	  .offset = AT(args.variant) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	struct import_options *o = cli->options;
	auto_free char *id = NULL;
	int r = 0;

	o->args.source = cli->args[0];
	o->args.reference = cli->arg_count > 1 ? cli->args[1] : NULL;
	r = ops_image_import(cli->ops, &o->args, &id, err);
	if (r == 0)
		(void)buf_addf(&cli->out, "%s%s\n", str_starts(id, "sha256:") ? "" : "sha256:", id);
	return r;
}

const struct cli_command command_import = {
	.summary = "Import a tarball to create a filesystem image",
	.description = "Create a container image from the contents of the specified tarball (.tar, "
		       ".tar.gz, .tgz, .bzip, .tar.xz, .txz, .tar.zst).\n\nNote remote tar balls "
		       "can be specified, via web address.\nOptionally tag the image. You can "
		       "specify the instructions using the --change option.",
	.usage = "[options] PATH [REFERENCE]",
	.examples = "import https://example.com/ctr.tar url-image\n"
		    "import -q --message \"importing the ctr.tar tarball\" ctr.tar image-imported\n"
		    "import - < ctr.tar",
	.complete = "file",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct import_options),
	.args_min = 1,
	.args_max = 2,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
