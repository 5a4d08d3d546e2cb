/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What listing commands print: rows through a template, in aligned columns or not, or as JSON
 * or YAML; shaped as containers/common's pkg/report does for Podman.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/format/template.h"

/* A field's column heading; without one it is the field's name, split and in capitals. */
struct report_heading {
	const char *field;
	const char *text;
};

struct report {
	const char *name;   /* the command, for template errors */
	const char *format; /* "table ..." for columns, else a template for each row */
	const struct template_types *types;
	const struct report_heading *headings; /* every field that a table may name */
	size_t heading_count;
	bool noheading;
};

/* Adds the rows (an array of objects) to out. 0 or -EINVAL with err. */
int report_rows(struct buf *out, const struct report *report, const json_t *rows, struct err *err);

/* One object through a template that stands for itself (info, version). */
int report_object(struct buf *out, const struct report *report, const json_t *object,
		  struct err *err);

/* "json" however it is written: {{json .}} too. */
bool report_wants_json(const char *format);

/*
 * text/tabwriter with a least width of 12 and a padding of 2: cells of text that end in a tab
 * are aligned with those above and below.
 */
void report_align(struct buf *out, const char *text);

/* JSON with so many blanks a level (0: compact) and a newline; YAML as Podman's info prints it. */
void report_json(struct buf *out, const json_t *json, int indent);
void report_yaml(struct buf *out, const json_t *json);

/* The first twelve digits of an id; "sha256:" in front is dropped. */
struct report_id {
	char text[13];
};
struct report_id report_short_id(const char *id);
/* "3 minutes ago" */
void report_ago(struct buf *out, int64_t then);
/* "2.31MB" (with_blank: "2.31 MB") */
void report_size(struct buf *out, uint64_t bytes, bool with_blank);
