/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that templates can call: text/template's own, and those that Podman and Docker add
 * (json, join, lower, pad, split, title, truncate, upper).
 */
#include "cli/format/template-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format/printf.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#define PAD_MAX 4096

static struct value text_value(struct buf *text)
{
	auto_free char *s = buf_take(text);

	return value_of(json_string_nocheck(s));
}

/* The argument as text, or an error that says what it is. */
static int want_text(const struct value *value, const char **ret, struct err *err)
{
	*ret = "";
	if (value->zero)
		return 0;
	if (!json_is_string(value->json))
		return err_say(err, ERR_USAGE, "wrong type for value; expected string; got %s",
			       value_type(value));
	*ret = str_or(json_string_value(value->json), "");
	return 0;
}

static int want_int(const struct value *value, json_int_t *ret, struct err *err)
{
	if (!json_is_integer(value->json))
		return err_say(err, ERR_USAGE, "wrong type for value; expected int; got %s",
			       value_type(value));
	*ret = json_integer_value(value->json);
	return 0;
}

static struct value share(const struct value *value)
{
	struct value copy = *value;

	json_incref(copy.json);
	return copy;
}

/* The caller evaluates no argument behind the one that decides, so the last one is it. */
static int call_and_or(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	(void)err;
	*ret = share(&args[count - 1]);
	return 0;
}

static int call_not(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	(void)count;
	(void)err;
	*ret = value_of(json_boolean(!value_true(&args[0])));
	return 0;
}

static int call_len(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	const json_t *j = args[0].json;
	size_t n = 0;

	(void)count;
	if (json_is_string(j))
		n = json_string_length(j);
	else if (json_is_array(j))
		n = json_array_size(j);
	else if (json_is_object(j))
		n = json_object_size(j);
	else if (!json_is_null(j) && !args[0].zero)
		return err_say(err, ERR_USAGE, "len of type %s", value_type(&args[0]));
	*ret = value_of(json_integer((json_int_t)n));
	return 0;
}

static int index_once(struct value *value, const struct value *key, struct err *err)
{
	struct value next = VALUE_NONE;
	const char *name = NULL;
	json_int_t i = 0;
	int r = 0;

	if (json_is_object(value->json)) {
		r = want_text(key, &name, err);
		if (r < 0)
			return r;
		next.json = json_incref(json_object_get(value->json, name));
		next.zero = !next.json; /* a map's zero value */
	} else if (json_is_array(value->json) || json_is_null(value->json)) {
		r = want_int(key, &i, err);
		if (r < 0)
			return r;
		if (i < 0 || (size_t)i >= json_array_size(value->json))
			return err_say(err, ERR_USAGE, "reflect: slice index out of range");
		next.json = json_incref(json_array_get(value->json, (size_t)i));
	} else if (!value->zero) {
		return err_say(err, ERR_USAGE, "can't index item of type %s", value_type(value));
	} else {
		next.zero = true;
	}
	value_done(value);
	*value = next;
	return 0;
}

static int call_index(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	struct value value = share(&args[0]);

	if (!value.json && !value.zero)
		return err_say(err, ERR_USAGE, "index of untyped nil");
	for (size_t i = 1; i < count; i++) {
		int r = index_once(&value, &args[i], err);

		if (r < 0) {
			value_done(&value);
			return r;
		}
	}
	*ret = value;
	return 0;
}

static int call_slice(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	const json_t *j = args[0].json;
	bool text = json_is_string(j);
	json_int_t size = (json_int_t)(text ? json_string_length(j) : json_array_size(j));
	json_int_t from = 0;
	json_int_t to = size;

	if (!text && !json_is_array(j))
		return err_say(err, ERR_USAGE, "can't slice item of type %s", value_type(&args[0]));
	if (count > 1 && want_int(&args[1], &from, err) < 0)
		return -EINVAL;
	if (count > 2 && want_int(&args[2], &to, err) < 0)
		return -EINVAL;
	if (from < 0 || to < from || to > size)
		return err_say(err, ERR_USAGE, "index out of range: %" JSON_INTEGER_FORMAT,
			       to > size ? to : from);
	if (text) {
		*ret = value_of(
			json_stringn_nocheck(json_string_value(j) + from, (size_t)(to - from)));
		return 0;
	}
	*ret = value_of(json_array());
	for (json_int_t i = from; i < to; i++)
		json_array_append(ret->json, json_array_get(j, (size_t)i));
	return 0;
}

/* ---- Comparison ---- */

