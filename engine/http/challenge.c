/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate: see challenge.h. Bytes from strangers; bounded by curl's header size. */
#include "engine/http/challenge.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"

enum { PARAMS_MAX = 32 };

void http_challenge_done(struct http_challenge *challenge)
{
	free(challenge->scheme);
	strv_done(&challenge->params);
	*challenge = HTTP_CHALLENGE_INIT;
}

static bool is_token(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip(const char *p, const char *set)
{
	return p + strspn(p, set);
}

static char *lower(const char *s, size_t n)
{
	char *copy = xstrndup(s, n);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

/* "quoted \"text\"" or a token; NULL where neither stands. */
static const char *read_param_value(const char *p, struct buf *value)
{
	if (*p != '"') {
		const char *start = p;

		/* token68 characters are let through: some registries do not quote URLs */
		while (is_token(*p) || (*p && strchr("/:=?", *p)))
			p++;
		(void)buf_add(value, start, (size_t)(p - start)); /* no bound set, as below */
		return p;
	}
	for (p++; *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		if (*p == '\0')
			return NULL;
		(void)buf_addc(value, *p);
	}
	return p + 1;
}

/* name=value[, name=value...] up to the next scheme; returns where it stopped, or NULL. */
static const char *read_params(const char *p, struct strv *params)
{
	for (;;) {
		struct buf value auto_done(buf) = BUF_INIT;
		auto_free char *name = NULL;
		const char *start = p = skip(p, " \t,");

		while (is_token(*p))
			p++;
		name = lower(start, (size_t)(p - start));
		p = skip(p, " \t");
		if (*p != '=' || p == start)
			return start; /* the end, or the next challenge's scheme */
		p = read_param_value(skip(p + 1, " \t"), &value);
		if (!p || params->count >= PARAMS_MAX)
			return NULL;
		strv_addf(params, "%s=%s", name, str_or(value.data, ""));
	}
}

int http_challenge_find(const char *header, const char *scheme,
			struct http_challenge *ret_challenge)
{
	const char *p = skip(header, " \t,");

	while (*p) {
		struct http_challenge one auto_done(http_challenge) = HTTP_CHALLENGE_INIT;
		const char *start = p;

		while (is_token(*p))
			p++;
		if (p == start)
			return -EINVAL;
		one.scheme = lower(start, (size_t)(p - start));
		p = read_params(p, &one.params);
		if (!p)
			return -EINVAL;
		if (strcasecmp(one.scheme, scheme) == 0) {
			*ret_challenge = one;
			one = HTTP_CHALLENGE_INIT;
			return 0;
		}
		p = skip(p, " \t,");
	}
	return -ENOENT;
}
