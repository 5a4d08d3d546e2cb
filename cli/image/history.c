/* SPDX-License-Identifier: Apache-2.0 */
/* bryo history: shows how an image was built. */
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format/report.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/time.h"

#define CREATED_BY_MAX 45

struct history_options {
	const char *format;
	bool human, no_trunc, quiet;
};

#define AT(field) offsetof(struct history_options, field)
static const struct cli_option options[] = {
	{ .name = "format",
	  .kind = CLI_STRING,
	  .complete = "json",
	  .help = "Change the output to JSON or a Go template",
	  .offset = AT(format) },
	{ .name = "human",
	  .letter = 'H',
	  .kind = CLI_BOOL,
	  .preset = "true",
	  .help = "Display sizes and dates in human readable format",
	  .offset = AT(human) },
	{ .name = "no-trunc",
	  .kind = CLI_BOOL,
	  .aliases = "notruncate",
	  .help = "Do not truncate the output",
	  .offset = AT(no_trunc) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Display the numeric IDs only",
	  .offset = AT(quiet) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static const struct report_heading headings[] = {
	{ "ID", NULL },	       { "Created", NULL }, { "CreatedAt", NULL }, { "CreatedSince", NULL },
	{ "CreatedBy", NULL }, { "Size", NULL },    { "Comment", NULL },   { "Tags", NULL },
};
static const struct template_types types = { .root = "images.historyReporter" };

static void set_text(json_t *object, const char *key, struct buf *text)
{
	json_object_set_new(object, key, json_string_nocheck(text->data ? text->data : ""));
	buf_done(text);
}

/* A command that fits its column, on one line. */
static void add_created_by(struct buf *text, const char *by, bool truncate)
{
	bool cut = truncate && strlen(by) > CREATED_BY_MAX;
	size_t n = cut ? CREATED_BY_MAX - 3 : strlen(by);

	for (size_t i = 0; i < n; i++)
		(void)buf_addc(text, by[i] == '\t' ? ' ' : by[i]);
	(void)buf_add_str(text, cut ? "..." : "");
}

static json_t *row_json(const json_t *step, const struct history_options *o)
{
	const char *id = json_str(step, "id", "");
	const char *when = json_str(step, "created", "");
	struct buf text = BUF_INIT;
	json_t *out = json_object();
	int64_t created = 0;

	(void)buf_addf(&text, o->no_trunc || id[0] == '<' ? "%s" : "%.12s", id);
	set_text(out, "ID", &text);
	(void)time_parse(when, &created);
	created -= created % INT64_C(1000000000);
	report_ago(&text, created);
	json_object_set_new(out, "CreatedSince", json_string(text.data));
	json_object_set_new(out, "CreatedAt", json_string(time_utc(created).text));
	json_object_set_new(out, "Created",
			    json_string(o->human ? text.data : time_utc(created).text));
	buf_done(&text);
	add_created_by(&text, json_str(step, "CreatedBy", ""), !o->no_trunc);
	set_text(out, "CreatedBy", &text);
	report_size(&text, (uint64_t)json_int(step, "size", 0), false);
	set_text(out, "Size", &text);
	json_object_set_new(out, "Comment", json_string_nocheck(json_str(step, "comment", "")));
	json_object_set(out, "Tags", json_object_get(step, "tags"));
	return out;
}

static int run(struct cli *cli, struct err *err)
{
	const struct history_options *o = cli->options;
	const struct report report = {
		.name = "history",
		.format =
			o->quiet ? "{{.ID}}"
			: o->format
				? o->format
				: "table "
				  "{{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
		.types = &types,
		.headings = headings,
		.heading_count = ARRAY_SIZE(headings),
	};
	auto_json json_t *steps = NULL;
	auto_json json_t *rows = json_array();
	int r = ops_image_history(cli->ops, cli->args[0], &steps, err);

	if (r < 0)
		return r;
	if (report_wants_json(report.format)) {
		report_json(&cli->out, steps, 0);
		return 0;
	}
	for (size_t i = 0; i < json_array_size(steps); i++)
		json_array_append_new(rows, row_json(json_array_get(steps, i), o));
	return report_rows(&cli->out, &report, rows, err);
}

static void defaults(void *state)
{
	((struct history_options *)state)->human = true;
}

const struct cli_command command_history = {
	.summary = "Show history of a specified image",
	.description = "Displays the history of an image.\n\n"
		       "The information can be printed out in an easy to read, or user specified "
		       "format, and can be truncated.",
	.usage = "[options] IMAGE",
	.examples = "history quay.io/fedora/fedora",
	.complete = "image",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct history_options),
	.defaults = defaults,
	.args_min = 1,
	.args_max = 1,
	.need = OPS_NEED_PATHS,
	.run = run,
};
