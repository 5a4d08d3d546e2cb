/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of ps: see ps-row.h. */
#include "cli/container/ps-row.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format/report.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/str.h"
#include "engine/base/time.h"

/* Fields that are made here; the others are shown as the engine gives them. */
#define PS_MADE                                                                                    \
	"ID", "Id", "ImageID", "Command", "CreatedHuman", "RunningFor", "Created", "CreatedAt",    \
		"Ports", "Names", "Networks", "Size", "CGROUPNS", "Cgroup", "IPC", "MNT", "NET",   \
		"PIDNS", "UTS", "USERNS"
#define COMMAND_MAX 17
#define SECOND INT64_C(1000000000)

static void join(struct buf *out, const json_t *list, const char *separator)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		(void)buf_addf(out, "%s%s", i ? separator : "",
			       str_or(json_string_value(json_array_get(list, i)), ""));
}

static void add_range(struct buf *out, int64_t first, int64_t count)
{
	(void)buf_addf(out, "%" PRId64, first);
	if (count > 1)
		(void)buf_addf(out, "-%" PRId64, first + count - 1);
}

void ps_ports(struct buf *out, const json_t *ports, const json_t *exposed)
{
	const char *key = NULL;
	json_t *protocols = NULL;

	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *port = json_array_get(ports, i);
		const char *host = json_str(port, "host_ip", "");
		int64_t range = json_int(port, "range", 1);

		(void)buf_addf(out, "%s%s:", out->size ? ", " : "", *host ? host : "0.0.0.0");
		add_range(out, json_int(port, "host_port", 0), range);
		(void)buf_add_str(out, "->");
		add_range(out, json_int(port, "container_port", 0), range);
		(void)buf_addf(out, "/%s", json_str(port, "protocol", "tcp"));
	}
	json_object_foreach ((json_t *)exposed, key, protocols) {
		for (size_t i = 0; i < json_array_size(protocols); i++)
			(void)buf_addf(out, "%s%s/%s", out->size ? ", " : "", key,
				       str_or(json_string_value(json_array_get(protocols, i)), ""));
	}
}

static void add_command(struct buf *out, const json_t *container, bool truncate)
{
	struct buf whole auto_done(buf) = BUF_INIT;

	join(&whole, json_object_get(container, "Command"), " ");
	if (truncate && whole.size > COMMAND_MAX)
		(void)buf_addf(out, "%.*s...", COMMAND_MAX, whole.data);
	else if (whole.data)
		(void)buf_add(out, whole.data, whole.size);
}

/* "1.09kB (virtual 7.3MB)" */
static void add_size(struct buf *out, const json_t *container)
{
	const json_t *size = json_object_get(container, "Size");

	if (!json_is_object(size))
		return;
	report_size(out, (uint64_t)json_int(size, "rwSize", 0), false);
	(void)buf_add_str(out, " (virtual ");
	report_size(out, (uint64_t)json_int(size, "rootFsSize", 0), false);
	(void)buf_addc(out, ')');
}

