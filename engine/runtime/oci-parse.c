/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads config.json into struct oci_spec by the tables of oci-fields.c. The bytes come from
 * whoever wrote the bundle: nothing here trusts a length, a type or a range.
 *
 * Unknown properties are passed over, as the specification demands (config.md,
 * "Extensibility"); those that it defines and we cannot do are refused by name.
 */
#include "engine/runtime/oci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/oci-internal.h"

/* Bounds that no honest file comes near. */
#define LIST_MAX 65536
#define DEPTH_MAX 8

/* Where we are in the file, for error sentences: "linux.resources.memory". */
struct place {
	const struct place *up;
	const char *name;
	long index; /* of an array element; -1: none */
};

static int read_fields(const struct oci_type *type, const json_t *json, void *base,
		       const struct place *place, struct err *err);

static void place_text(const struct place *place, struct buf *buf)
{
	if (place->up)
		place_text(place->up, buf);
	if (place->name)
		(void)buf_addf(buf, "%s%s", buf->size ? "." : "", place->name);
	if (place->index >= 0)
		(void)buf_addf(buf, "[%ld]", place->index);
}

static int refuse(const struct place *place, struct err *err, const char *what)
{
	struct buf buf = BUF_INIT;
	int r = 0;

	place_text(place, &buf);
	r = err_say(err, ERR_USAGE, "%s %s", buf.data ? buf.data : "config.json", what);
	buf_done(&buf);
	return r;
}

static const char *text_of(const json_t *json)
{
	const char *text = json_string_value(json);

	/*
	 * A NUL inside would cut the text for whoever looks at it next; our mark for big numbers
	 * would be written back as a number.
	 */
	if (!text || strlen(text) != json_string_length(json) || str_starts(text, OCI_BIG_MARK))
		return NULL;
	return text;
}

static int read_str(const json_t *json, char **ret, const struct place *place, struct err *err)
{
	const char *text = text_of(json);

	if (!text)
		return refuse(place, err, "is not a string");
	free(*ret);
	*ret = xstrdup(text);
	return 0;
}

static int read_i64(const json_t *json, int64_t min, int64_t max, int64_t *ret,
		    const struct place *place, struct err *err)
{
	if (!json_is_integer(json))
		return refuse(place, err, "is not a whole number");
	if (json_integer_value(json) < min || json_integer_value(json) > max)
		return refuse(place, err, "is out of range");
	*ret = json_integer_value(json);
	return 0;
}

/* Unsigned numbers above INT64_MAX come as marked strings: see oci_json_parse(). */
static int read_u64(const json_t *json, uint64_t *ret, const struct place *place, struct err *err)
{
	const char *text = json_string_value(json);
	const char *digits = text ? str_after(text, OCI_BIG_MARK) : NULL;
	int64_t value = 0;
	int r = 0;

	if (digits && str_to_u64(digits, ret) == 0)
		return 0;
	r = read_i64(json, 0, INT64_MAX, &value, place, err);
	if (r == 0)
		*ret = (uint64_t)value;
	return r;
}

static int read_strv(const json_t *json, struct strv *list, const struct place *place,
		     struct err *err)
{
	struct place here = { .up = place };
	json_t *item = NULL;
	size_t i = 0;

	if (!json_is_array(json) || json_array_size(json) > LIST_MAX)
		return refuse(place, err, "is not a list of strings");
	strv_done(list);
	json_array_foreach ((json_t *)json, i, item) {
		const char *text = text_of(item);

		here.index = (long)i;
		if (!text)
			return refuse(&here, err, "is not a string");
		strv_add(list, text);
	}
	return 0;
}

static int read_u32s(const json_t *json, void *base, size_t offset, const struct place *place,
		     struct err *err)
{
	struct oci_list list = oci_list_get(base, offset);
	struct place here = { .up = place };
	json_t *item = NULL;
	size_t i = 0;

