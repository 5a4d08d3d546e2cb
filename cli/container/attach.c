/* SPDX-License-Identifier: Apache-2.0 */
/* bryo attach: joins the terminal or the streams of a running container. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct attach_options {
	struct cli_pick pick;
	struct ops_attach_args args;
};

#define AT(field) offsetof(struct attach_options, field)
static const struct cli_option options[] = {
	{ .name = "detach-keys",
	  .kind = CLI_STRING,
	  .metavar = "[a-Z]",
	  .preset = "ctrl-p,ctrl-q",
	  .help = "Select the key sequence for detaching a container. Format is a single character "
		  "[a-Z] or a comma separated sequence of `ctrl-<value>`, where `<value>` is one "
		  "of: `a-z`, `@`, `^`, `[`, `\\`, `]`, `^` or `_`",
	  .offset = AT(args.detach_keys) },
	PICK_LATEST,
	{ .name = "no-stdin",
	  .kind = CLI_BOOL,
	  .help = "Do not attach STDIN. The default is false",
	  .offset = AT(args.no_stdin) },
	{ .name = "sig-proxy",
	  .kind = CLI_BOOL,
	  .help = "Proxy received signals to the process",
	  .preset = "true",
	  .offset = AT(args.sig_proxy) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run(struct cli *cli, struct err *err)
{
	const struct attach_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int status = 0;
	int r = 0;

	if (cli->arg_count > 1 || (cli->arg_count == 0 && !o->pick.latest))
		return err_say(err, ERR_USAGE,
			       "attach requires the name or id of one running container or the "
			       "latest flag");
	r = cli_pick(cli, &o->pick, OPS_ALL, &names, err);
	if (r == 0 && names.count == 0)
		r = err_say(err, ERR_NOT_FOUND, "no containers");
	if (r == 0)
		r = ops_container_attach(cli->ops, names.v[0], &o->args, &status, err);
	return r < 0 ? r : status;
}

static void defaults(void *state)
{
	((struct attach_options *)state)->args.sig_proxy = true;
}

const struct cli_command command_attach = {
	.summary = "Attach to a running container",
	.description = "The bryo attach command allows you to attach to a running container using "
		       "the container's ID or name, either to view its ongoing output or to "
		       "control it interactively.",
	.usage = "[options] CONTAINER",
	.examples = "attach ctrID\n"
		    "attach 1234\n"
		    "attach --no-stdin foobar",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct attach_options),
	.args_max = CLI_ANY,
	.defaults = defaults,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
