/* SPDX-License-Identifier: Apache-2.0 */
/* bryo images: lists images, one row for each name. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format/report.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/time.h"

#define SORTS "created,id,repository,size,tag"
#define SECOND INT64_C(1000000000)

struct images_options {
	struct ops_images_args args;
	const char *format;
	const char *sort;
	bool digests, history, no_trunc, noheading, quiet;
};

#define AT(field) offsetof(struct images_options, field)
static const struct cli_option options[] = {
	{ .name = "all",
	  .letter = 'a',
	  .kind = CLI_BOOL,
	  .help = "Show all images (default hides intermediate images)",
	  .offset = AT(args.all) },
	{ .name = "digests", .kind = CLI_BOOL, .help = "Show digests", .offset = AT(digests) },
	{ .name = "filter",
	  .letter = 'f',
	  .kind = CLI_ARRAY,
	  .preset = "[]",
	  .help = "Filter output based on conditions provided",
	  .offset = AT(args.filters) },
	{ .name = "format",
	  .kind = CLI_STRING,
	  .complete = "json",
	  .help = "Change the output format to JSON or a Go template",
	  .offset = AT(format) },
	{ .name = "history",
	  .kind = CLI_BOOL,
	  .help = "Display the image name history",
	  .offset = AT(history) },
	{ .name = "no-trunc",
	  .kind = CLI_BOOL,
	  .aliases = "notruncate",
	  .help = "Do not truncate output",
	  .offset = AT(no_trunc) },
	{ .name = "noheading",
	  .letter = 'n',
	  .kind = CLI_BOOL,
	  .help = "Do not print column headings",
	  .offset = AT(noheading) },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = CLI_BOOL,
	  .help = "Display only image IDs",
	  .offset = AT(quiet) },
	{ .name = "sort",
	  .kind = CLI_CHOICE,
	  .preset = "created",
	  .choices = SORTS,
	  .complete = SORTS,
	  .help = "Sort by created, id, repository, size, tag",
	  .offset = AT(sort) },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static const struct report_heading headings[] = {
	{ "ID", "IMAGE ID" },	 { "Id", "IMAGE ID" },
	{ "Repository", NULL },	 { "Tag", NULL },
	{ "Digest", NULL },	 { "Created", NULL },
	{ "CreatedAt", NULL },	 { "CreatedSince", NULL },
	{ "CreatedTime", NULL }, { "Size", NULL },
	{ "History", NULL },	 { "Labels", NULL },
	{ "Names", NULL },	 { "ParentId", "PARENT ID" },
	{ "RepoDigests", NULL }, { "RepoTags", NULL },
	{ "Containers", NULL },	 { "Dangling", NULL },
	{ "ReadOnly", NULL },	 { "SharedSize", NULL },
	{ "VirtualSize", NULL }, { "Arch", NULL },
	{ "Os", NULL },		 { "IsManifestList", NULL },
};
static const struct template_types types = {
	.root = "images.imageReporter",
	.maps = "Labels",
	.times = "CreatedAt,CreatedTime",
};

/* One image under one of its names (NULL: it has none). */
struct row {
	const json_t *image;
	char *repository;
	char *tag;
	size_t place;
	const char *by;
};

struct rows {
	struct row *row;
	size_t count, capacity;
};

static void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->row[i].repository);
		free(rows->row[i].tag);
	}
	free(rows->row);
}

/* "host:5000/name:tag" in two; what has no tag shows "<none>". */
static void add_row(struct rows *rows, const json_t *image, const char *name, const char *by)
{
	const char *slash = strrchr(name, '/');
	const char *colon = strrchr(name, ':');
	const char *digest = strchr(name, '@');
	bool tagged = colon && (!slash || colon > slash) && !digest;
	size_t n = tagged   ? (size_t)(colon - name)
		   : digest ? (size_t)(digest - name)
			    : strlen(name);

	xgrow(rows->row, rows->count, rows->capacity);
	rows->row[rows->count] = (struct row){ .image = image, .place = rows->count, .by = by };
	rows->row[rows->count].repository = *name ? xstrndup(name, n) : xstrdup("<none>");
	rows->row[rows->count].tag = xstrdup(tagged ? colon + 1 : "<none>");
	rows->count++;
}

static int compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare(const void *x, const void *y)
{
	const struct row *a = x;
	const struct row *b = y;
	int order = 0;

	if (str_eq(a->by, "id"))
		order = strcmp(json_str(a->image, "Id", ""), json_str(b->image, "Id", ""));
	else if (str_eq(a->by, "repository"))
		order = strcmp(a->repository, b->repository);
	else if (str_eq(a->by, "tag"))
		order = strcmp(a->tag, b->tag);
	else if (str_eq(a->by, "size"))
		order = compare_int(json_int(a->image, "Size", 0), json_int(b->image, "Size", 0));
	else
		order = compare_int(json_int(b->image, "Created", 0),
				    json_int(a->image, "Created", 0));
	return order ? order : compare_int((int64_t)a->place, (int64_t)b->place);
}

