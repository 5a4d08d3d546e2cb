/* SPDX-License-Identifier: Apache-2.0 */
/* fmt.Sprintf over template values: see printf.h. */
#include "cli/format/printf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format/template-internal.h"
#include "cli/options/option.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"

#define WIDTH_MAX 4096

struct verb {
	bool minus, plus, zero, sharp, blank;
	int width;     /* 0: none */
	int precision; /* -1: none */
	char letter;
};

/* Reads behind "%"; returns what follows the verb, or NULL where the text ends too soon. */
static const char *read_verb(const char *p, struct verb *verb)
{
	*verb = (struct verb){ .precision = -1 };
	for (; *p && strchr("-+0# ", *p); p++) {
		verb->minus |= *p == '-';
		verb->plus |= *p == '+';
		verb->zero |= *p == '0';
		verb->sharp |= *p == '#';
		verb->blank |= *p == ' ';
	}
	for (; isdigit((unsigned char)*p); p++)
		if (verb->width < WIDTH_MAX)
			verb->width = verb->width * 10 + (*p - '0');
	if (*p == '.') {
		verb->precision = 0;
		for (p++; isdigit((unsigned char)*p); p++)
			if (verb->precision < WIDTH_MAX)
				verb->precision = verb->precision * 10 + (*p - '0');
	}
	if (!*p)
		return NULL;
	verb->letter = *p;
	return p + 1;
}

/* Bytes that do not begin a character are not counted: width is in characters. */
static int characters(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void add_padded(struct buf *out, const struct verb *verb, const char *text)
{
	int pad = verb->width - characters(text);

	if (pad < 0)
		pad = 0;
	if (verb->minus)
		(void)buf_addf(out, "%s%*s", text, pad, "");
	else
		(void)buf_addf(out, "%*s%s", pad, "", text);
}

/* The digits of n in base 2, 8, 10 or 16, written backwards from end. */
static char *digits_of(unsigned long long n, unsigned base, const char *alphabet, char *end)
{
	*end = '\0';
	do
		*--end = alphabet[n % base];
	while ((n /= base) != 0);
	return end;
}

static void add_integer(struct buf *out, const struct verb *verb, long long n)
{
	static const char *const alphabets[] = { "0123456789abcdef", "0123456789ABCDEF" };
	bool hex = verb->letter == 'x' || verb->letter == 'X';
	unsigned base = hex ? 16 : verb->letter == 'o' ? 8 : verb->letter == 'b' ? 2 : 10;
	unsigned long long size = n < 0 ? -(unsigned long long)n : (unsigned long long)n;
	const char *sign = n < 0 ? "-" : verb->plus ? "+" : verb->blank ? " " : "";
	char room[72];
	const char *digits =
		digits_of(size, base, alphabets[verb->letter == 'X'], room + sizeof(room) - 1);
	struct buf text auto_done(buf) = BUF_INIT;
	int zeros = verb->width - (int)strlen(digits) - (int)strlen(sign);

	(void)buf_addf(&text, "%s%s", sign, hex && verb->sharp ? "0x" : "");
	for (; verb->zero && !verb->minus && zeros > 0; zeros--)
		(void)buf_addc(&text, '0');
	(void)buf_add_str(&text, digits);
	add_padded(out, verb, text.data);
}

static void add_real(struct buf *out, const struct verb *verb, double x)
{
	auto_free char *text = NULL;
	int precision = verb->precision < 0 ? 6 : verb->precision;

	if (verb->letter == 'e')
		text = xasprintf("%.*e", precision, x);
	else if (verb->letter == 'g')
		text = xasprintf("%.*g", verb->precision < 0 ? 17 : precision, x);
	else
		text = xasprintf("%.*f", precision, x);
	add_padded(out, verb, text);
}

static void add_text(struct buf *out, const struct verb *verb, const char *text)
{
	struct buf work auto_done(buf) = BUF_INIT;
	size_t n = strlen(text);

	if (verb->precision >= 0)
		n = strnlen(text, (size_t)verb->precision);
	if (verb->letter == 'q') {
		(void)cli_quote(&work, text);
	} else if (verb->letter == 'x' || verb->letter == 'X') {
		for (const char *p = text; *p; p++)
			(void)buf_addf(&work, verb->letter == 'x' ? "%02x" : "%02X",
				       (unsigned char)*p);
	} else {
		(void)buf_add(&work, text, n);
	}
	add_padded(out, verb, work.data ? work.data : "");
}

/* "%!d(string=x)" */
static void add_wrong(struct buf *out, const struct verb *verb, const struct value *value)
{
	(void)buf_addf(out, "%%!%c(%s=", verb->letter, value_type(value));
	value_print(out, value);
	(void)buf_addc(out, ')');
}

static void add_value(struct buf *out, const struct verb *verb, const struct value *value)
{
	struct buf text auto_done(buf) = BUF_INIT;
	const json_t *j = value->json;
	bool any = verb->letter == 'v';

	if (verb->letter == 'T') {
		add_padded(out, verb, value_type(value));
	} else if (json_is_integer(j) && strchr("dxXobv", verb->letter)) {
		add_integer(out, verb, json_integer_value(j));
	} else if (json_is_integer(j) && verb->letter == 'c') {
		(void)buf_addc(&text, (char)json_integer_value(j));
		add_padded(out, verb, text.data);
	} else if (json_is_real(j) &&
		   (strchr("feg", verb->letter) || (any && verb->precision >= 0))) {
		add_real(out, verb, json_real_value(j));
	} else if (any || (verb->letter == 's' && !json_is_number(j) && !json_is_boolean(j)) ||
		   (verb->letter == 't' && json_is_boolean(j)) ||
		   (strchr("qxX", verb->letter) && (value->zero || json_is_string(j)))) {
		value_print(&text, value);
		add_text(out, verb, text.data ? text.data : "");
	} else {
		add_wrong(out, verb, value);
	}
}

void value_printf(struct buf *out, const char *format, const struct value *args, size_t count)
{
	size_t used = 0;
	const char *p = format;

	while (*p) {
		size_t plain = strcspn(p, "%");
		struct verb verb;

		(void)buf_add(out, p, plain);
		p += plain;
		if (!*p)
			break;
		p = read_verb(p + 1, &verb);
		if (!p) {
			(void)buf_add_str(out, "%!(NOVERB)");
			break;
		}
		if (verb.letter == '%')
			(void)buf_addc(out, '%');
		else if (used >= count)
			(void)buf_addf(out, "%%!%c(MISSING)", verb.letter);
		else
			add_value(out, &verb, &args[used++]);
	}
	if (used >= count)
		return;
	(void)buf_add_str(out, "%!(EXTRA ");
	for (; used < count; used++) {
		(void)buf_addf(out, "%s=", value_type(&args[used]));
		value_print(out, &args[used]);
		if (used + 1 < count)
			(void)buf_add_str(out, ", ");
	}
	(void)buf_addc(out, ')');
}