enum basic { BASIC_BOOL, BASIC_NUMBER, BASIC_TEXT, BASIC_NIL, BASIC_NONE };

static enum basic basic_kind(const struct value *value)
{
	if (value->zero || json_is_string(value->json))
		return BASIC_TEXT;
	if (json_is_boolean(value->json))
		return BASIC_BOOL;
	if (json_is_number(value->json))
		return BASIC_NUMBER;
	return !value->json || json_is_null(value->json) ? BASIC_NIL : BASIC_NONE;
}

static int compare_number(double a, double b)
{
	return (a > b) - (a < b);
}

/* *ret_order: -1, 0, 1. */
static int compare(const struct value *a, const struct value *b, int *ret_order, struct err *err)
{
	enum basic kind = basic_kind(a);

	if (kind == BASIC_NONE || basic_kind(b) == BASIC_NONE)
		return err_say(err, ERR_USAGE, "invalid type for comparison");
	if (kind != basic_kind(b))
		return err_say(err, ERR_USAGE, "incompatible types for comparison");
	if (kind == BASIC_TEXT) {
		const char *x = a->zero ? "" : json_string_value(a->json);
		const char *y = b->zero ? "" : json_string_value(b->json);
		int order = strcmp(x, y);

		*ret_order = (order > 0) - (order < 0);
	} else if (kind == BASIC_NUMBER) {
		if (json_is_integer(a->json) && json_is_integer(b->json)) {
			json_int_t x = json_integer_value(a->json);
			json_int_t y = json_integer_value(b->json);

			*ret_order = (x > y) - (x < y);
		} else {
			*ret_order = compare_number(json_number_value(a->json),
						    json_number_value(b->json));
		}
	} else {
		*ret_order = kind == BASIC_BOOL ? json_is_true(a->json) - json_is_true(b->json) : 0;
	}
	return 0;
}

static int call_eq(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	bool equal = false;

	for (size_t i = 1; i < count && !equal; i++) {
		int order = 0;
		int r = compare(&args[0], &args[i], &order, err);

		if (r < 0)
			return r;
		equal = order == 0;
	}
	*ret = value_of(json_boolean(equal));
	return 0;
}

#define ORDER_CALL(name, test)                                                                     \
	static int name(const struct value *args, size_t count, struct value *ret,                 \
			struct err *err)                                                           \
	{                                                                                          \
		int order = 0;                                                                     \
		int r = compare(&args[0], &args[1], &order, err);                                  \
                                                                                                   \
		(void)count;                                                                       \
		if (r == 0)                                                                        \
			*ret = value_of(json_boolean(test));                                       \
		return r;                                                                          \
	}
ORDER_CALL(call_ne, order != 0)
ORDER_CALL(call_lt, order < 0)
ORDER_CALL(call_le, order <= 0)
ORDER_CALL(call_gt, order > 0)
ORDER_CALL(call_ge, order >= 0)

/* ---- Printing ---- */

static bool is_text(const struct value *value)
{
	return value->zero || (json_is_string(value->json) && !value->time);
}

/* fmt.Sprint puts a blank between two neighbours that are both no strings. */
static int call_print(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;

	(void)err;
	for (size_t i = 0; i < count; i++) {
		if (i && !is_text(&args[i]) && !is_text(&args[i - 1]))
			(void)buf_addc(&out, ' ');
		value_print(&out, &args[i]);
	}
	*ret = text_value(&out);
	return 0;
}

static int call_println(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;

	(void)err;
	for (size_t i = 0; i < count; i++) {
		if (i)
			(void)buf_addc(&out, ' ');
		value_print(&out, &args[i]);
	}
	(void)buf_addc(&out, '\n');
	*ret = text_value(&out);
	return 0;
}

static int call_printf(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;
	const char *format = NULL;
	int r = want_text(&args[0], &format, err);

	if (r < 0)
		return r;
	value_printf(&out, format, args + 1, count - 1);
	*ret = text_value(&out);
	return 0;
}

static int call_json(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	auto_free char *text = NULL;

	(void)count;
	(void)err;
	if (args[0].json && !args[0].zero)
		text = json_text_flags(args[0].json, JSON_COMPACT | JSON_ENCODE_ANY);
	*ret = value_of(json_string_nocheck(text ? text : args[0].zero ? "\"\"" : "null"));
	return 0;
}

