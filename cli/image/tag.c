/* SPDX-License-Identifier: Apache-2.0 */
/* bryo tag: gives an image further names. */
#include "cli/command.h"
#include "cli/commands.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

static int run(struct cli *cli, struct err *err)
{
	struct strv names auto_done(strv) = STRV_INIT;

	for (size_t i = 1; i < cli->arg_count; i++)
		strv_add(&names, cli->args[i]);
	return ops_image_tag(cli->ops, cli->args[0], &names, err);
}

const struct cli_command command_tag = {
	.summary = "Add an additional name to a local image",
	.description = "Adds one or more additional names to locally-stored image.",
	.usage = "IMAGE TARGET_NAME [TARGET_NAME...]",
	.examples = "tag 0e3bbc2 fedora:latest\n"
		    "tag imageID:latest myNewImage:newTag\n"
		    "tag httpd myregistryhost:5000/fedora/httpd:v2",
	.complete = "image",
	.args_min = 2,
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
