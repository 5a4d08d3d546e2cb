/* SPDX-License-Identifier: Apache-2.0 */
/* Values of templates: truth and fmt.Print's form of them. */
#include "cli/format/template-internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/time.h"

bool value_true(const struct value *value)
{
	const json_t *j = value->json;

	switch (j ? json_typeof(j) : JSON_NULL) {
	case JSON_OBJECT:
		/* A struct is true even when it is empty. */
		return !value->map || json_object_size(j) > 0;
	case JSON_ARRAY:
		return json_array_size(j) > 0;
	case JSON_STRING:
		return json_string_length(j) > 0;
	case JSON_INTEGER:
		return json_integer_value(j) != 0;
	case JSON_REAL:
		return fpclassify(json_real_value(j)) != FP_ZERO;
	case JSON_TRUE:
		return true;
	default:
		return false;
	}
}

const char *value_type(const struct value *value)
{
	switch (value->json ? json_typeof(value->json) : JSON_NULL) {
	case JSON_OBJECT:
		return value->map ? "map[string]string" : "struct";
	case JSON_ARRAY:
		return "[]string";
	case JSON_STRING:
		return value->time ? "time.Time" : "string";
	case JSON_INTEGER:
		return "int64";
	case JSON_REAL:
		return "float64";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	default:
		return "nil";
	}
}

/* strconv's 'g' with the fewest digits that read back the same; exponents from 6 up show. */
static void print_real(struct buf *out, double x)
{
	char text[64];
	int digits = 0;
	int exponent = 0;

	for (digits = 0; digits <= 16; digits++) {
		(void)snprintf(text, sizeof(text), "%.*e", digits, x);
		if (strtod(text, NULL) >= x && strtod(text, NULL) <= x)
			break;
	}
	exponent = strchr(text, 'e') ? atoi(strchr(text, 'e') + 1) : 0;
	if (exponent >= -4 && exponent < 6)
		(void)snprintf(text, sizeof(text), "%.*f",
			       digits > exponent ? digits - exponent : 0, x);
	(void)buf_add_str(out, text);
}

static void print_array(struct buf *out, const json_t *array)
{
	(void)buf_addc(out, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct value item = { .json = json_array_get(array, i) };

		if (i)
			(void)buf_addc(out, ' ');
		value_print(out, &item);
	}
	(void)buf_addc(out, ']');
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* map[a:1 b:2], keys in order, as fmt prints maps. */
static void print_map(struct buf *out, const json_t *object)
{
	size_t count = json_object_size(object);
	auto_free const char **keys = xcalloc(count + 1, sizeof(*keys));
	const char *key = NULL;
	json_t *item = NULL;
	size_t n = 0;

	json_object_foreach ((json_t *)object, key, item) {
		keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), by_text);
	(void)buf_add_str(out, "map[");
	for (size_t i = 0; i < n; i++) {
		struct value value = { .json = json_object_get(object, keys[i]) };

		(void)buf_addf(out, "%s%s:", i ? " " : "", keys[i]);
		value_print(out, &value);
	}
	(void)buf_addc(out, ']');
}

/* {a b}: the fields of a struct in their order. */
static void print_struct(struct buf *out, const json_t *object)
{
	const char *key = NULL;
	json_t *item = NULL;
	bool first = true;

	(void)buf_addc(out, '{');
	json_object_foreach ((json_t *)object, key, item) {
		struct value value = { .json = item };

		if (!first)
			(void)buf_addc(out, ' ');
		value_print(out, &value);
		first = false;
	}
	(void)buf_addc(out, '}');
}

static void print_text(struct buf *out, const struct value *value)
{
	const char *text = json_string_value(value->json);
	int64_t ns = 0;

	if (value->time && time_parse(text, &ns) == 0)
		(void)buf_add_str(out, time_go(ns).text);
	else
		(void)buf_add(out, text, json_string_length(value->json));
}

void value_print(struct buf *out, const struct value *value)
{
	const json_t *j = value->json;

	if (value->zero)
		return;
	if (!j) {
		(void)buf_add_str(out, "<no value>");
		return;
	}
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		if (value->map)
			print_map(out, j);
		else
			print_struct(out, j);
		break;
	case JSON_ARRAY:
		print_array(out, j);
		break;
	case JSON_STRING:
		print_text(out, value);
		break;
	case JSON_INTEGER:
		(void)buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
		break;
	case JSON_REAL:
		print_real(out, json_real_value(j));
		break;
	case JSON_NULL:
		/* In Podman's JSON null is, but for a few pointers, a list that was never made. */
		(void)buf_add_str(out, value->map ? "map[]" : "[]");
		break;
	default:
		(void)buf_add_str(out, json_is_true(j) ? "true" : "false");
	}
}