static int call_join(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;
	const char *separator = NULL;
	int r = want_text(&args[1], &separator, err);

	(void)count;
	if (r < 0)
		return r;
	for (size_t i = 0; i < json_array_size(args[0].json); i++) {
		struct value item = { .json = json_array_get(args[0].json, i) };

		if (i)
			(void)buf_add_str(&out, separator);
		value_print(&out, &item);
	}
	*ret = text_value(&out);
	return 0;
}

static int call_split(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	const char *text = "";
	const char *separator = "";
	size_t n = 0;

	(void)count;
	if (want_text(&args[0], &text, err) < 0 || want_text(&args[1], &separator, err) < 0)
		return -EINVAL;
	*ret = value_of(json_array());
	n = strlen(separator);
	while (true) {
		const char *end = n ? strstr(text, separator) : *text ? text + 1 : NULL;

		if (!end && (n || !*text))
			break;
		json_array_append_new(ret->json, json_stringn_nocheck(text, (size_t)(end - text)));
		text = end + n;
	}
	if (n)
		json_array_append_new(ret->json, json_string_nocheck(text));
	return 0;
}

static int change_case(const struct value *arg, int (*change)(int), bool words, struct value *ret,
		       struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;
	const char *text = NULL;
	int r = want_text(arg, &text, err);

	if (r < 0)
		return r;
	for (const char *p = text; *p; p++) {
		bool inside = words && p > text && !isspace((unsigned char)p[-1]);

		(void)buf_addc(&out, inside ? *p : (char)change((unsigned char)*p));
	}
	*ret = text_value(&out);
	return 0;
}

static int call_lower(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	(void)count;
	return change_case(&args[0], tolower, false, ret, err);
}

static int call_upper(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	(void)count;
	return change_case(&args[0], toupper, false, ret, err);
}

static int call_title(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	(void)count;
	return change_case(&args[0], toupper, true, ret, err);
}

static int call_pad(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;
	const char *text = NULL;
	json_int_t before = 0;
	json_int_t after = 0;

	(void)count;
	if (want_text(&args[0], &text, err) < 0 || want_int(&args[1], &before, err) < 0 ||
	    want_int(&args[2], &after, err) < 0)
		return -EINVAL;
	if (before < 0 || after < 0 || before > PAD_MAX || after > PAD_MAX)
		return err_say(err, ERR_USAGE, "padding out of range");
	/* Nothing stays nothing: so it is in containers/common's pkg/report. */
	if (*text)
		(void)buf_addf(&out, "%*s%s%*s", (int)before, "", text, (int)after, "");
	*ret = text_value(&out);
	return 0;
}

static int call_truncate(const struct value *args, size_t count, struct value *ret, struct err *err)
{
	const char *text = NULL;
	json_int_t length = 0;

	(void)count;
	if (want_text(&args[0], &text, err) < 0 || want_int(&args[1], &length, err) < 0)
		return -EINVAL;
	if (length < 0)
		return err_say(err, ERR_USAGE, "length out of range");
	*ret = value_of(json_stringn_nocheck(text, strnlen(text, (size_t)length)));
	return 0;
}

const struct function *function_find(const char *name, size_t length)
{
	static const struct function functions[] = {
		{ "and", 1, FUNCTION_ARGS_MAX, call_and_or },
		{ "or", 1, FUNCTION_ARGS_MAX, call_and_or },
		{ "not", 1, 1, call_not },
		{ "len", 1, 1, call_len },
		{ "index", 1, FUNCTION_ARGS_MAX, call_index },
		{ "slice", 1, 3, call_slice },
		{ "eq", 2, FUNCTION_ARGS_MAX, call_eq },
		{ "ne", 2, 2, call_ne },
		{ "lt", 2, 2, call_lt },
		{ "le", 2, 2, call_le },
		{ "gt", 2, 2, call_gt },
		{ "ge", 2, 2, call_ge },
		{ "print", 0, FUNCTION_ARGS_MAX, call_print },
		{ "println", 0, FUNCTION_ARGS_MAX, call_println },
		{ "printf", 1, FUNCTION_ARGS_MAX, call_printf },
		{ "json", 1, 1, call_json },
		{ "join", 2, 2, call_join },
		{ "split", 2, 2, call_split },
		{ "lower", 1, 1, call_lower },
		{ "upper", 1, 1, call_upper },
		{ "title", 1, 1, call_title },
		{ "pad", 3, 3, call_pad },
		{ "truncate", 2, 2, call_truncate },
	};

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (strlen(functions[i].name) == length &&
		    memcmp(functions[i].name, name, length) == 0)
			return &functions[i];
	return NULL;
}
