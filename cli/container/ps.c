/* SPDX-License-Identifier: Apache-2.0 */
/* bryo ps: lists containers. The rows come from the engine; here is only their look. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/container/ps-row.h"
#include "cli/format/report.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct ps_options {
	struct ops_ps_args args;
	const char *format;
	const char *sort;
	bool latest, no_trunc, noheading, ns, pod, quiet;
	int64_t last;
	uint64_t watch;
};

#define AT(field) offsetof(struct ps_options, field)
static const struct cli_option options[] = {
	{ .name = "all",
	  .letter = 'a',
	  .kind = CLI_BOOL,
	  .help = "Show all the containers, default is only running containers",
	  .offset = AT(args.all) },
	{ .name = "external",
	  .kind = CLI_BOOL,
	  .aliases = "storage",
	  .help = "Show containers in storage not controlled by bryo",
	  IGNORED },
	{ .name = "filter",
	  .letter = 'f',
	  .kind = CLI_ARRAY,
	  .help = "Filter output based on conditions given",
	  .offset = AT(args.filters) },
	{ .name = "format",
	  .kind = CLI_STRING,
	  .help = "Pretty-print containers to JSON or using a Go template",
	  .complete = "json",
	  .offset = AT(format) },
	{ .name = "last",
	  .letter = 'n',
	  .kind = CLI_INT,
	  .help = "Print the n last created containers (all states)",
	  .preset = "-1",
	  .offset = AT(last) },
	{ .name = "latest",
	  .letter = 'l',
	  .kind = CLI_BOOL,
	  .help = "Act on the latest container bryo is aware of",
	  .offset = AT(latest) },
	{ .name = "no-trunc",
	  .kind = CLI_BOOL,
	  .aliases = "notruncate",
	  .help = "Display the extended information",
	  .offset = AT(no_trunc) },
	{ .name = "noheading",
	  .kind = CLI_BOOL,
	  .help = "Do not print headers",
	  .offset = AT(noheading) },
	{ .name = "ns",
	  .kind = CLI_BOOL,
	  .aliases = "namespace",
	  .help = "Display namespace information",
	  .offset = AT(ns) },
	{ .name = "pod",
	  .letter = 'p',
	  .kind = CLI_BOOL,
	  .help = "Print the ID and name of the pod the containers are associated with",
	  .offset = AT(pod) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Print the numeric IDs of the containers only",
	  .offset = AT(quiet) },
	{ .name = "size",
	  .letter = 's',
	  .kind = CLI_BOOL,
	  .help = "Display the total file sizes",
	  .offset = AT(args.size) },
	{ .name = "sort",
	  .kind = CLI_CHOICE,
	  .choices = PS_SORTS,
	  .complete = PS_SORTS,
	  .help = "Sort output by: command, created, id, image, names, runningfor, size, status",
	  .offset = AT(sort) },
	{ .name = "sync",
	  .kind = CLI_BOOL,
	  .help = "Sync container state with OCI runtime",
	  .offset = AT(args.sync) },
	{ .name = "watch",
	  .letter = 'w',
	  .kind = CLI_UINT,
	  .help = "Watch the ps output on an interval in seconds",
	  .offset = AT(watch) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

/* The fields that a --format may name, with the headings that are not made of the name. */
static const struct report_heading headings[] = {
	{ "ID", "CONTAINER ID" }, { "Id", "CONTAINER ID" },
	{ "Image", NULL },	  { "ImageID", "IMAGE ID" },
	{ "Command", NULL },	  { "Created", NULL },
	{ "CreatedAt", NULL },	  { "CreatedHuman", "CREATED" },
	{ "RunningFor", NULL },	  { "Status", NULL },
	{ "State", NULL },	  { "Ports", NULL },
	{ "ExposedPorts", NULL }, { "Names", NULL },
	{ "Labels", NULL },	  { "Mounts", NULL },
	{ "Networks", NULL },	  { "Pid", "PID" },
	{ "Exited", NULL },	  { "ExitedAt", NULL },
	{ "ExitCode", NULL },	  { "StartedAt", NULL },
	{ "AutoRemove", NULL },	  { "CIDFile", NULL },
	{ "IsInfra", NULL },	  { "Pod", "POD ID" },
	{ "PodName", "PODNAME" }, { "Restarts", NULL },
	{ "Size", NULL },	  { "CGROUPNS", "CGROUPNS" },
	{ "Cgroup", "CGROUPNS" }, { "IPC", "IPC" },
	{ "MNT", "MNT" },	  { "NET", "NET" },
	{ "PIDNS", "PIDNS" },	  { "USERNS", "USERNS" },
	{ "UTS", "UTS" },	  { "Namespaces", NULL },
};
static const struct template_types types = {
	.root = "containers.psReporter",
	.maps = "Labels",
	.times = "Created,CreatedAt",
};

