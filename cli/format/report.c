/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, tables and whole objects for the user: see report.h. */
#include "cli/format/report.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/base/time.h"

/*
 * pkg/report's NormalizeFormat: "\t" and "\n" as two signs stand for one, in tables each blank
 * is a column's end, and a newline closes the row.
 */
static char *normalize(const char *format)
{
	const char *rest = str_after(format, "table ");
	bool table = rest != NULL;
	struct buf out = BUF_INIT;

	for (const char *p = table ? rest : format; *p; p++) {
		if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n'))
			(void)buf_addc(&out, *++p == 't' ? '\t' : '\n');
		else
			(void)buf_addc(&out, table && *p == ' ' ? '\t' : *p);
	}
	if (out.size == 0 || out.data[out.size - 1] != '\n')
		(void)buf_addc(&out, '\n');
	return buf_take(&out);
}

/* "CreatedAt" gives "CREATED AT": camelcase.Split as Podman uses it. */
static char *heading_of(const char *field)
{
	struct buf out = BUF_INIT;

	for (const char *p = field; *p; p++) {
		bool up = isupper((unsigned char)*p);
		bool after_low = p > field && islower((unsigned char)p[-1]);
		bool before_low =
			p > field && islower((unsigned char)p[1]) && isupper((unsigned char)p[-1]);

		if (up && (after_low || before_low))
			(void)buf_addc(&out, ' ');
		(void)buf_addc(&out, (char)toupper((unsigned char)*p));
	}
	return buf_take(&out);
}

/* [{"ID": "CONTAINER ID", ...}]: what the template of a table makes its heading of. */
static json_t *headings(const struct report *report)
{
	json_t *row = json_object();
	json_t *rows = json_array();

	for (size_t i = 0; i < report->heading_count; i++) {
		const struct report_heading *h = &report->headings[i];
		auto_free char *made = h->text ? NULL : heading_of(h->field);

		json_object_set_new(row, h->field, json_string(h->text ? h->text : made));
	}
	json_array_append_new(rows, row);
	return rows;
}

/* Does the text begin with a range over the rows ("{{range .}}") of its user's own? */
static bool ranges_over_rows(const char *text)
{
	static const char *const parts[] = { "range", ".", "}}" };
	const char *p = str_after(text, "{{");

	for (size_t i = 0; p && i < ARRAY_SIZE(parts); i++) {
		p += strspn(p, "- ");
		p = str_after(p, parts[i]);
	}
	return p != NULL;
}

int report_rows(struct buf *out, const struct report *report, const json_t *rows, struct err *err)
{
	bool table = str_starts(report->format, "table ");
	auto_free char *row_text = normalize(report->format);
	auto_free char *text = NULL;
	auto_template struct template *template = NULL;
	struct buf plain auto_done(buf) = BUF_INIT;
	int r = 0;

	if (!table && ranges_over_rows(row_text))
		text = take(row_text);
	else
		text = xasprintf("{{range .}}%s{{end -}}", row_text);
	r = template_parse(report->name, text, &template, err);
	if (r == 0 && table && !report->noheading) {
		auto_json json_t *heading = headings(report);

		r = template_run(template, heading, report->types, &plain, err);
	}
	if (r == 0)
		r = template_run(template, rows, report->types, table ? &plain : out, err);
	if (r == 0 && table && plain.data)
		report_align(out, plain.data);
	return r;
}

int report_object(struct buf *out, const struct report *report, const json_t *object,
		  struct err *err)
{
	auto_free char *text = normalize(report->format);
	auto_template struct template *template = NULL;
	int r = template_parse(report->name, text, &template, err);

	return r < 0 ? r : template_run(template, object, report->types, out, err);
}

bool report_wants_json(const char *format)
{
	static const char tail[] = "json.}}";
	size_t i = 0;

	if (str_eq(format, "json"))
		return true;
	if (!str_starts(str_or(format, ""), "{{"))
		return false;
	for (const char *p = format + 2; *p; p++) {
		if (*p == ' ')
			continue;
		if (*p != tail[i])
			return false;
		i++;
	}
	return i == sizeof(tail) - 1;
}

