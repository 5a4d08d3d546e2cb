/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML reader: see toml.h. Runs in every process that reads configuration; looks at bytes only.
 *
 * Tables made by a header, by a dotted key and inline differ in what may be added to them
 * later (toml.io, "Table"). The reader keeps that in hidden marks beside the values and takes
 * them away at the end.
 */
#include "engine/config/toml.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"

enum { MARKS_MAX = 20000 };

/* What may still be added to a table. */
enum mark {
	MARK_NONE,
	MARK_HEADER, /* [t]: defined once */
	MARK_DOTTED, /* t.x = 1: no header may open it again */
	MARK_CLOSED, /* t = {...} or t = [...]: nothing may be added */
};

struct marked {
	const json_t *value;
	enum mark mark;
};

struct toml {
	const char *p;
	const char *end;
	unsigned int line;
	const char *what;
	struct err *err;
	struct marked *marks; /* values that the document owns: their addresses are stable */
	size_t mark_count;
	size_t mark_capacity;
};

static int bad(struct toml *t, const char *why)
{
	return err_say(t->err, ERR_USAGE, "%.200s: line %u: %s", t->what, t->line, why);
}

/* The last mark of a value counts. */
static void set_mark(struct toml *t, const json_t *value, enum mark mark)
{
	xgrow(t->marks, t->mark_count, t->mark_capacity);
	t->marks[t->mark_count++] = (struct marked){ value, mark };
}

static enum mark get_mark(const struct toml *t, const json_t *value)
{
	for (size_t i = t->mark_count; i > 0; i--)
		if (t->marks[i - 1].value == value)
			return t->marks[i - 1].mark;
	return MARK_NONE;
}

static int peek(const struct toml *t)
{
	return t->p < t->end ? (unsigned char)*t->p : -1;
}

static bool take_char(struct toml *t, char c)
{
	if (peek(t) != (unsigned char)c)
		return false;
	t->p++;
	return true;
}

static bool at(const struct toml *t, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(t->end - t->p) >= n && memcmp(t->p, text, n) == 0;
}

static void skip_blanks(struct toml *t)
{
	while (peek(t) == ' ' || peek(t) == '\t')
		t->p++;
}

static bool take_newline(struct toml *t)
{
	if (at(t, "\r\n"))
		t->p++;
	if (!take_char(t, '\n'))
		return false;
	t->line++;
	return true;
}

static int skip_comment(struct toml *t)
{
	if (peek(t) != '#')
		return 0;
	while (t->p < t->end && *t->p != '\n') {
		unsigned char c = (unsigned char)*t->p;

		if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
			return bad(t, "a comment holds a control character");
		t->p++;
	}
	return 0;
}

/* Blanks, comments and line ends. */
static int skip_space(struct toml *t)
{
	for (;;) {
		int r = 0;

		skip_blanks(t);
		r = skip_comment(t);
		if (r < 0)
			return r;
		if (!take_newline(t))
			return 0;
	}
}

/* ---- Strings ---- */

