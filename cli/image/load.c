/* SPDX-License-Identifier: Apache-2.0 */
/* bryo load: takes images out of an archive. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include <unistd.h>

#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct load_options {
	const char *input;
	bool quiet;
};

#define AT(field) offsetof(struct load_options, field)
static const struct cli_option options[] = {
	{ .name = "input",
	  .letter = 'i',
	  .kind = CLI_STRING,
	  .help = "Read from specified archive file (default: stdin)",
	  .complete = "file",
	  .offset = AT(input) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Suppress the output",
	  .offset = AT(quiet) },
	{ .name = "signature-policy", .kind = CLI_STRING, .hidden = true, REFUSED },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	const struct load_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = 0;

	if (!o->input && isatty(STDIN_FILENO))
		return err_say(err, ERR_USAGE,
			       "cannot read from terminal, use command-line redirection or the "
			       "--input flag");
	r = ops_image_load(cli->ops, o->input, o->quiet, &names, err);
	for (size_t i = 0; i < names.count; i++)
		(void)buf_addf(&cli->out, "Loaded image: %s\n", names.v[i]);
	return r;
}

const struct cli_command command_load = {
	.summary = "Load image(s) from a tar archive",
	.description =
		"Loads an image from a locally stored archive (tar file) into container storage.",
	.usage = "[options]",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct load_options),
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
