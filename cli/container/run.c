/* SPDX-License-Identifier: Apache-2.0 */
/* bryo run: makes a container, starts it and, in the foreground, stands in for it. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/create.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

#define AT(field) offsetof(struct cli_create, request.field)
static const struct cli_option options[] = {
	{ .name = "detach",
	  .letter = 'd',
	  .kind = CLI_BOOL,
	  .help = "Run container in background and print container ID",
	  .offset = AT(detach) },
	{ .name = "detach-keys",
	  .kind = CLI_STRING,
	  .metavar = "[a-Z]",
	  .preset = "ctrl-p,ctrl-q",
	  .help = "Override the key sequence for detaching a container. Format is a single "
		  "character [a-Z] or a comma separated sequence of `ctrl-<value>`, where "
		  "`<value>` is one of: `a-cf`, `@`, `^`, `[`, `\\`, `]`, `^` or `_`",
	  TEXT(detach_keys) },
	{ .name = "passwd",
	  .kind = CLI_BOOL,
	  .help = "Add entries to /etc/passwd and /etc/group",
	  .preset = "true",
	  .fine = "true",
	  REFUSED },
	{ .name = "preserve-fd",
	  .kind = CLI_UINTS,
	  .preset = "[]",
	  .help = "Pass a file descriptor into the container",
	  REFUSED },
	{ .name = "preserve-fds",
	  .kind = CLI_UINT,
	  .fine = "0",
	  .help = "Pass a number of additional file descriptors into the container",
	  REFUSED },
	{ .name = "rmi",
	  .kind = CLI_BOOL,
	  .help = "Remove image unless used by other containers, implies --rm",
	  .offset = AT(rmi) },
	{ .name = "sig-proxy",
	  .kind = CLI_BOOL,
	  .preset = "true",
	  .help = "Proxy received signals to the process",
	  TRISTATE(sig_proxy) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &cli_create_group, &group };

static const char notes[] = CLI_CREATE_NETWORK_NOTES
	"\n"
	"## EXIT STATUS\n\n"
	"**bryo run** exits with the status of the container's process, or:\n\n"
	"**125** The error is with bryo itself, as with a flag that it does not know.\n\n"
	"**126** The container's command cannot be executed.\n\n"
	"**127** The container's command cannot be found.\n";

static int run(struct cli *cli, struct err *err)
{
	struct cli_create *o = cli->options;
	struct strv warnings auto_done(strv) = STRV_INIT;
	auto_free char *id = NULL;
	int status = 0;
	int r = cli_create_finish(cli, o, err);

	if (r == 0)
		r = ops_container_run(cli->ops, &o->request, &id, &status, &warnings, err);
	for (size_t i = 0; i < warnings.count; i++)
		cli_print_line(warnings.v[i]);
	if (r < 0)
		return r;
	if (o->request.detach)
		(void)buf_addf(&cli->out, "%s\n", id);
	return status;
}

static void done(void *state)
{
	request_done(&((struct cli_create *)state)->request);
}

const struct cli_command command_run = {
	.summary = "Run a command in a new container",
	.description = "Runs a command in a new container from the given image",
	.usage = "[options] IMAGE [COMMAND [ARG...]]",
	.examples = "run imageID ls -alF /etc\n"
		    "run --network=host imageID dnf -y install java\n"
		    "run --volume /var/hostdir:/var/ctrdir -i -t fedora /bin/bash",
	.complete = "image",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct cli_create),
	.args_min = 1,
	.args_max = CLI_ANY,
	.stop_at_first = true,
	.done = done,
	.notes = notes,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
