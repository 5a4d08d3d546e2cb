/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo network reload: makes a container's network look at the host anew. With Podman it writes
 * firewall rules again and refuses user-mode networks; here it is these that have something to
 * read again: the host's resolvers, and published ports that could not be bound.
 */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct reload_options {
	struct cli_pick pick;
};

#define AT(field) offsetof(struct reload_options, field)
static const struct cli_option options[] = {
	PICK_ALL("Reload network configuration of all containers"),
	PICK_LATEST,
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int act(struct cli *cli, const char *id, struct err *err)
{
	return ops_network_reload(cli->ops, id, err);
}

/* Full ids, as Podman prints them; with --all only those that can be reloaded. */
static int full_ids(struct cli *cli, const struct strv *names, bool all, struct strv *ret_ids,
		    struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < names->count && r == 0; i++) {
		auto_free char *id = NULL;
		auto_free char *name = NULL;

		if (all && !ops_network_is_user_mode(cli->ops, names->v[i]))
			continue;
		r = ops_container_resolve(cli->ops, names->v[i], &id, &name, err);
		if (r == 0)
			strv_add(ret_ids, id);
	}
	return r;
}

static int run(struct cli *cli, struct err *err)
{
	const struct reload_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = 0;

	r = cli_pick(cli, &o->pick, OPS_RUNNING, &names, err);
	if (r >= 0)
		r = full_ids(cli, &names, o->pick.all, &ids, err);
	if (r >= 0)
		r = cli_each(cli, &ids, act, err);
	return r < 0 ? r : 0;
}

const struct cli_command command_network_reload = {
	.summary = "Reload the network of one or more containers",
	.description =
		"Has the user-mode network of running containers read the host's resolvers "
		"again, and bind the published ports that it could not bind or that it lost.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "network reload 3c13ef6dd843\n"
		    "network reload test1 test2\n"
		    "network reload --all",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct reload_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
