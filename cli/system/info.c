/* SPDX-License-Identifier: Apache-2.0 */
/* bryo info, bryo version: what this is and what it stands on. */
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format/report.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct info_options {
	const char *format;
};

#define AT(field) offsetof(struct info_options, field)
static const struct cli_option options[] = {
	{ .name = "format",
	  .letter = 'f',
	  .kind = CLI_STRING,
	  .complete = "json",
	  .help = "Change the output format to JSON or a Go template",
	  .offset = AT(format) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int run_info(struct cli *cli, struct err *err)
{
	static const struct template_types types = { .root = "system.infoReport",
						     .maps = "Plugins,Registries,registries" };
	const struct info_options *o = cli->options;
	const struct report report = { .name = "info", .format = o->format, .types = &types };
	auto_json json_t *info = NULL;
	int r = ops_system_info(cli->ops, &info, err);

	if (r < 0)
		return r;
	if (!o->format)
		report_yaml(&cli->out, info);
	else if (report_wants_json(o->format))
		report_json(&cli->out, info, 2);
	else
		return report_object(&cli->out, &report, info, err);
	return 0;
}

/* "Client:" and one aligned line for each field, as Podman shows them. */
static void print_version(struct buf *out, const json_t *version)
{
	static const char *const shown[][2] = {
		{ "Version", "Version" },      { "APIVersion", "API Version" },
		{ "GitCommit", "Git Commit" }, { "BuiltTime", "Built" },
		{ "OsArch", "OS/Arch" },
	};
	const json_t *client = json_object_get(version, "Client");

	(void)buf_addf(out, "%-15s%s\n", "Client:", "bryo");
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const char *value = json_str(client, shown[i][0], "");

		if (*value)
			(void)buf_addf(out, "%s:%*s%s\n", shown[i][1],
				       (int)(14 - strlen(shown[i][1])), "", value);
	}
}

static int run_version(struct cli *cli, struct err *err)
{
	static const struct template_types types = { .root = "entities.SystemVersionReport" };
	const struct info_options *o = cli->options;
	const struct report report = { .name = "version", .format = o->format, .types = &types };
	auto_json json_t *version = NULL;
	int r = ops_system_version(&version);

	if (r < 0)
		return err_set(err, r, "cannot tell the version");
	if (!o->format)
		print_version(&cli->out, version);
	else if (report_wants_json(o->format))
		report_json(&cli->out, version, 0);
	else
		return report_object(&cli->out, &report, version, err);
	return 0;
}

const struct cli_command command_info = {
	.summary = "Display bryo system information",
	.description =
		"Display information pertaining to the host, current storage stats, and build of "
		"bryo.\n\nUseful for the user and when reporting issues.",
	.usage = "[options]",
	.examples = "info",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct info_options),
	.need = OPS_NEED_PATHS,
	.run = run_info,
};

const struct cli_command command_version = {
	.summary = "Display the bryo version information",
	.description = "Display the bryo version information",
	.usage = "[options]",
	.examples = "version --format '{{.Client.Version}}'",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct info_options),
	.need = OPS_NEED_NOTHING,
	.run = run_version,
};