	if (!json_is_array(json) || json_array_size(json) > LIST_MAX)
		return refuse(place, err, "is not a list of numbers");
	free(list.v);
	list = (struct oci_list){ .v = xcalloc(json_array_size(json) + 1, sizeof(uint32_t)),
				  .capacity = json_array_size(json) + 1 };
	oci_list_set(base, offset, &list);
	json_array_foreach ((json_t *)json, i, item) {
		int64_t value = 0;
		int r = 0;

		here.index = (long)i;
		r = read_i64(item, 0, UINT32_MAX, &value, &here, err);
		if (r < 0)
			return r;
		((uint32_t *)list.v)[list.count++] = (uint32_t)value;
	}
	oci_list_set(base, offset, &list);
	return 0;
}

static int read_pairs(const json_t *json, struct oci_pairs *pairs, const struct place *place,
		      struct err *err)
{
	const char *key = NULL;
	json_t *value = NULL;

	if (!json_is_object(json) || json_object_size(json) > LIST_MAX)
		return refuse(place, err, "is not an object of strings");
	json_object_foreach ((json_t *)json, key, value) {
		struct place here = { .up = place, .name = key, .index = -1 };
		struct oci_pair *pair = NULL;

		if (!text_of(value) || str_starts(key, OCI_BIG_MARK))
			return refuse(&here, err, "is not a string");
		pair = OCI_ADD(pairs); /* keys are unique: the parser refuses duplicates */
		pair->name = xstrdup(key);
		pair->value = xstrdup(text_of(value));
	}
	return 0;
}

static int read_caps(const json_t *json, uint64_t *ret, const struct place *place, struct err *err)
{
	struct place here = { .up = place };
	json_t *item = NULL;
	size_t i = 0;
	uint64_t mask = 0;

	if (!json_is_array(json))
		return refuse(place, err, "is not a list of capabilities");
	json_array_foreach ((json_t *)json, i, item) {
		const char *name = text_of(item);
		unsigned int cap = 0;

		here.index = (long)i;
		if (!name || caps_from_name(name, &cap) < 0)
			return refuse(&here, err, "is not the name of a capability");
		mask |= CAPS_BIT(cap);
	}
	*ret = mask;
	return 0;
}

static int read_enum(const json_t *json, const struct oci_type *type, int *ret,
		     const struct place *place, struct err *err)
{
	const char *text = text_of(json);

	for (const struct oci_name *n = type->names; text && n->name; n++) {
		if (str_eq(n->name, text)) {
			*ret = n->value;
			return 0;
		}
	}
	return refuse(place, err, "has a value that the specification does not know");
}

