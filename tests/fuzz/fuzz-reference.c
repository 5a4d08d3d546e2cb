/* SPDX-License-Identifier: Apache-2.0 */
/* References: what parses must print and parse again to the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	struct reference again auto_done(reference) = REFERENCE_INIT;
	auto_free char *once = NULL;
	auto_free char *twice = NULL;

	if (reference_parse(text, &ref, NULL) < 0)
		return 0;
	reference_normalize(&ref);
	reference_add_latest(&ref);
	once = reference_text(&ref);
	if (strlen(once) > REFERENCE_TEXT_MAX)
		return 0;
	/* docker.io/library/ may push a name just beneath the limit over it */
	if (reference_parse(once, &again, NULL) < 0)
		return strlen(text) > 200 ? 0 : (abort(), 0);
	twice = reference_text(&again);
	if (strcmp(once, twice) != 0)
		abort();
	return 0;
}
