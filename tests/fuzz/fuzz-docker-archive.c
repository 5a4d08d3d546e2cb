/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest.json of a docker-archive: any bytes. */
#include <stdint.h>

#include "engine/image/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docker_archive *archive = NULL;

	if (docker_archive_parse((const char *)data, size, &archive, NULL) == 0)
		docker_archive_close(archive);
	return 0;
}
