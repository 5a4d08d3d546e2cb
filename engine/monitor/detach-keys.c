/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that detach a client from a container: see attach.h. Runs in the client. */
#include <string.h>

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/monitor/attach.h"

/* One element, "a" or "ctrl-a"; its byte, or -1. */
static int parse_key(const char *text, size_t size)
{
	const char *const special = "@[\\]^_";
	char c = 0;

	if (size == 1)
		return (unsigned char)text[0];
	if (size != 6 || memcmp(text, "ctrl-", 5) != 0)
		return -1;
	c = text[5];
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 1;
	if (c != '\0' && strchr(special, c))
		return c - '@';
	return -1;
}

int detach_keys_parse(const char *text, struct detach_keys *ret_keys, struct err *err)
{
	struct detach_keys keys = { 0 };
	const char *p = text;

	while (*p != '\0') {
		/* A key may be the comma itself: then the element is one byte long. */
		size_t size = *p == ',' ? 1 : strcspn(p, ",");
		int key = parse_key(p, size);

		if (key < 0)
			return err_say(err, ERR_USAGE,
				       "detach keys \"%s\": \"%.*s\" is neither a character nor "
				       "ctrl- with one of a-z @ [ \\ ] ^ _",
				       text, (int)size, p);
		if (keys.count == DETACH_KEYS_MAX)
			return err_say(err, ERR_USAGE, "detach keys \"%s\": at most %d keys", text,
				       DETACH_KEYS_MAX);
		keys.keys[keys.count++] = (unsigned char)key;
		p += size;
		if (*p == ',' && p[1] == '\0')
			return err_say(err, ERR_USAGE,
				       "detach keys \"%s\": a key is missing at the end", text);
		if (*p == ',')
			p++;
	}
	*ret_keys = keys;
	return 0;
}

bool detach_keys_filter(struct detach_keys *keys, const char *in, size_t size, char *out,
			size_t *ret_size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)in[i];

		/*
		 * On a mismatch the longest part of what was held back and this byte that could
		 * still begin the sequence stays held ("aab" must be found in "aaab").
		 */
		while (keys->matched > 0 && c != keys->keys[keys->matched]) {
			size_t keep = keys->matched - 1;

			while (keep > 0 &&
			       memcmp(keys->keys, keys->keys + keys->matched - keep, keep) != 0)
				keep--;
			memcpy(out + n, keys->keys, keys->matched - keep);
			n += keys->matched - keep;
			keys->matched = keep;
		}
		if (keys->count == 0 || c != keys->keys[keys->matched]) {
			out[n++] = (char)c;
			continue;
		}
		if (++keys->matched == keys->count) {
			keys->matched = 0;
			*ret_size = n;
			return true;
		}
	}
	*ret_size = n;
	return false;
}