static int read_objects(const struct oci_field *field, const json_t *json, void *base,
			const struct place *place, struct err *err)
{
	struct oci_list list = oci_list_get(base, field->offset);
	struct place here = { .up = place };
	json_t *item = NULL;
	size_t i = 0;

	if (!json_is_array(json) || json_array_size(json) > LIST_MAX)
		return refuse(place, err, "is not a list");
	if (list.v)
		return refuse(place, err, "is given twice");
	list = (struct oci_list){ .v = xcalloc(json_array_size(json) + 1, field->type->size),
				  .capacity = json_array_size(json) + 1 };
	oci_list_set(base, field->offset, &list);
	json_array_foreach ((json_t *)json, i, item) {
		int r = 0;

		here.index = (long)i;
		/* Counted before it is read: what was read by then is freed with the rest. */
		list.count++;
		oci_list_set(base, field->offset, &list);
		r = read_fields(field->type, item, (char *)list.v + i * field->type->size, &here,
				err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_map(const struct oci_field *field, const json_t *json, void *base,
		    const struct place *place, struct err *err)
{
	struct oci_list list = { 0 };
	const char *key = NULL;
	json_t *value = NULL;

	if (!json_is_object(json) || json_object_size(json) > LIST_MAX)
		return refuse(place, err, "is not an object");
	list.capacity = json_object_size(json) + 1;
	list.v = xcalloc(list.capacity, field->type->size);
	oci_list_set(base, field->offset, &list);
	json_object_foreach ((json_t *)json, key, value) {
		struct place here = { .up = place, .name = key, .index = -1 };
		char *element = (char *)list.v + list.count * field->type->size;
		int r = 0;

		if (str_starts(key, OCI_BIG_MARK))
			return refuse(&here, err, "is not a name");
		*(char **)element = xstrdup(key);
		list.count++;
		oci_list_set(base, field->offset, &list);
		r = read_fields(field->type, value, element, &here, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int namespace_kind(const char *name)
{
	for (int i = 0; name && i < OCI_NS_KINDS; i++) {
		if (str_eq(oci_namespace_name((enum oci_namespace_kind)i), name))
			return i;
	}
	return -1;
}

static int read_namespaces(const json_t *json, struct oci_namespace *namespaces,
			   const struct place *place, struct err *err)
{
	struct place here = { .up = place };
	json_t *item = NULL;
	size_t i = 0;

	if (!json_is_array(json))
		return refuse(place, err, "is not a list");
	json_array_foreach ((json_t *)json, i, item) {
		const json_t *path = json_object_get(item, "path");
		int kind = namespace_kind(text_of(json_object_get(item, "type")));

		here.index = (long)i;
		if (kind < 0)
			return refuse(&here, err, "has no known type");
		if (namespaces[kind].present)
			return refuse(&here, err, "names a type for the second time");
		if (path && !json_is_null(path) && !text_of(path))
			return refuse(&here, err, "has a path that is not a string");
		namespaces[kind].present = true;
		if (path && !str_empty(text_of(path)))
			namespaces[kind].path = xstrdup(text_of(path));
	}
	return 0;
}

static int read_pointer(const struct oci_field *field, const json_t *json, void **at,
			const struct place *place, struct err *err)
{
	*at = xcalloc(1, field->type->size);
	return read_fields(field->type, json, *at, place, err);
}

/* The numbers: one range each. */
static int read_number(const struct oci_field *field, const json_t *json, void *at,
		       const struct place *place, struct err *err)
{
	int64_t value = 0;
	int r = 0;

	switch (field->kind) {
	case OCI_U16:
		r = read_i64(json, 0, UINT16_MAX, &value, place, err);
		*(uint16_t *)at = (uint16_t)value;
		return r;
	case OCI_U32:
		r = read_i64(json, 0, UINT32_MAX, &value, place, err);
		*(uint32_t *)at = (uint32_t)value;
		return r;
	case OCI_I32:
		r = read_i64(json, INT32_MIN, INT32_MAX, &value, place, err);
		*(int32_t *)at = (int32_t)value;
		return r;
	case OCI_I64:
		return read_i64(json, INT64_MIN, INT64_MAX, at, place, err);
	case OCI_OPT_I64:
		((struct oci_i64 *)at)->has = true;
		return read_i64(json, INT64_MIN, INT64_MAX, &((struct oci_i64 *)at)->value, place,
				err);
	case OCI_OPT_U64:
		((struct oci_u64 *)at)->has = true;
		return read_u64(json, &((struct oci_u64 *)at)->value, place, err);
	default:
		return read_u64(json, at, place, err);
	}
}

static int read_field(const struct oci_field *field, const json_t *json, void *base,
		      const struct place *place, struct err *err)
{
	void *at = (char *)base + field->offset;

	switch (field->kind) {
	case OCI_STR:
		return read_str(json, at, place, err);
	case OCI_BOOL:
		if (!json_is_boolean(json))
			return refuse(place, err, "is not true or false");
		*(bool *)at = json_is_true(json);
		return 0;
	case OCI_OPT_BOOL:
		if (!json_is_boolean(json))
			return refuse(place, err, "is not true or false");
		*(struct oci_u64 *)at = (struct oci_u64){ true, json_is_true(json) ? 1 : 0 };
		return 0;
	case OCI_CHAR:
		if (!text_of(json) || strlen(text_of(json)) > 1)
			return refuse(place, err, "is not a single letter");
		*(char *)at = *text_of(json);
		return 0;
	case OCI_ENUM:
		return read_enum(json, field->type, at, place, err);
	case OCI_STRV:
		return read_strv(json, at, place, err);
	case OCI_U32S:
		return read_u32s(json, base, field->offset, place, err);
	case OCI_PAIRS:
		return read_pairs(json, at, place, err);
	case OCI_CAPS:
		return read_caps(json, at, place, err);
	case OCI_OBJECT:
		if (field->has)
			*((bool *)base + field->has - 1) = true;
		return read_fields(field->type, json, at, place, err);
	case OCI_POINTER:
		return read_pointer(field, json, at, place, err);
	case OCI_OBJECTS:
		return read_objects(field, json, base, place, err);
	case OCI_MAP:
		return read_map(field, json, base, place, err);
	case OCI_NAMESPACES:
		return read_namespaces(json, at, place, err);
	case OCI_REFUSED:
		return refuse(place, err, "is not supported by this runtime");
	default:
		return read_number(field, json, at, place, err);
	}
}

static int read_fields(const struct oci_type *type, const json_t *json, void *base,
		       const struct place *place, struct err *err)
{
	int depth = 0;

	for (const struct place *p = place; p; p = p->up)
		depth++;
	if (depth > DEPTH_MAX)
		return refuse(place, err, "is nested too deeply");
	if (!json_is_object(json))
		return refuse(place, err, "is not an object");
	for (const struct oci_field *f = type->fields; f->name; f++) {
		struct place here = { .up = place, .name = f->name, .index = -1 };
		const json_t *value = json_object_get(json, f->name);
		int r = 0;

		if (!value || json_is_null(value)) {
			if (f->required)
				return refuse(&here, err, "is missing");
			continue;
		}
		r = read_field(f, value, base, &here, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_whole(const struct oci_type *type, const json_t *json, void *ret, const char *name,
		      struct err *err)
{
	struct place place = { .name = name, .index = -1 };
	int r = 0;

	memset(ret, 0, type->size);
	r = read_fields(type, json, ret, &place, err);
	if (r < 0)
		oci_type_done(type, ret);
	return r;
}

int oci_spec_parse(const json_t *json, struct oci_spec *ret_spec, struct err *err)
{
	int r = read_whole(&oci_spec_type, json, ret_spec, NULL, err);

	if (r < 0)
		return r;
	if (!str_starts(ret_spec->version, "1.")) {
		r = err_say(err, ERR_USAGE, "ociVersion %s is not one of 1.x", ret_spec->version);
		oci_spec_done(ret_spec);
	}
	return r;
}

int oci_process_parse(const json_t *json, struct oci_process *ret_process, struct err *err)
{
	return read_whole(&oci_process_type, json, ret_process, "process", err);
}

int oci_seccomp_parse(const json_t *json, struct oci_seccomp *ret_seccomp, struct err *err)
{
	return read_whole(&oci_seccomp_type, json, ret_seccomp, "seccomp", err);
}

/*
 * Copies one token of JSON text that begins at p: a string whole, a number too big for int64_t as
 * a marked string, anything else as one byte. Returns what follows it.
 */
static const char *copy_token(const char *p, const char *end, struct buf *out)
{
	const char *start = p;
	uint64_t value = 0;
	char digits[24];
	size_t n = 0;

	if (*p == '"') {
		for (p++; p < end && *p != '"'; p++) {
			if (*p == '\\' && p + 1 < end)
				p++;
		}
		p += p < end;
	} else if (*p >= '0' && *p <= '9') {
		while (p < end && strchr("0123456789.eE+-", *p) && *p)
			p++;
		n = (size_t)(p - start);
		if (n >= 19 && n < sizeof(digits)) {
			memcpy(digits, start, n);
			digits[n] = '\0';
			if (str_to_u64(digits, &value) == 0 && value > INT64_MAX) {
				(void)buf_addf(out, "\"\\u0001u64:%s\"", digits);
				return p;
			}
		}
	} else {
		p++;
		if (*start == '-') { /* a negative number is never too big for our fields */
			while (p < end && *p >= '0' && *p <= '9')
				p++;
		}
	}
	(void)buf_add(out, start, (size_t)(p - start));
	return p;
}

/* True when there is a run of 19 digits, so that the file has to be looked at closely. */
static bool has_big_number(const char *data, size_t size)
{
	size_t run = 0;

	for (size_t i = 0; i < size; i++) {
		run = data[i] >= '0' && data[i] <= '9' ? run + 1 : 0;
		if (run >= 19)
			return true;
	}
	return false;
}

int oci_json_parse(const char *data, size_t size, const char *what, json_t **ret_json,
		   struct err *err)
{
	struct buf out = BUF_INIT;
	const char *p = data;
	int r = 0;

	if (!has_big_number(data, size))
		return json_parse(data, size, what, ret_json, err);
	while (p < data + size)
		p = copy_token(p, data + size, &out);
	r = json_parse(out.data, out.size, what, ret_json, err);
	buf_done(&out);
	return r;
}
