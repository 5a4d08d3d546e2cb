/* SPDX-License-Identifier: Apache-2.0 */
/* bryo port: prints the published ports of containers. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include <string.h>

struct port_options {
	struct cli_pick pick;
};

#define AT(field) offsetof(struct port_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Display port information for all containers"),
	PICK_LATEST,
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

/* A container that publishes nothing now (it does not run) is no error, as with Podman. */
static int none_found(struct cli *cli, const char *name, const char *port, struct err *err)
{
	struct strv lines auto_done(strv) = STRV_INIT;
	int r = ops_container_port(cli->ops, name, NULL, &lines, err);

	if (r < 0 || lines.count == 0)
		return r;
	return err_say(err, ERR_NOT_FOUND, "failed to find published port \"%s\"", port);
}

/* Lines of one container; many: its id stands before each. */
static int print_ports(struct cli *cli, const char *name, const char *port, bool many,
		       struct err *err)
{
	struct strv lines auto_done(strv) = STRV_INIT;
	auto_free char *id = NULL;
	auto_free char *full = NULL;
	int r = ops_container_port(cli->ops, name, port, &lines, err);

	if (r == 0 && many)
		r = ops_container_resolve(cli->ops, name, &id, &full, err);
	if (r < 0)
		return r;
	if (port && lines.count == 0)
		return none_found(cli, name, port, err);
	for (size_t i = 0; i < lines.count; i++) {
		const char *arrow = strstr(lines.v[i], " -> ");

		if (many)
			(void)buf_addf(&cli->out, "%.12s\t", id);
		(void)buf_addf(&cli->out, "%s\n", port && arrow ? arrow + 4 : lines.v[i]);
	}
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	const struct port_options *o = cli->options;
	const struct strv none = STRV_INIT;
	struct strv ids auto_done(strv) = STRV_INIT;
	size_t names = o->pick.latest ? 0 : 1;
	const char *port = cli->arg_count > names ? cli->args[names] : NULL;
	int r = 0;

	if (o->pick.all && cli->arg_count)
		return err_say(err, ERR_USAGE, "no arguments are needed with --all");
	if (cli->arg_count > names + 1)
		return err_say(err, ERR_USAGE, "`bryo port` accepts at most %zu arguments",
			       names + 1);
	if (!o->pick.all && !o->pick.latest) {
		if (cli->arg_count == 0)
			return err_say(err, ERR_USAGE,
				       "you must supply a running container name or id");
		return print_ports(cli, cli->args[0], port, false, err);
	}
	r = ops_container_select(cli->ops, o->pick.all ? OPS_RUNNING : OPS_LATEST, &none, &ids,
				 err);
	for (size_t i = 0; r == 0 && i < ids.count; i++)
		r = print_ports(cli, ids.v[i], o->pick.all ? NULL : port, o->pick.all, err);
	return r;
}

const struct cli_command command_port = {
	.summary = "List port mappings or a specific mapping for the container",
	.description = "List port mappings for the CONTAINER, or look up the public-facing port "
		       "that is NAT-ed to the PRIVATE_PORT",
	.usage = "[options] CONTAINER [PORT]",
	.examples = "port --all\n"
		    "port ctrID 80/tcp",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct port_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_PATHS,
	.run = run,
};
