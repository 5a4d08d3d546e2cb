/* SPDX-License-Identifier: Apache-2.0 */
/* containers.conf: any bytes, then what a command takes out of it before it starts a container. */
#include <stdint.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/config/toml.h"
#include "engine/spec/defaults.h"
#include "engine/spec/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request auto_done(request) = REQUEST_INIT;
	auto_json json_t *conf = NULL;

	if (toml_parse((const char *)data, size, "fuzz", &conf, NULL) < 0)
		return 0;
	(void)spec_defaults(conf, &request, NULL); /* must only not crash, as below */
	(void)spec_defaults_network(conf, &request, NULL);
	(void)spec_runtime_find(conf, &request, NULL);
	return 0;
}
