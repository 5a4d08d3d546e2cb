/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's lxc_contexts, and contexts from extended attributes: any bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "engine/container/label.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_free char *value = label_setting(text, "process");
	const char *const both[] = { text, value };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct label_context context auto_done(label_context) = LABEL_CONTEXT_INIT;
		auto_free char *back = NULL;

		if (!both[i] || label_context_parse(both[i], &context) < 0)
			continue;
		back = label_context_text(&context);
		/* A level that is empty is none. */
		if (!str_starts(both[i], back))
			abort();
	}
	return 0;
}
