/* SPDX-License-Identifier: Apache-2.0 */
/* bryo volume rm: removes volumes. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct volume_rm_options {
	bool all;
	bool force;
};

#define AT(field) offsetof(struct volume_rm_options, field)
static const struct cli_option options[] = {
	{ .name = "all",
	  .letter = 'a',
	  .kind = CLI_BOOL,
	  .help = "Remove all volumes",
	  .offset = AT(all) },
	{ .name = "force",
	  .letter = 'f',
	  .kind = CLI_BOOL,
	  .help = "Remove a volume by force, even if it is being used by a container",
	  .offset = AT(force) },
	{ .name = "time",
	  .letter = 't',
	  .kind = CLI_INT,
	  .help = "Seconds to wait for running containers to stop before killing the container",
	  .preset = "10",
	  .aliases = "timeout",
	  IGNORED },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

/* One volume; returns the exit status that this one alone would give. */
static int remove_one(struct cli *cli, const struct volume_rm_options *o, const char *name,
		      struct strv *failures)
{
	struct err one = ERR_INIT;

	if (ops_volume_rm(cli->ops, name, o->force, &one) == 0) {
		(void)buf_addf(&cli->out, "%s\n", name);
		return 0;
	}
	if (one.kind == ERR_NOT_FOUND && o->force)
		return 0;
	strv_add(failures, one.text);
	return one.kind == ERR_BUSY ? 2 : one.kind == ERR_NOT_FOUND ? 1 : 125;
}

/* Every volume's name. */
static int all_names(struct cli *cli, struct strv *names, struct err *err)
{
	const struct strv none = STRV_INIT;
	auto_json json_t *list = NULL;
	int r = ops_volume_list(cli->ops, &none, &list, err);

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		strv_add(names, json_str(json_array_get(list, i), "Name", ""));
	return r;
}

static int run(struct cli *cli, struct err *err)
{
	const struct volume_rm_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	struct strv failures auto_done(strv) = STRV_INIT;
	int status = 0;
	int r = 0;

	if ((cli->arg_count > 0) == o->all)
		return err_say(err, ERR_USAGE, "choose either one or more volumes or all");
	for (size_t i = 0; i < cli->arg_count; i++)
		strv_add(&names, cli->args[i]);
	if (o->all)
		r = all_names(cli, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		int one = remove_one(cli, o, names.v[i], &failures);

		if (one == 2 || (one == 125 && status != 2) || (one == 1 && status == 0))
			status = one;
	}
	if (r == 0)
		r = cli_flush(cli, err);
	for (size_t i = 0; i < failures.count; i++)
		cli_print_error(failures.v[i]);
	return r < 0 ? r : status;
}

const struct cli_command command_volume_rm = {
	.summary = "Remove one or more volumes",
	.description = "Remove one or more existing volumes.\n\nBy default only volumes that are "
		       "not being used by any containers will be removed. To remove the volumes "
		       "anyways, use the --force flag.",
	.usage = "[options] VOLUME [VOLUME...]",
	.examples = "volume rm myvol1 myvol2\n"
		    "volume rm --all\n"
		    "volume rm --force myvol",
	.complete = "volume",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct volume_rm_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
