/* SPDX-License-Identifier: Apache-2.0 */
/* bryo exec: runs a further process in a running container. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"

#include <fcntl.h>
#include <string.h>

#define CIDFILE_MAX 4096

struct exec_options {
	struct ops_exec_args args;
	const char *cidfile;
	bool latest;
	uint64_t preserve_fds;
};

#define AT(field) offsetof(struct exec_options, field)
static const struct cli_option options[] = {
	{ .name = "cidfile",
	  .kind = CLI_STRING,
	  .help = "File to read the container ID from",
	  .complete = "file",
	  .offset = AT(cidfile) },
	{ .name = "detach",
	  .letter = 'd',
	  .kind = CLI_BOOL,
	  .help = "Run the exec session in detached mode (backgrounded)",
	  .offset = AT(args.detach) },
	{ .name = "detach-keys",
	  .kind = CLI_STRING,
	  .preset = "ctrl-p,ctrl-q",
	  .help = "Select the key sequence for detaching a container. Format is a single character "
		  "[a-Z] or a comma separated sequence of `ctrl-<value>`, where `<value>` is one "
		  "of: `a-z`, `@`, `^`, `[`, `\\`, `]`, `^` or `_`",
	  .offset = AT(args.detach_keys) },
	{ .name = "env",
	  .secret = true,
	  .letter = 'e',
	  .kind = CLI_ARRAY,
	  .help = "Set environment variables",
	  .offset = AT(args.env) },
	{ .name = "env-file",
	  .kind = CLI_ARRAY,
	  .help = "Read in a file of environment variables",
	  .complete = "file",
	  .offset = AT(args.env_files) },
	{ .name = "interactive",
	  .letter = 'i',
	  .kind = CLI_BOOL,
	  .help = "Make STDIN available to the contained process",
	  .offset = AT(args.interactive) },
	{ .name = "latest",
	  .letter = 'l',
	  .kind = CLI_BOOL,
	  .help = "Act on the latest container bryo is aware of",
	  .offset = AT(latest) },
	{ .name = "no-session",
	  .kind = CLI_BOOL,
	  .help = "Do not create a database session for the exec process",
	  IGNORED },
	{ .name = "preserve-fd",
	  .kind = CLI_UINTS,
	  .help = "Pass a list of additional file descriptors to the container",
	  .preset = "[]",
	  REFUSED },
	{ .name = "preserve-fds",
	  .kind = CLI_UINT,
	  .help = "Pass N additional file descriptors to the container",
	  .offset = AT(preserve_fds) },
	{ .name = "privileged",
	  .kind = CLI_BOOL,
	  .help = "Give the process extended Linux capabilities inside the container.  The default "
		  "is false",
	  .offset = AT(args.privileged) },
	{ .name = "tty",
	  .letter = 't',
	  .kind = CLI_BOOL,
	  .help = "Allocate a pseudo-TTY. The default is false",
	  .offset = AT(args.tty) },
	{ .name = "user",
	  .letter = 'u',
	  .kind = CLI_STRING,
	  .help = "Sets the username or UID used and optionally the groupname or GID for the "
		  "specified command",
	  .offset = AT(args.user) },
	{ .name = "workdir",
	  .letter = 'w',
	  .kind = CLI_STRING,
	  .help = "Working directory inside the container",
	  .offset = AT(args.workdir) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

/* The container: the first positional, the newest one, or the id in a file. */
static int pick_name(struct cli *cli, const struct exec_options *o, char **ret_name,
		     size_t *ret_used, struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	const struct strv none = STRV_INIT;
	size_t size = 0;
	int r = 0;

	*ret_used = 0;
	if (o->latest) {
		r = ops_container_select(cli->ops, OPS_LATEST, &none, &ids, err);
		if (r == 0 && ids.count == 0)
			r = err_say(err, ERR_NOT_FOUND, "no containers");
		if (r == 0)
			*ret_name = xstrdup(ids.v[0]);
		return r;
	}
	if (o->cidfile) {
		r = file_read_at(AT_FDCWD, o->cidfile, CIDFILE_MAX, ret_name, &size);
		if (r < 0)
			return err_set(err, r, "reading CIDFile %s", o->cidfile);
		(*ret_name)[strcspn(*ret_name, "\r\n")] = '\0';
		return 0;
	}
	if (cli->arg_count == 0)
		return err_say(err, ERR_USAGE,
			       "exec requires the name or ID of a container or the --latest or "
			       "--cidfile flag");
	*ret_name = xstrdup(cli->args[0]);
	*ret_used = 1;
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	struct exec_options *o = cli->options;
	auto_free char *name = NULL;
	auto_free char *session = NULL;
	size_t used = 0;
	int status = 0;
	int r = pick_name(cli, o, &name, &used, err);

	if (r < 0)
		return r;
	for (size_t i = used; i < cli->arg_count; i++)
		strv_add(&o->args.command, cli->args[i]);
	o->args.preserve_fds =
		o->preserve_fds > UINT32_MAX ? UINT32_MAX : (uint32_t)o->preserve_fds;
	if (o->args.command.count == 0)
		return err_say(err, ERR_USAGE,
			       "must provide a non-empty command to start an exec session");
	r = ops_container_exec(cli->ops, name, &o->args, &status, &session, err);
	if (r < 0 && err->kind == ERR_STATE) {
		/* Podman's status for a container that does not run. */
		cli_print_error(err->text);
		return 255;
	}
	if (r < 0)
		return r;
	if (o->args.detach && session)
		(void)buf_addf(&cli->out, "%s\n", session);
	return status;
}

static void done(void *state)
{
	struct exec_options *o = state;

	strv_done(&o->args.command);
	strv_done(&o->args.env);
	strv_done(&o->args.env_files);
}

const struct cli_command command_exec = {
	.summary = "Run a process in a running container",
	.description = "Execute the specified command inside a running container.",
	.usage = "[options] CONTAINER COMMAND [ARG...]",
	.examples = "exec -it ctrID ls\n"
		    "exec -it -w /tmp myCtr pwd\n"
		    "exec --user root ctrID ls",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct exec_options),
	.args_max = CLI_ANY,
	.stop_at_first = true,
	.done = done,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