static void make_rows(struct rows *rows, const json_t *images, const char *by)
{
	for (size_t i = 0; i < json_array_size(images); i++) {
		const json_t *image = json_array_get(images, i);
		const json_t *names = json_object_get(image, "Names");

		for (size_t j = 0; j < json_array_size(names); j++)
			add_row(rows, image,
				str_or(json_string_value(json_array_get(names, j)), ""), by);
		if (json_array_size(names) == 0)
			add_row(rows, image, "", by);
	}
	if (rows->count)
		qsort(rows->row, rows->count, sizeof(*rows->row), compare);
}

static void set_text(json_t *object, const char *key, struct buf *text)
{
	json_object_set_new(object, key, json_string_nocheck(text->data ? text->data : ""));
	buf_done(text);
}

/* The template's fields; those that are shown as the engine gives them are shared. */
static json_t *row_json(const struct row *row, bool truncate)
{
	json_t *out = json_copy((json_t *)row->image);
	const char *id = json_str(row->image, "Id", "");
	const json_t *history = json_object_get(row->image, "History");
	int64_t created = json_int(row->image, "Created", 0) * SECOND;
	struct buf text = BUF_INIT;

	(void)buf_addf(&text, truncate ? "%.12s" : "sha256:%s", id);
	json_object_set_new(out, "Id", json_string(text.data));
	set_text(out, "ID", &text);
	json_object_set_new(out, "Repository", json_string_nocheck(row->repository));
	json_object_set_new(out, "Tag", json_string_nocheck(row->tag));
	report_ago(&text, created);
	json_object_set_new(out, "CreatedSince", json_string(text.data));
	set_text(out, "Created", &text);
	json_object_set_new(out, "CreatedAt", json_string(time_utc(created).text));
	json_object_set_new(out, "CreatedTime", json_string(time_utc(created).text));
	report_size(&text, (uint64_t)json_int(row->image, "Size", 0), true);
	set_text(out, "Size", &text);
	for (size_t i = 0; i < json_array_size(history); i++)
		(void)buf_addf(&text, "%s%s", i ? ", " : "",
			       str_or(json_string_value(json_array_get(history, i)), ""));
	set_text(out, "History", &text);
	return out;
}

static const char *default_format(const struct images_options *o)
{
#define FRONT "table {{.Repository}}\t{{.Tag}}"
#define BACK "\t{{.ID}}\t{{.Created}}\t{{.Size}}"
	if (o->digests)
		return o->history ? FRONT "\t{{.Digest}}" BACK "\t{{.History}}"
				  : FRONT "\t{{.Digest}}" BACK;
	return o->history ? FRONT BACK "\t{{.History}}" : FRONT BACK;
#undef FRONT
#undef BACK
}

/* Each id once, in the order of the rows. */
static void print_ids(struct cli *cli, const struct rows *rows, bool truncate)
{
	struct strv seen auto_done(strv) = STRV_INIT;

	for (size_t i = 0; i < rows->count; i++) {
		const char *id = json_str(rows->row[i].image, "Id", "");

		if (strv_has(&seen, id))
			continue;
		strv_add(&seen, id);
		(void)buf_addf(&cli->out, truncate ? "%.12s\n" : "sha256:%s\n", id);
	}
}

static int print_rows(struct cli *cli, const struct images_options *o, const struct rows *rows,
		      struct err *err)
{
	const struct report report = { .name = "images",
				       .format = o->format ? o->format : default_format(o),
				       .types = &types,
				       .headings = headings,
				       .heading_count = ARRAY_SIZE(headings),
				       .noheading = o->noheading };
	auto_json json_t *list = json_array();
	bool json = report_wants_json(report.format);

	for (size_t i = 0; i < rows->count; i++) {
		if (json)
			json_array_append(list, (json_t *)rows->row[i].image);
		else
			json_array_append_new(list, row_json(&rows->row[i], !o->no_trunc));
	}
	if (json)
		report_json(&cli->out, list, 4);
	return json ? 0 : report_rows(&cli->out, &report, list, err);
}

static int run(struct cli *cli, struct err *err)
{
	struct images_options *o = cli->options;
	auto_json json_t *images = NULL;
	struct rows rows auto_done(rows) = { 0 };
	int r = 0;

	if (cli->arg_count && o->args.filters.count)
		return err_say(err, ERR_USAGE, "cannot specify an image and a filter(s)");
	o->args.reference = cli->arg_count ? cli->args[0] : NULL;
	r = ops_image_list(cli->ops, &o->args, &images, err);
	if (r < 0)
		return r;
	make_rows(&rows, images, o->sort);
	if (!o->quiet)
		return print_rows(cli, o, &rows, err);
	print_ids(cli, &rows, !o->no_trunc);
	return 0;
}

static void defaults(void *state)
{
	((struct images_options *)state)->sort = "created";
}

const struct cli_command command_images = {
	.summary = "List images in local storage",
	.description = "Lists images previously pulled to the system or created on the system.",
	.usage = "[options] [IMAGE]",
	.examples = "images --format json\n"
		    "images --sort repository --format \"table {{.ID}} {{.Repository}} {{.Tag}}\"\n"
		    "images --filter dangling=true",
	.complete = "image",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct images_options),
	.defaults = defaults,
	.args_max = 1,
	.need = OPS_NEED_PATHS,
	.run = run,
};
