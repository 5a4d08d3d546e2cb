/* SPDX-License-Identifier: Apache-2.0 */
/* Small value syntaxes of Go's that users know from Podman: booleans, CSV lines, quoting. */
#include "cli/options/option.h"

#include <errno.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

int cli_bool(const char *text, bool *ret_value)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
			*ret_value = str_eq(text, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

/* A field that began with a quote: up to its closing quote, "" standing for one quote. */
static const char *quoted_field(const char *p, struct buf *field)
{
	for (p++; *p; p++) {
		if (*p == '"' && p[1] == '"')
			p++;
		else if (*p == '"')
			return p + 1;
		(void)buf_addc(field, *p);
	}
	return NULL;
}

int cli_csv(const char *text, struct strv *list, struct err *err)
{
	const char *p = text;

	/* encoding/csv: an empty line is no record; the flag then adds nothing. */
	if (*text == '\0')
		return 0;
	for (;;) {
		struct buf field = BUF_INIT;

		if (*p == '"') {
			p = quoted_field(p, &field);
			if (!p || (*p && *p != ',')) {
				buf_done(&field);
				return err_say(
					err, ERR_USAGE,
					"parse error: extraneous or missing \" in quoted-field");
			}
		} else {
			size_t n = strcspn(p, ",\"");

			if (p[n] == '"') {
				buf_done(&field);
				return err_say(err, ERR_USAGE,
					       "parse error on line 1, column %zu: bare \" in "
					       "non-quoted-field",
					       (size_t)(p - text) + n + 1);
			}
			(void)buf_add(&field, p, n);
			p += n;
		}
		strv_add_own(list, buf_take(&field));
		if (*p == '\0')
			return 0;
		p++;
	}
}

int cli_quote(struct buf *out, const char *text)
{
	static const char *const named = "\a\b\f\n\r\t\v\\\"";
	static const char letters[] = "abfnrtv\\\"";

	(void)buf_addc(out, '"');
	for (const char *p = text; *p; p++) {
		const char *at = strchr(named, *p);

		if (at)
			(void)buf_addf(out, "\\%c", letters[at - named]);
		else if ((unsigned char)*p < 0x20 || *p == 0x7f)
			(void)buf_addf(out, "\\x%02x", (unsigned char)*p);
		else
			(void)buf_addc(out, *p);
	}
	return buf_addc(out, '"');
}