static void add_utf8(struct buf *buf, uint32_t c)
{
	if (c < 0x80) {
		(void)buf_addc(buf, (char)c); /* no bound set, here and below */
	} else if (c < 0x800) {
		(void)buf_addc(buf, (char)(0xc0 | (c >> 6)));
		(void)buf_addc(buf, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		(void)buf_addc(buf, (char)(0xe0 | (c >> 12)));
		(void)buf_addc(buf, (char)(0x80 | ((c >> 6) & 0x3f)));
		(void)buf_addc(buf, (char)(0x80 | (c & 0x3f)));
	} else {
		(void)buf_addc(buf, (char)(0xf0 | (c >> 18)));
		(void)buf_addc(buf, (char)(0x80 | ((c >> 12) & 0x3f)));
		(void)buf_addc(buf, (char)(0x80 | ((c >> 6) & 0x3f)));
		(void)buf_addc(buf, (char)(0x80 | (c & 0x3f)));
	}
}

static int read_unicode(struct toml *t, struct buf *buf, int digits)
{
	uint32_t c = 0;

	for (int i = 0; i < digits; i++) {
		int d = peek(t);

		if (d >= '0' && d <= '9')
			d -= '0';
		else if (d >= 'a' && d <= 'f')
			d -= 'a' - 10;
		else if (d >= 'A' && d <= 'F')
			d -= 'A' - 10;
		else
			return bad(t, "a \\u escape needs hexadecimal digits");
		c = c * 16 + (uint32_t)d;
		t->p++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return bad(t, "a \\u escape names no character");
	add_utf8(buf, c);
	return 0;
}

/* After the backslash. */
static int read_escape(struct toml *t, struct buf *buf)
{
	static const char from[] = "btnfre\"\\";
	static const char to[] = "\b\t\n\f\r\033\"\\";
	int c = peek(t);
	const char *found = c > 0 ? strchr(from, c) : NULL;

	t->p += c >= 0;
	if (found)
		return buf_addc(buf, to[found - from]);
	if (c == 'u')
		return read_unicode(t, buf, 4);
	if (c == 'U')
		return read_unicode(t, buf, 8);
	return bad(t, "unknown escape in a string");
}

/* A backslash at the end of a line swallows all white space up to the next character. */
static bool swallow_line_end(struct toml *t)
{
	const char *p = t->p;

	while (p < t->end && (*p == ' ' || *p == '\t'))
		p++;
	if (p >= t->end || (*p != '\n' && !(*p == '\r' && p + 1 < t->end && p[1] == '\n')))
		return false;
	t->p = p;
	do
		skip_blanks(t);
	while (take_newline(t));
	return true;
}

/* Between its quotes; quote is '"' or '\'', multi for three of them. */
static int read_string(struct toml *t, char quote, bool multi, struct buf *buf)
{
	const char close[4] = { quote, quote, quote, '\0' };

	for (;;) {
		int c = peek(t);
		int r = 0;

		if (c < 0)
			return bad(t, "a string does not end");
		if (multi && at(t, close)) {
			t->p += 3;
			/* up to two quotes may stand before the closing three */
			while (take_char(t, quote))
				(void)buf_addc(buf, quote);
			return 0;
		}
		if (multi && (c == '\n' || at(t, "\r\n"))) {
			(void)take_newline(t);
			(void)buf_addc(buf, '\n');
			continue;
		}
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return bad(t, "a string holds a control character");
		t->p++;
		if (!multi && c == quote)
			return 0;
		if (c != '\\' || quote == '\'') {
			(void)buf_addc(buf, (char)c);
			continue;
		}
		if (multi && swallow_line_end(t))
			continue;
		r = read_escape(t, buf);
		if (r < 0)
			return r;
	}
}

static int read_quoted(struct toml *t, bool may_be_multi, struct buf *buf)
{
	char quote = *t->p;
	const char open[4] = { quote, quote, quote, '\0' };
	bool multi = may_be_multi && at(t, open);

	t->p += multi ? 3 : 1;
	if (multi)
		(void)take_newline(t); /* the first line end is not part of the string */
	return read_string(t, quote, multi, buf);
}

/* ---- Keys ---- */

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static int read_key_part(struct toml *t, char **ret_key)
{
	struct buf buf auto_done(buf) = BUF_INIT;
	int r = 0;

	if (peek(t) == '"' || peek(t) == '\'') {
		r = read_quoted(t, false, &buf);
		if (r < 0)
			return r;
	} else {
		while (is_bare(peek(t)))
			(void)buf_addc(&buf, *t->p++);
		if (buf.size == 0)
			return bad(t, "a key is expected");
	}
	*ret_key = buf_take(&buf);
	return 0;
}

/* a."b".c */
static int read_key(struct toml *t, struct strv *ret_parts)
{
	do {
		char *part = NULL;
		int r = 0;

		skip_blanks(t);
		r = read_key_part(t, &part);
		if (r < 0)
			return r;
		strv_add_own(ret_parts, part);
		if (ret_parts->count > TOML_DEPTH_MAX)
			return bad(t, "nested too deeply");
		skip_blanks(t);
	} while (take_char(t, '.'));
	return 0;
}

/* Sets a key that must be new; the value is consumed. */
static int set_new(struct toml *t, json_t *table, const char *key, json_t *value)
{
	if (json_object_get(table, key)) {
		json_decref(value);
		return bad(t, "a key is defined twice");
	}
	if (json_object_set_new(table, key, value) < 0)
		return bad(t, "a key or string is not valid UTF-8");
	return 0;
}

/* ---- Values ---- */

static int read_value(struct toml *t, unsigned int depth, json_t **ret_value);
static int read_pair(struct toml *t, json_t *table, unsigned int depth);

static int read_array(struct toml *t, unsigned int depth, json_t **ret_value)
{
	auto_json json_t *array = json_array();

	t->p++;
	for (;;) {
		json_t *value = NULL;
		int r = skip_space(t);

		if (r < 0)
			return r;
		if (take_char(t, ']'))
			break;
		r = read_value(t, depth + 1, &value);
		if (r < 0)
			return r;
		(void)json_array_append_new(array, value); /* fails only for NULL */
		r = skip_space(t);
		if (r < 0)
			return r;
		if (take_char(t, ']'))
			break;
		if (!take_char(t, ','))
			return bad(t, "a comma or ] is expected in an array");
	}
	set_mark(t, array, MARK_CLOSED);
	*ret_value = take(array);
	return 0;
}

static int read_inline_table(struct toml *t, unsigned int depth, json_t **ret_value)
{
	auto_json json_t *table = json_object();

	t->p++;
	skip_blanks(t);
	while (!take_char(t, '}')) {
		int r = read_pair(t, table, depth + 1);

		if (r < 0)
			return r;
		skip_blanks(t);
		if (take_char(t, '}'))
			break;
		if (!take_char(t, ','))
			return bad(t, "a comma or } is expected in an inline table");
		skip_blanks(t);
		if (peek(t) == '}')
			return bad(t, "an inline table ends in a comma");
	}
	set_mark(t, table, MARK_CLOSED);
	*ret_value = take(table);
	return 0;
}

/* "1_000" to "1000"; an underscore must stand between two digits. */
static int drop_underscores(char *text)
{
	char *out = text;

	for (const char *p = text; *p; p++) {
		if (*p != '_') {
			*out++ = *p;
			continue;
		}
		if (p == text || !is_bare(p[-1]) || p[-1] == '_' || !is_bare(p[1]) || p[1] == '_')
			return -1;
	}
	*out = '\0';
	return 0;
}

static bool all_in(const char *s, const char *set)
{
	return *s && s[strspn(s, set)] == '\0';
}

/* 0x, 0o, 0b and decimal; -1 when it is none of them. */
static int to_integer(const char *text, json_int_t *ret_value)
{
	static const struct {
		const char *prefix;
		const char *digits;
		int base;
	} bases[] = {
		{ "0x", "0123456789abcdefABCDEF", 16 },
		{ "0o", "01234567", 8 },
		{ "0b", "01", 2 },
	};
	const char *digits = text + (*text == '+' || *text == '-');
	int base = 10;

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		if (!str_starts(text, bases[i].prefix))
			continue;
		if (!all_in(text + 2, bases[i].digits))
			return -1;
		base = bases[i].base;
		text += 2;
	}
	if (base == 10 && (!all_in(digits, "0123456789") || (*digits == '0' && digits[1])))
		return -1;
	errno = 0;
	*ret_value = strtoll(text, NULL, base);
	return errno ? -1 : 0;
}

/* DIGITS[.DIGITS][e[+-]DIGITS] with at least one of the two. */
static int to_real(const char *text, double *ret_value)
{
	const char *p = text + (*text == '+' || *text == '-');
	size_t n = strspn(p, "0123456789");

	if (n == 0 || (*p == '0' && n > 1))
		return -1;
	p += n;
	if (*p == '.') {
		n = strspn(p + 1, "0123456789");
		if (n == 0)
			return -1;
		p += 1 + n;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		n = strspn(p, "0123456789");
		if (n == 0)
			return -1;
		p += n;
	}
	if (*p || !strpbrk(text, ".eE"))
		return -1;
	*ret_value = strtod(text, NULL);
	return isfinite(*ret_value) ? 0 : -1;
}

/* Dates and times are kept as text: nothing that we read uses them. */
static bool looks_like_date(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return (n == 4 && text[4] == '-') || (n == 2 && text[2] == ':');
}

static int read_scalar(struct toml *t, json_t **ret_value)
{
	const char *start = t->p;
	auto_free char *text = NULL;
	json_int_t integer = 0;
	double real = 0;

	while (is_bare(peek(t)) || (peek(t) > 0 && strchr("+.:", peek(t))))
		t->p++;
	text = xstrndup(start, (size_t)(t->p - start));
	if (str_eq(text, "true") || str_eq(text, "false")) {
		*ret_value = json_boolean(*text == 't');
		return 0;
	}
	if (looks_like_date(text)) {
		*ret_value = json_string(text);
		return 0;
	}
	if (drop_underscores(text) < 0)
		return bad(t, "misplaced underscore in a number");
	if (to_integer(text, &integer) == 0)
		*ret_value = json_integer(integer);
	else if (to_real(text, &real) == 0)
		*ret_value = json_real(real);
	else
		return bad(t, "a value is expected (strings need quotes)");
	return 0;
}

static int read_value(struct toml *t, unsigned int depth, json_t **ret_value)
{
	struct buf buf auto_done(buf) = BUF_INIT;
	int r = 0;

	if (depth > TOML_DEPTH_MAX)
		return bad(t, "nested too deeply");
	switch (peek(t)) {
	case '[':
		return read_array(t, depth, ret_value);
	case '{':
		return read_inline_table(t, depth, ret_value);
	case '"':
	case '\'':
		r = read_quoted(t, true, &buf);
		if (r < 0)
			return r;
		*ret_value = json_stringn(str_or(buf.data, ""), buf.size);
		return *ret_value ? 0 : bad(t, "a string is not valid UTF-8");
	default:
		return read_scalar(t, ret_value);
	}
}

/* The table that a dotted key stands in, made where it is missing. */
static int descend_dotted(struct toml *t, json_t **table, const char *key)
{
	json_t *next = json_object_get(*table, key);
	int r = 0;

	if (!next) {
		next = json_object();
		r = set_new(t, *table, key, next);
		if (r < 0)
			return r;
		set_mark(t, next, MARK_DOTTED);
	} else if (!json_is_object(next) || get_mark(t, next) == MARK_CLOSED ||
		   get_mark(t, next) == MARK_HEADER) {
		return bad(t, "a dotted key adds to what is complete already");
	}
	*table = next;
	return 0;
}

/* KEY = VALUE into table. */
static int read_pair(struct toml *t, json_t *table, unsigned int depth)
{
	struct strv key auto_done(strv) = STRV_INIT;
	json_t *value = NULL;
	int r = 0;

	if (t->mark_count > MARKS_MAX) /* they are searched one by one */
		return bad(t, "too many tables and arrays");
	r = read_key(t, &key);
	if (r < 0)
		return r;
	if (!take_char(t, '='))
		return bad(t, "= is expected behind a key");
	skip_blanks(t);
	r = read_value(t, depth + (unsigned int)key.count, &value);
	if (r < 0)
		return r;
	for (size_t i = 0; i + 1 < key.count; i++) {
		r = descend_dotted(t, &table, key.v[i]);
		if (r < 0) {
			json_decref(value);
			return r;
		}
	}
	return set_new(t, table, key.v[key.count - 1], value);
}

/* ---- Headers ---- */

/* One step of a header's path: into a table, or the last element of an array of tables. */
static int descend_header(struct toml *t, json_t **table, const char *key)
{
	json_t *next = json_object_get(*table, key);

	if (!next) {
		int r = 0;

		next = json_object();
		r = set_new(t, *table, key, next);
		if (r < 0)
			return r;
	}
	if (get_mark(t, next) == MARK_CLOSED)
		return bad(t, "a header adds to an inline value");
	if (json_is_array(next))
		next = json_array_get(next, json_array_size(next) - 1);
	if (!json_is_object(next))
		return bad(t, "a header goes through a key that is no table");
	*table = next;
	return 0;
}

static int open_table(struct toml *t, json_t **table, const char *key)
{
	json_t *next = json_object_get(*table, key);

	if (next && (!json_is_object(next) || get_mark(t, next) != MARK_NONE))
		return bad(t, "a table is defined twice");
	if (!next) {
		int r = 0;

		next = json_object();
		r = set_new(t, *table, key, next);
		if (r < 0)
			return r;
	}
	set_mark(t, next, MARK_HEADER);
	*table = next;
	return 0;
}

static int open_array_element(struct toml *t, json_t **table, const char *key)
{
	json_t *array = json_object_get(*table, key);
	json_t *element = json_object();

	if (!array) {
		int r = 0;

		array = json_array();
		r = set_new(t, *table, key, array);
		if (r < 0) {
			json_decref(element);
			return r;
		}
	}
	if (!json_is_array(array) || get_mark(t, array) == MARK_CLOSED) {
		json_decref(element);
		return bad(t, "an array of tables has the name of something else");
	}
	(void)json_array_append_new(array, element); /* fails only for NULL */
	set_mark(t, element, MARK_HEADER);
	*table = element;
	return 0;
}

static int read_header(struct toml *t, json_t *root, json_t **ret_table)
{
	struct strv key auto_done(strv) = STRV_INIT;
	json_t *table = root;
	bool array = at(t, "[[");
	int r = 0;

	t->p += array ? 2 : 1;
	r = read_key(t, &key);
	if (r < 0)
		return r;
	if (!take_char(t, ']') || (array && !take_char(t, ']')))
		return bad(t, "] is expected behind a table's name");
	for (size_t i = 0; i + 1 < key.count; i++) {
		r = descend_header(t, &table, key.v[i]);
		if (r < 0)
			return r;
	}
	r = array ? open_array_element(t, &table, key.v[key.count - 1])
		  : open_table(t, &table, key.v[key.count - 1]);
	if (r == 0)
		*ret_table = table;
	return r;
}

static int read_document(struct toml *t, json_t *root)
{
	json_t *table = root;

	for (;;) {
		int r = skip_space(t);

		if (r < 0 || t->p == t->end)
			return r;
		r = peek(t) == '[' ? read_header(t, root, &table) : read_pair(t, table, 1);
		if (r < 0)
			return r;
		skip_blanks(t);
		r = skip_comment(t);
		if (r < 0)
			return r;
		if (t->p != t->end && !take_newline(t))
			return bad(t, "unexpected text behind a value");
	}
}

int toml_parse(const char *data, size_t size, const char *what, json_t **ret_json, struct err *err)
{
	struct toml t = {
		.p = data,
		.end = data + size,
		.line = 1,
		.what = what,
		.err = err,
	};
	auto_json json_t *root = json_object();
	int r = 0;

	if (size > TOML_SIZE_MAX)
		return err_say(err, ERR_USAGE, "%.200s: larger than %d bytes", what, TOML_SIZE_MAX);
	if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
		t.p += 3;
	r = read_document(&t, root);
	free(t.marks);
	if (r < 0)
		return r;
	*ret_json = take(root);
	return 0;
}
