/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate headers: any bytes. */
#include <stdint.h>

#include "engine/base/alloc.h"
#include "engine/http/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_challenge challenge auto_done(http_challenge) = HTTP_CHALLENGE_INIT;
	auto_free char *text = xstrndup((const char *)data, size);

	(void)http_challenge_find(text, "bearer", &challenge); /* must only not crash */
	return 0;
}
