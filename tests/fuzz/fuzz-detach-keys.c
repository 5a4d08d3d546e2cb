/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detach keys: a specification up to the first newline, then input in pieces of any size. Nothing
 * may come out that did not go in, and never more than was put in.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/monitor/attach.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct detach_keys keys;
	const uint8_t *newline = memchr(data, '\n', size);
	size_t spec_size = newline ? (size_t)(newline - data) : size;
	char *spec = strndup((const char *)data, spec_size);
	size_t at = spec_size + 1;
	size_t total = 0;
	char *out = NULL;

	if (spec && detach_keys_parse(spec, &keys, NULL) == 0) {
		out = malloc(256 + DETACH_KEYS_MAX);
		while (out && at < size) {
			size_t step = data[at] + 1U;
			size_t got = 0;

			if (step > size - at)
				step = size - at;
			if (step > 256)
				step = 256;
			if (detach_keys_filter(&keys, (const char *)data + at, step, out, &got))
				break;
			at += step;
			total += got;
			if (total > at - spec_size - 1 ||
			    total + DETACH_KEYS_MAX < at - spec_size - 1)
				abort();
		}
	}
	free(out);
	free(spec);
	return 0;
}
