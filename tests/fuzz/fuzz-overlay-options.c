/* SPDX-License-Identifier: Apache-2.0 */
/* The -o lists of bryo-overlay: any text. What was taken must be sound. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "fuse-overlay/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	struct options o auto_done(options) = { .device_fd = -1, .ready_fd = -1 };
	struct strv ignored auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;

	if (options_parse_list(&o, text, &ignored, &err) < 0)
		return *err.text ? 0 : (abort(), 0);
	for (size_t i = 0; i < o.uid_count; i++)
		if (o.uids[i].count == 0)
			abort();
	for (size_t i = 0; i < o.lower.count; i++)
		if (!*o.lower.v[i])
			abort();
	return 0;
}