void report_json(struct buf *out, const json_t *json, int indent)
{
	auto_free char *text = indent ? json_text_pretty(json, indent) : json_text(json);

	(void)buf_addf(out, "%s\n", text);
}

/* ---- YAML ---- */

/* Would a YAML reader take the plain word for something other than this text? */
static bool must_quote(const char *text)
{
	static const char *const words[] = { "",   "~",	 "null", "true", "false", "yes",
					     "no", "on", "off",	 "y",	 "n" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	if (strchr("0123456789.+-", text[0]) &&
	    strspn(text, "0123456789abcdefABCDEF.+-xX_:") == strlen(text))
		return true;
	return strchr("-?:,[]{}#&*!|>'\"%@` ", text[0]) || strstr(text, ": ") ||
	       strstr(text, " #") || str_ends(text, ":") || str_ends(text, " ");
}

static void yaml_text(struct buf *out, const char *text, int depth)
{
	if (strchr(text, '\n')) {
		(void)buf_add_str(out, str_ends(text, "\n") ? " |" : " |-");
		while (*text) {
			size_t n = strcspn(text, "\n");

			(void)buf_addf(out, "\n%*s%.*s", depth * 2, "", (int)n, text);
			text += n + (text[n] != '\0');
		}
		(void)buf_addc(out, '\n');
	} else if (!must_quote(text)) {
		(void)buf_addf(out, " %s\n", text);
	} else if (strchr(text, '\'')) {
		auto_json json_t *quoted = json_string(text);
		auto_free char *json = json_text_flags(quoted, JSON_ENCODE_ANY);

		(void)buf_addf(out, " %s\n", json);
	} else if (*text == '\0') {
		(void)buf_add_str(out, " \"\"\n");
	} else {
		(void)buf_addf(out, " '%s'\n", text);
	}
}

static void yaml_value(struct buf *out, const json_t *json, int depth, bool in_list);

static void yaml_object(struct buf *out, const json_t *json, int depth, bool in_list)
{
	const char *key = NULL;
	json_t *value = NULL;
	bool first = true;

	(void)buf_add_str(out, in_list ? " " : depth ? "\n" : "");
	json_object_foreach ((json_t *)json, key, value) {
		(void)buf_addf(out, "%*s%s:", in_list && first ? 0 : depth * 2, "", key);
		/* Lists stand no deeper than their key. */
		yaml_value(out, value, json_is_array(value) ? depth : depth + 1, false);
		first = false;
	}
}

static void yaml_value(struct buf *out, const json_t *json, int depth, bool in_list)
{
	auto_free char *text = NULL;

	if (json_is_object(json) && json_object_size(json)) {
		yaml_object(out, json, depth, in_list);
	} else if (json_is_array(json) && json_array_size(json)) {
		(void)buf_addc(out, '\n');
		for (size_t i = 0; i < json_array_size(json); i++) {
			(void)buf_addf(out, "%*s-", depth * 2, "");
			yaml_value(out, json_array_get(json, i), depth + 1, true);
		}
	} else if (json_is_string(json)) {
		yaml_text(out, json_string_value(json), depth);
	} else {
		text = json_text_flags(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		(void)buf_addf(out, " %s\n", text);
	}
}

void report_yaml(struct buf *out, const json_t *json)
{
	yaml_value(out, json, 0, false);
}

/* ---- Small forms ---- */

struct report_id report_short_id(const char *id)
{
	struct report_id out = { 0 };
	const char *digits = id ? str_after(id, "sha256:") : NULL;

	(void)snprintf(out.text, sizeof(out.text), "%s", digits ? digits : str_or(id, ""));
	return out;
}

void report_ago(struct buf *out, int64_t then)
{
	int64_t passed = time_now() - then;

	(void)buf_addf(out, "%s ago", time_human(passed < 0 ? 0 : passed).text);
}

void report_size(struct buf *out, uint64_t bytes, bool with_blank)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double size = (double)bytes;
	size_t unit = 0;

	/* go-units' HumanSizeWithPrecision with three digits, as Podman's listings have it. */
	for (; size >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
		size /= 1000;
	(void)buf_addf(out, "%.3g%s%s", size, with_blank ? " " : "", units[unit]);
}
