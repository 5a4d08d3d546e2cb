/* SPDX-License-Identifier: Apache-2.0 */
/* TOML: any bytes. */
#include <stdint.h>

#include "engine/base/json.h"
#include "engine/config/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *json = NULL;

	(void)toml_parse((const char *)data, size, "fuzz", &json, NULL); /* must only not crash */
	return 0;
}
