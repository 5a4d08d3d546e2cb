/* SPDX-License-Identifier: Apache-2.0 */
/* bryo wait: waits for containers and prints their exit codes. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/pick.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/time.h"

struct wait_options {
	struct cli_pick pick;
	struct ops_wait_args args;
	const char *interval;
};

#define AT(field) offsetof(struct wait_options, field)
static const struct cli_option options[] = {
	{ .name = "condition",
	  .kind = CLI_STRINGS,
	  .help = "Condition to wait on",
	  .complete = "created,running,stopped,paused,exited,removing,stopping",
	  .offset = AT(args.conditions) },
	{ .name = "exit-first-match",
	  .kind = CLI_BOOL,
	  .help = "Wait for exit of first container which matches conditions, ignore other ones",
	  REFUSED },
	{ .name = "ignore",
	  .kind = CLI_BOOL,
	  .help = "Ignore if a container does not exist",
	  .offset = AT(pick.ignore) },
	{ .name = "interval",
	  .letter = 'i',
	  .kind = CLI_STRING,
	  .help = "Time Interval to wait before polling for completion",
	  .preset = "250ms",
	  .offset = AT(interval) },
	PICK_LATEST,
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int wait_one(struct cli *cli, const struct wait_options *o, const char *name,
		    struct err *err)
{
	int status = 0;
	int r = ops_container_wait(cli->ops, name, &o->args, &status, err);

	if (r == 0)
		(void)buf_addf(&cli->out, "%d\n", status);
	return r;
}

static int wait_or_ignore(struct cli *cli, const struct wait_options *o, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < cli->arg_count; i++) {
		r = wait_one(cli, o, cli->args[i], err);
		if (r < 0 && err->kind == ERR_NOT_FOUND) {
			(void)buf_add_str(&cli->out, "-1\n");
			r = 0;
		}
	}
	return r;
}

/* "500ms", "2s", or a bare number of milliseconds. */
static int parse_interval(const char *text, uint32_t *ret_ms, struct err *err)
{
	int64_t ns = 0;

	if (str_to_u32(text, ret_ms) == 0 && *ret_ms <= INT32_MAX)
		return 0;
	if (time_parse_duration(text, &ns) < 0 || ns < 0 || ns / 1000000 > INT32_MAX)
		return err_say(err, ERR_USAGE, "invalid --interval \"%s\": want 500ms, 2s, 1m",
			       text);
	*ret_ms = (uint32_t)(ns / 1000000);
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	struct wait_options *o = cli->options;
	struct strv names auto_done(strv) = STRV_INIT;
	int r = parse_interval(str_or(o->interval, "250ms"), &o->args.interval_ms, err);

	if (r < 0)
		return r;
	if (cli->arg_count == 0 && !o->pick.latest)
		return err_say(err, ERR_USAGE,
			       "\"bryo wait\" requires a name, id, or the \"--latest\" flag");
	/* A container that is not there is taken for one that ended, with -1. */
	if (o->pick.ignore)
		return wait_or_ignore(cli, o, err);
	r = cli_pick(cli, &o->pick, OPS_ALL, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = wait_one(cli, o, names.v[i], err);
	return r;
}

const struct cli_command command_wait = {
	.summary = "Block on one or more containers",
	.description = "Block until one or more containers stop and then print their exit codes.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "wait --interval 5s ctrID\n"
		    "wait ctrID1 ctrID2",
	.complete = "container",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct wait_options),
	.args_max = CLI_ANY,
	.need = OPS_NEED_NAMESPACE,
	.run = run,
};
