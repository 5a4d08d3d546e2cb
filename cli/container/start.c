/* SPDX-License-Identifier: Apache-2.0 */
/* bryo start: starts containers that exist. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct start_options {
	struct cli_pick pick;
	bool attach;
	bool interactive;
	bool sig_proxy;
	const char *detach_keys;
};

#define AT(field) offsetof(struct start_options, field)
static const struct cli_option options[] = {
	{ .name = "all",
	  .kind = CLI_BOOL,
	  .help = "Start all containers regardless of their state or configuration",
	  .offset = AT(pick.all) },
	{ .name = "attach",
	  .letter = 'a',
	  .kind = CLI_BOOL,
	  .help = "Attach container's STDOUT and STDERR",
	  .offset = AT(attach) },
	{ .name = "detach-keys",
	  .kind = CLI_STRING,
	  .metavar = "[a-Z]",
	  .preset = "ctrl-p,ctrl-q",
	  .help = "Select the key sequence for detaching a container. Format is a single character "
		  "[a-Z] or a comma separated sequence of `ctrl-<value>`, where `<value>` is one "
		  "of: `a-z`, `@`, `^`, `[`, `\\`, `]`, `^` or `_`",
	  .offset = AT(detach_keys) },
	PICK_FILTER('f'),
	{ .name = "interactive",
	  .letter = 'i',
	  .kind = CLI_BOOL,
	  .help = "Make STDIN available to the contained process",
	  .offset = AT(interactive) },
	PICK_LATEST,
	{ .name = "sig-proxy",
	  .kind = CLI_BOOL,
	  .help = "Proxy received signals to the process (default true if attaching, false "
		  "otherwise)",
	  .offset = AT(sig_proxy) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *name, struct err *err)
{
	const struct ops_start_args args = { 0 };
	int status = 0;

	return ops_container_start(cli->ops, name, &args, &status, err);
}

/* Attached: the exit status is the container's. */
static int start_attached(struct cli *cli, const struct start_options *o, const char *name,
			  struct err *err)
{
	const struct ops_start_args args = {
		.attach = o->attach,
		.interactive = o->interactive,
		.detach_keys = o->detach_keys,
		.sig_proxy = cli_was_set(cli->parse, &o->sig_proxy) ? o->sig_proxy : true,
	};
	int status = 0;
	int r = ops_container_start(cli->ops, name, &args, &status, err);

	return r < 0 ? r : status;
}

static int check(const struct cli *cli, const struct start_options *o, struct err *err)
{
	bool many = o->pick.all || o->pick.latest || o->pick.filters.count;

	if (cli->arg_count == 0 && !many)
		return err_say(err, ERR_USAGE, "start requires at least one argument");
	if (o->attach && cli->arg_count > 1)
		return err_say(err, ERR_USAGE,
			       "you cannot start and attach multiple containers at once");
	if (o->sig_proxy && !o->attach)
		return err_say(err, ERR_USAGE, "you cannot use sig-proxy without --attach");
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	const struct start_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = check(cli, o, err);

	if (r == 0)
		r = cli_pick(cli, &o->pick, OPS_ALL, &names, err);
	if (r < 0)
		return r;
	if (o->attach && names.count == 1)
		return start_attached(cli, o, names.v[0], err);
	r = cli_each(cli, &names, act, err);
	return r < 0 ? r : 0;
}

const struct cli_command command_start = {
	.summary = "Start one or more containers",
	.description = "Starts one or more containers.  The container name or ID can be used.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "start 860a4b231279 5421ab43b45\n"
		    "start --interactive --attach imageID",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct start_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
