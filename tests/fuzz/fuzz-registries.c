/* SPDX-License-Identifier: Apache-2.0 */
/* registries.conf: any bytes, then the questions that pull asks. */
#include <stdint.h>

#include "engine/base/alloc.h"
#include "engine/config/registries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registries registries auto_done(registries) = REGISTRIES_INIT;
	struct registry_sources sources auto_done(registry_sources) = REGISTRY_SOURCES_INIT;

	if (registries_add(&registries, (const char *)data, size, "fuzz", NULL) < 0)
		return 0;
	registries.path = xstrdup("fuzz");
	(void)registries_alias(&registries, "f"); /* must only not crash, as below */
	(void)registries_sources(&registries, "a.x.io:5000/b/c:d", &sources, NULL);
	return 0;
}
