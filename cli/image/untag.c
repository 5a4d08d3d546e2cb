/* SPDX-License-Identifier: Apache-2.0 */
/* bryo untag: takes names from an image. */
#include "cli/command.h"
#include "cli/commands.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

static int run(struct cli *cli, struct err *err)
{
	struct strv names auto_done(strv) = STRV_INIT;

	for (size_t i = 1; i < cli->arg_count; i++)
		strv_add(&names, cli->args[i]);
	return ops_image_untag(cli->ops, cli->args[0], &names, err);
}

const struct cli_command command_untag = {
	.summary = "Remove a name from a local image",
	.description = "Removes one or more names from a locally-stored image.",
	.usage = "IMAGE [IMAGE...]",
	.examples = "untag 0e3bbc2\n"
		    "untag imageID:latest otherImageName:latest\n"
		    "untag httpd myregistryhost:5000/fedora/httpd:v2",
	.complete = "image",
	.args_min = 1,
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