static const char *default_format(const struct ps_options *o)
{
	if (o->quiet)
		return "{{.ID}}";
	if (o->ns)
		return "table "
		       "{{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.CGROUPNS}}\t{{.IPC}}\t{{.MNT}}\t{{.NET}}"
		       "\t{{.PIDNS}}\t{{.USERNS}}\t{{.UTS}}";
	if (o->pod && o->args.size)
		return PS_COLUMNS "\t{{.Pod}}\t{{.PodName}}\t{{.Size}}";
	if (o->pod)
		return PS_COLUMNS "\t{{.Pod}}\t{{.PodName}}";
	return o->args.size ? PS_COLUMNS "\t{{.Size}}" : PS_COLUMNS;
}

static int check(const struct cli *cli, const struct ps_options *o, struct err *err)
{
	if (o->latest && cli_was_set(cli->parse, &o->last))
		return err_say(err, ERR_USAGE, "last and latest are mutually exclusive");
	if (o->quiet && o->args.size)
		return err_say(err, ERR_USAGE, "quiet and size are mutually exclusive");
	if (o->ns && o->args.size)
		return err_say(err, ERR_USAGE, "size and namespace options conflict");
	if (o->ns && o->quiet)
		return err_say(err, ERR_USAGE, "quiet conflicts with namespace");
	return 0;
}

static int list_once(struct cli *cli, struct ps_options *o, struct err *err)
{
	const char *format = o->format && !o->quiet ? o->format : default_format(o);
	struct report report = { .name = "ps",
				 .format = format,
				 .types = &types,
				 .headings = headings,
				 .heading_count = ARRAY_SIZE(headings),
				 .noheading = o->noheading };
	auto_json json_t *list = NULL;
	auto_json json_t *sorted = NULL;
	auto_json json_t *rows = NULL;
	struct ps_fields fields = ps_fields(format);
	int r = 0;

	o->args.brief = ps_is_brief(&fields, o->sort) && !report_wants_json(format);
	r = ops_container_ps(cli->ops, &o->args, &list, err);
	if (r < 0)
		return r;
	sorted = ps_sort(list, o->sort);
	if (report_wants_json(format)) {
		report_json(&cli->out, sorted, 2);
		return 0;
	}
	rows = json_array();
	for (size_t i = 0; i < json_array_size(sorted); i++)
		json_array_append_new(rows,
				      ps_row(json_array_get(sorted, i), &fields, !o->no_trunc));
	return report_rows(&cli->out, &report, rows, err);
}

static int run(struct cli *cli, struct err *err)
{
	struct ps_options *o = cli->options;
	int r = check(cli, o, err);

	if (r < 0)
		return r;
	if (o->latest || o->last > 0)
		o->args.all = true;
	o->args.last = o->latest ? 1 : o->last > 0 ? o->last : 0;
	/* A filter by state asks for containers in that state, running or not. */
	for (size_t i = 0; i < o->args.filters.count; i++)
		if (str_starts(o->args.filters.v[i], "status="))
			o->args.all = true;
	if (!o->watch)
		json_use_arena();
	r = list_once(cli, o, err);
	while (r == 0 && o->watch) {
		r = cli_flush(cli, err);
		(void)sleep((unsigned)o->watch);
		(void)buf_add_str(&cli->out, "\033[H\033[2J");
		if (r == 0)
			r = list_once(cli, o, err);
	}
	return r;
}

static void defaults(void *state)
{
	struct ps_options *o = state;

	o->last = -1;
	o->sort = "created";
}

const struct cli_command command_ps = {
	.summary = "List containers",
	.description = "Prints out information about the containers",
	.usage = "[options]",
	.examples = "ps -a\n"
		    "ps -a --format \"{{.ID}}  {{.Image}}  {{.Labels}}  {{.Mounts}}\"\n"
		    "ps --size --sort names",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct ps_options),
	.defaults = defaults,
	.need = OPS_NEED_PATHS,
	.run = run,
};
