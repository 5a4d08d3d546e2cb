/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate headers (RFC 9110, 11.6.1) as registries send them. Pure text. */
#pragma once

#include "engine/base/str.h"

struct http_challenge {
	char *scheme;	    /* "bearer", "basic": lower case */
	struct strv params; /* "name=value", names in lower case */
};
#define HTTP_CHALLENGE_INIT ((struct http_challenge){ 0 })
void http_challenge_done(struct http_challenge *challenge);

/*
 * Finds the first challenge of this scheme in a header's value, which may hold several. 0, -ENOENT
 * when there is none, -EINVAL for what does not parse.
 */
int http_challenge_find(const char *header, const char *scheme,
			struct http_challenge *ret_challenge);