/* A key of the namespaces' object, by the name of the template's field. */
static const char *namespace_key(const char *field)
{
	static const char *const names[][2] = {
		{ "CGROUPNS", "Cgroup" }, { "Cgroup", "Cgroup" }, { "IPC", "Ipc" },
		{ "MNT", "Mnt" },	  { "NET", "Net" },	  { "PIDNS", "Pidns" },
		{ "UTS", "Uts" },	  { "USERNS", "User" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(field, names[i][0]))
			return names[i][1];
	return NULL;
}

/* Fields whose form differs from that in JSON; false: this is none of them. */
static bool add_field(struct buf *out, const json_t *c, const char *field, bool truncate)
{
	int64_t created = json_int(c, "Created", 0) * SECOND;
	const char *key = namespace_key(field);

	if (str_eq(field, "ID") || str_eq(field, "Id") || str_eq(field, "ImageID")) {
		const char *id = json_str(c, str_eq(field, "ImageID") ? "ImageID" : "Id", "");

		(void)buf_add_str(out, truncate ? report_short_id(id).text : id);
	} else if (str_eq(field, "Command")) {
		add_command(out, c, truncate);
	} else if (str_eq(field, "CreatedHuman") || str_eq(field, "RunningFor")) {
		report_ago(out, created);
	} else if (str_eq(field, "Created") || str_eq(field, "CreatedAt")) {
		(void)buf_add_str(out, time_utc(created).text);
	} else if (str_eq(field, "Ports")) {
		ps_ports(out, json_object_get(c, "Ports"), json_object_get(c, "ExposedPorts"));
	} else if (str_eq(field, "Names") || str_eq(field, "Networks")) {
		join(out, json_object_get(c, field), ",");
	} else if (str_eq(field, "Size")) {
		add_size(out, c);
	} else if (key) {
		(void)buf_add_str(out, json_str(json_object_get(c, "Namespaces"), key, ""));
	} else {
		return false;
	}
	return true;
}

/* Does the template name this field? Too many is fine, too few is not. */
static bool named(const char *format, const char *field)
{
	size_t n = strlen(field);

	for (const char *p = strstr(format, field); p; p = strstr(p + 1, field))
		if (p > format && p[-1] == '.' && !islower((unsigned char)p[n]))
			return true;
	return false;
}

/* A dot that is no field's: the whole row is asked for ("{{json .}}", "{{.}}"). */
static bool names_whole(const char *format)
{
	for (const char *p = strchr(format, '.'); p; p = strchr(p + 1, '.'))
		if (!isalnum((unsigned char)p[1]))
			return true;
	return false;
}

struct ps_fields ps_fields(const char *format)
{
	static const char *const all[] = { PS_MADE,	   "Image",    "Status",    "State",
					   "ExposedPorts", "Labels",   "Mounts",    "Pid",
					   "Exited",	   "ExitedAt", "ExitCode",  "StartedAt",
					   "AutoRemove",   "CIDFile",  "IsInfra",   "Pod",
					   "PodName",	   "Restarts", "Namespaces" };
	struct ps_fields fields = { .whole = names_whole(format) };

	_Static_assert(ARRAY_SIZE(all) <= PS_FIELDS_MAX, "room for every field");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (fields.whole || named(format, all[i]))
			fields.names[fields.count++] = all[i];
	return fields;
}

bool ps_is_brief(const struct ps_fields *fields, const char *by)
{
	static const char brief[] =
		",ID,Id,Image,Command,Created,CreatedAt,CreatedHuman,RunningFor,"
		"Status,Ports,Names,";
	static const char sorts[] = ",command,created,id,image,names,";
	auto_free char *sort = xasprintf(",%s,", str_or(by, "created"));
	bool is = !fields->whole && strstr(sorts, sort);

	for (size_t i = 0; i < fields->count && is; i++) {
		auto_free char *name = xasprintf(",%s,", fields->names[i]);

		is = strstr(brief, name);
	}
	return is;
}

json_t *ps_row(const json_t *container, const struct ps_fields *fields, bool truncate)
{
	json_t *row = fields->whole ? json_copy((json_t *)container) : json_object();

	for (size_t i = 0; i < fields->count; i++) {
		const char *name = fields->names[i];
		struct buf text auto_done(buf) = BUF_INIT;

		if (add_field(&text, container, name, truncate))
			json_object_set_new_nocheck(
				row, name, json_string_nocheck(text.data ? text.data : ""));
		else
			json_object_set_nocheck(row, name, json_object_get(container, name));
	}
	return row;
}

/* ---- Order ---- */

struct sortable {
	json_t *container;
	const char *by;
	size_t place; /* keeps the sort stable */
};

static int compare_text(const json_t *a, const json_t *b, const char *key)
{
	return strcmp(json_str(a, key, ""), json_str(b, key, ""));
}

static int compare_joined(const json_t *a, const json_t *b, const char *key)
{
	struct buf x auto_done(buf) = BUF_INIT;
	struct buf y auto_done(buf) = BUF_INIT;

	join(&x, json_object_get(a, key), " ");
	join(&y, json_object_get(b, key), " ");
	return strcmp(str_or(x.data, ""), str_or(y.data, ""));
}

static int compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int64_t total_size(const json_t *c)
{
	return json_int(json_object_get(c, "Size"), "rootFsSize", 0);
}

static int compare(const void *x, const void *y)
{
	const struct sortable *a = x;
	const struct sortable *b = y;
	const json_t *p = a->container;
	const json_t *q = b->container;
	int order = 0;

	if (str_eq(a->by, "command"))
		order = compare_joined(p, q, "Command");
	else if (str_eq(a->by, "id"))
		order = compare_text(p, q, "Id");
	else if (str_eq(a->by, "image"))
		order = compare_text(p, q, "Image");
	else if (str_eq(a->by, "names"))
		order = compare_joined(p, q, "Names");
	else if (str_eq(a->by, "runningfor"))
		order = compare_int(json_int(p, "StartedAt", 0), json_int(q, "StartedAt", 0));
	else if (str_eq(a->by, "size"))
		order = compare_int(total_size(p), total_size(q));
	else if (str_eq(a->by, "status"))
		order = compare_text(p, q, "State");
	else
		order = compare_int(json_int(p, "Created", 0), json_int(q, "Created", 0));
	if (order)
		return order;
	/* The engine gives the newest first. */
	return a->place < b->place ? 1 : -1;
}

json_t *ps_sort(const json_t *list, const char *by)
{
	size_t n = json_array_size(list);
	auto_free struct sortable *rows = xcalloc(n + 1, sizeof(*rows));
	json_t *sorted = json_array();

	for (size_t i = 0; i < n; i++)
		rows[i] = (struct sortable){ json_array_get(list, i), by, i };
	if (n)
		qsort(rows, n, sizeof(*rows), compare);
	for (size_t i = 0; i < n; i++)
		json_array_append(sorted, rows[i].container);
	return sorted;
}
