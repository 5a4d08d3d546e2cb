/* SPDX-License-Identifier: Apache-2.0 */
/* bryo doctor: tells what this host allows, and how to get what is missing. */
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format/report.h"
#include "cli/launch.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

struct doctor_options {
	const char *format;
};

#define AT(field) offsetof(struct doctor_options, field)
static const struct cli_option options[] = {
	{ .name = "format",
	  .letter = 'f',
	  .kind = CLI_CHOICE,
	  .choices = "json",
	  .metavar = "string",
	  .complete = "json",
	  .help = "Print the findings as JSON",
	  .offset = AT(format) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

/* Findings of one layer stand together, below its name. */
static void print_finding(struct buf *out, const json_t *finding, const char *last_layer)
{
	const char *layer = json_str(finding, "layer", "");
	const char *how = json_str(finding, "how", NULL);
	const char *fix = json_str(finding, "fix", NULL);

	if (!str_eq(layer, last_layer))
		(void)buf_addf(out, "%s%s\n", last_layer ? "\n" : "", layer);
	(void)buf_addf(out, "  %-8s %s", json_str(finding, "state", ""),
		       json_str(finding, "what", ""));
	if (how)
		(void)buf_addf(out, ": %s", how);
	if (fix)
		(void)buf_addf(out, "\n           fix: %s", fix);
	(void)buf_addc(out, '\n');
}

static int run(struct cli *cli, struct err *err)
{
	const struct doctor_options *o = cli->options;
	auto_json json_t *findings = json_array();
	const char *layer = NULL;
	int status = 0;

	(void)err; /* what fails here is a finding */
	cli->launcher->doctor(cli->global, findings);
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *finding = json_array_get(findings, i);

		if (str_eq(json_str(finding, "state", ""), "missing"))
			status = 1;
		if (!o->format)
			print_finding(&cli->out, finding, layer);
		layer = json_str(finding, "layer", "");
	}
	if (o->format)
		report_json(&cli->out, findings, 2);
	return status;
}

const struct cli_command command_doctor = {
	.summary = "Check what this host allows, and how to fix what is missing",
	.description =
		"Tries each thing that containers need of the host (folders, user namespace, "
		"subordinate ids, storage, devices, control groups) and says for each how bryo "
		"copes: ok, limited (it works, with less), or missing; and, where one exists, "
		"the exact fix.\n\n"
		"Exits with 1 when something is missing.",
	.usage = "[options]",
	.examples = "doctor\ndoctor --format json",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct doctor_options),
	.need = OPS_NEED_NOTHING,
	.run = run,
};
