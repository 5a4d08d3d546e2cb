/* SPDX-License-Identifier: Apache-2.0 */
/* bryo volume ls: lists volumes. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format/report.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct volume_ls_options {
	struct strv filters;
	const char *format;
	bool noheading, quiet;
};

#define AT(field) offsetof(struct volume_ls_options, field)
static const struct cli_option options[] = {
	{ .name = "filter",
	  .letter = 'f',
	  .kind = CLI_ARRAY,
	  .help = "Filter volume output",
	  .offset = AT(filters) },
	{ .name = "format",
	  .kind = CLI_STRING,
	  .complete = "json",
	  .preset = "{{range .}}{{.Driver}}\\t{{.Name}}\\n{{end -}}",
	  .help = "Format volume output using Go template",
	  .offset = AT(format) },
	{ .name = "noheading",
	  .letter = 'n',
	  .kind = CLI_BOOL,
	  .help = "Do not print headers",
	  .offset = AT(noheading) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Print volume output in quiet mode",
	  .offset = AT(quiet) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static const struct report_heading headings[] = {
	{ "Name", "VOLUME NAME" }, { "Driver", NULL },	   { "Mountpoint", "MOUNTPOINT" },
	{ "CreatedAt", NULL },	   { "Labels", NULL },	   { "Scope", NULL },
	{ "Options", NULL },	   { "UID", "UID" },	   { "GID", "GID" },
	{ "Anonymous", NULL },	   { "MountCount", NULL },
};
static const struct template_types types = {
	.root = "volumes.volumeReporter",
	.maps = "Labels,Options",
	.times = "CreatedAt",
};

static int run(struct cli *cli, struct err *err)
{
	const struct volume_ls_options *o = cli->options;
	const struct report report = { .name = "list",
				       .format = o->quiet    ? "{{.Name}}"
						 : o->format ? o->format
							     : "table {{.Driver}}\t{{.Name}}",
				       .types = &types,
				       .headings = headings,
				       .heading_count = ARRAY_SIZE(headings),
				       .noheading = o->noheading };
	auto_json json_t *list = NULL;
	int r = 0;

	if (o->quiet && o->format)
		return err_say(err, ERR_USAGE, "quiet and format flags cannot be used together");
	r = ops_volume_list(cli->ops, &o->filters, &list, err);
	if (r < 0)
		return r;
	if (report_wants_json(report.format)) {
		report_json(&cli->out, list, 2);
		return 0;
	}
	return report_rows(&cli->out, &report, list, err);
}

const struct cli_command command_volume_ls = {
	.summary = "List volumes",
	.description =
		"List all available volumes. The output of the volumes can be filtered\n"
		"and the output format can be changed to JSON or a user specified Go template.",
	.usage = "[options]",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct volume_ls_options),
	.need = OPS_NEED_PATHS,
	.run = run,
};
