/* SPDX-License-Identifier: Apache-2.0 */
/* Image configurations: any bytes. */
#include <stdint.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/image/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_config config auto_done(image_config) = IMAGE_CONFIG_INIT;
	auto_json json_t *json = NULL;
	auto_json json_t *back = NULL;

	if (json_parse((const char *)data, size, "fuzz", &json, NULL) == 0 &&
	    image_config_parse(json_object_get(json, "config"), &config, NULL) == 0)
		back = image_config_json(&config);
	return 0;
}
