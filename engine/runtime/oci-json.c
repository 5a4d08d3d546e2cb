/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes struct oci_spec as config.json by the tables of oci-fields.c. What is empty is left
 * out, but for numbers and truth values that the specification requires.
 */
#include "engine/runtime/oci.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/oci-internal.h"

static json_t *write_fields(const struct oci_type *type, const void *base);

static json_t *write_u64(uint64_t value)
{
	char text[40];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), OCI_BIG_MARK "%llu", (unsigned long long)value);
	return json_string(text);
}

static json_t *write_pairs(const struct oci_pairs *pairs)
{
	json_t *object = NULL;

	if (pairs->count == 0)
		return NULL;
	object = json_object();
	for (size_t i = 0; i < pairs->count; i++)
		json_object_set_new(object, pairs->v[i].name, json_string(pairs->v[i].value));
	return object;
}

static json_t *write_caps(uint64_t mask)
{
	json_t *list = json_array();

	for (unsigned int cap = 0; cap < 64; cap++) {
		if ((mask & CAPS_BIT(cap)) && caps_name(cap))
			json_array_append_new(list, json_string(caps_name(cap)));
	}
	return list;
}

static json_t *write_objects(const struct oci_field *field, const void *base)
{
	struct oci_list list = oci_list_get(base, field->offset);
	json_t *json = NULL;

	if (list.count == 0)
		return NULL;
	json = field->kind == OCI_MAP ? json_object() : json_array();
	for (size_t i = 0; i < list.count; i++) {
		const void *element = (char *)list.v + i * field->type->size;

		if (field->kind == OCI_MAP)
			json_object_set_new(json, *(char *const *)element,
					    write_fields(field->type, element));
		else
			json_array_append_new(json, write_fields(field->type, element));
	}
	return json;
}

static json_t *write_u32s(const void *base, size_t offset)
{
	struct oci_list list = oci_list_get(base, offset);
	json_t *json = list.count ? json_array() : NULL;

	for (size_t i = 0; i < list.count; i++)
		json_array_append_new(json, json_integer(((const uint32_t *)list.v)[i]));
	return json;
}

static json_t *write_namespaces(const struct oci_namespace *namespaces)
{
	json_t *list = json_array();

	for (int i = 0; i < OCI_NS_KINDS; i++) {
		json_t *entry = NULL;

		if (!namespaces[i].present)
			continue;
		entry = json_object();
		json_set_str(entry, "type", oci_namespace_name((enum oci_namespace_kind)i));
		json_set_str(entry, "path", namespaces[i].path);
		json_array_append_new(list, entry);
	}
	return list;
}

static json_t *write_enum(const struct oci_type *type, int value)
{
	for (const struct oci_name *n = type->names; n->name; n++) {
		if (n->value == value)
			return json_string(n->name);
	}
	return NULL;
}

static json_t *write_object(const struct oci_field *field, const void *base)
{
	json_t *json = NULL;

	if (field->has && !*((const bool *)base + field->has - 1))
		return NULL;
	json = write_fields(field->type, (const char *)base + field->offset);
	if (!field->has && json_object_size(json) == 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *write_opt(const struct oci_field *field, const void *at)
{
	const struct oci_u64 *u = at;
	const struct oci_i64 *i = at;

	if (field->kind == OCI_OPT_I64)
		return i->has ? json_integer(i->value) : NULL;
	if (!u->has)
		return NULL;
	return field->kind == OCI_OPT_BOOL ? json_boolean(u->value) : write_u64(u->value);
}

/* The value of one field, or NULL where there is nothing to write. */
static json_t *write_field(const struct oci_field *field, const void *base)
{
	const void *at = (const char *)base + field->offset;
	char letter[2] = { 0 };

	switch (field->kind) {
	case OCI_STR:
		return *(char *const *)at ? json_string(*(char *const *)at) : NULL;
	case OCI_BOOL:
		return *(const bool *)at || str_eq(field->name, "allow")
			       ? json_boolean(*(const bool *)at)
			       : NULL;
	case OCI_CHAR:
		letter[0] = *(const char *)at;
		return letter[0] ? json_string(letter) : NULL;
	case OCI_ENUM:
		return write_enum(field->type, *(const int *)at);
	case OCI_U16:
		return json_integer(*(const uint16_t *)at);
	case OCI_U32:
		return json_integer(*(const uint32_t *)at);
	case OCI_I32:
		return json_integer(*(const int32_t *)at);
	case OCI_I64:
		return json_integer(*(const int64_t *)at);
	case OCI_U64:
		return write_u64(*(const uint64_t *)at);
	case OCI_OPT_I64:
	case OCI_OPT_U64:
	case OCI_OPT_BOOL:
		return write_opt(field, at);
	case OCI_STRV:
		return ((const struct strv *)at)->count ? json_from_strv(at) : NULL;
	case OCI_U32S:
		return write_u32s(base, field->offset);
	case OCI_PAIRS:
		return write_pairs(at);
	case OCI_CAPS:
		return write_caps(*(const uint64_t *)at);
	case OCI_OBJECT:
		return write_object(field, base);
	case OCI_POINTER:
		return *(void *const *)at ? write_fields(field->type, *(void *const *)at) : NULL;
	case OCI_OBJECTS:
	case OCI_MAP:
		return write_objects(field, base);
	case OCI_NAMESPACES:
		return write_namespaces(at);
	case OCI_REFUSED:
		return NULL;
	}
	return NULL;
}

static json_t *write_fields(const struct oci_type *type, const void *base)
{
	json_t *object = json_object();

	for (const struct oci_field *f = type->fields; f->name; f++) {
		json_t *value = write_field(f, base);

		if (value)
			json_object_set_new(object, f->name, value);
	}
	return object;
}

json_t *oci_spec_to_json(const struct oci_spec *spec)
{
	/* Without its rules a preset would be written as a filter that kills everything. */
	assert(!spec->linux_.seccomp || !spec->linux_.seccomp->preset.make);
	return write_fields(&oci_spec_type, spec);
}

json_t *oci_process_to_json(const struct oci_process *process)
{
	return write_fields(&oci_process_type, process);
}

json_t *oci_seccomp_to_json(const struct oci_seccomp *seccomp)
{
	return write_fields(&oci_seccomp_type, seccomp);
}

/*
 * jansson writes the mark's first byte as \u0001: digits that stand quoted behind it become a
 * number. Anything else there is somebody's odd text, and stays.
 */
char *oci_json_text(const json_t *json, int indent)
{
	static const char mark[] = "\"\\u0001u64:";
	auto_free char *text =
		json_text_flags(json, indent > 0 ? (size_t)JSON_INDENT(indent) : JSON_COMPACT);
	struct buf out = BUF_INIT;
	const char *p = text;

	if (!text)
		return NULL;
	for (const char *hit = strstr(p, mark); hit; hit = strstr(p, mark)) {
		const char *digits = hit + sizeof(mark) - 1;
		size_t n = strspn(digits, "0123456789");
		bool number = n > 0 && digits[n] == '"';

		(void)buf_add(&out, p, (size_t)(hit - p));
		(void)buf_add(&out, number ? digits : hit, number ? n : sizeof(mark) - 1);
		p = number ? digits + n + 1 : digits;
	}
	(void)buf_add_str(&out, p);
	return buf_take(&out);
}
