/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's record (container.json): any bytes. What could be read is written and read again,
 * and must be the same text then.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *through(const json_t *json)
{
	struct container_spec spec;
	auto_json json_t *back = NULL;
	int r = 0;

	container_spec_init(&spec);
	r = spec_from_json(json, &spec, NULL);
	if (r == 0)
		back = spec_to_json(&spec);
	container_spec_done(&spec);
	return r < 0 ? NULL : json_text(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *json = NULL;
	auto_json json_t *again = NULL;
	auto_free char *one = NULL;
	auto_free char *two = NULL;

	if (json_parse((const char *)data, size, "fuzz", &json, NULL) < 0)
		return 0;
	one = through(json);
	if (!one)
		return 0;
	if (json_parse(one, strlen(one), "fuzz", &again, NULL) < 0)
		abort();
	two = through(again);
	if (!two || strcmp(one, two) != 0)
		abort();
	return 0;
}
