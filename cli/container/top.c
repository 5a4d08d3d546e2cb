/* SPDX-License-Identifier: Apache-2.0 */
/* bryo top: the processes of a running container. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format/report.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct top_options {
	struct cli_pick pick;
	bool list;
};

#define AT(field) offsetof(struct top_options, field)
static const struct cli_option options[] = {
	PICK_LATEST,
	{ .name = "list-descriptors",
	  .kind = CLI_BOOL,
	  .help = "List all supported format descriptors",
	  .offset = AT(list) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static void print_descriptors(struct cli *cli)
{
	struct strv names auto_done(strv) = STRV_INIT;

	ops_container_top_descriptors(&names);
	for (size_t i = 0; i < names.count; i++)
		(void)buf_addf(&cli->out, "%s\n", names.v[i]);
}

/* The container: the first word, or --latest. */
static int pick_name(struct cli *cli, const struct top_options *o, char **ret_name, struct err *err)
{
	const struct strv none = STRV_INIT;
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = 0;

	if (cli->arg_count == 0 && !o->pick.latest)
		return err_say(err, ERR_USAGE,
			       "you must provide the name or id of a running container");
	if (!o->pick.latest) {
		*ret_name = xstrdup(cli->args[0]);
		return 0;
	}
	r = ops_container_select(cli->ops, OPS_LATEST, &none, &ids, err);
	if (r == 0 && ids.count == 0)
		r = err_say(err, ERR_NOT_FOUND, "no containers");
	if (r == 0)
		*ret_name = xstrdup(ids.v[0]);
	return r;
}

static int run(struct cli *cli, struct err *err)
{
	const struct top_options *o = cli->options;
	struct strv descriptors auto_done(strv) = STRV_INIT;
	struct strv lines auto_done(strv) = STRV_INIT;
	struct buf text auto_done(buf) = BUF_INIT;
	auto_free char *name = NULL;
	int r = 0;

	if (o->list) {
		print_descriptors(cli);
		return 0;
	}
	r = pick_name(cli, o, &name, err);
	for (size_t i = o->pick.latest ? 0 : 1; r == 0 && i < cli->arg_count; i++)
		strv_add(&descriptors, cli->args[i]);
	if (r == 0)
		r = ops_container_top(cli->ops, name, &descriptors, &lines, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < lines.count; i++)
		(void)buf_addf(&text, "%s\n", lines.v[i]);
	report_align(&cli->out, text.data);
	return 0;
}

const struct cli_command command_top = {
	.summary = "Display the running processes of a container",
	.description = "Display the running processes of a container, one column for each format "
		       "descriptor. Without any: user, pid, ppid, pcpu, etime, tty, time, args.",
	.usage = "[options] CONTAINER [FORMAT-DESCRIPTORS]",
	.examples = "top ctrID\n"
		    "top --list-descriptors\n"
		    "top ctrID pid seccomp args %C",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct top_options),
	.args_max = CLI_ANY,
	.stop_at_first = true,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
