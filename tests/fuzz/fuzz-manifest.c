/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and indexes: any bytes. */
#include <stdint.h>

#include "engine/base/alloc.h"
#include "engine/image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest manifest auto_done(manifest) = MANIFEST_INIT;
	struct platform platform auto_done(platform) = PLATFORM_INIT;

	if (manifest_parse((const char *)data, size, NULL, &manifest, NULL) == 0 &&
	    platform_parse("linux/arm/v7", &platform, NULL) == 0)
		(void)manifest_choose(&manifest, &platform); /* must only not crash */
	return 0;
}
