/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the store that a neighbour or a broken disk may have written: of a container's state,
 * of a layer, of an image. Any bytes, to each of them. A state that could be read is written and
 * read again, and must be the same then.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/container/internal.h"
#include "engine/image/record-internal.h"
#include "engine/storage/storage-internal.h"

#define DIFF_ID "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *through(const json_t *json)
{
	struct container_state state = { 0 };
	json_t *back = NULL;

	if (container_state_from_json(json, &state, NULL) == 0)
		back = container_state_to_json(&state);
	container_state_done(&state);
	return back;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image auto_done(image) = IMAGE_INIT;
	struct storage_layer layer;
	auto_json json_t *json = NULL;
	auto_json json_t *one = NULL;
	auto_json json_t *two = NULL;

	(void)image_record_parse((const char *)data, size, DIFF_ID, &image, NULL);
	if (json_parse((const char *)data, size, "fuzz", &json, NULL) < 0)
		return 0;
	(void)layer_record_parse(json, DIFF_ID, &layer, NULL); /* must only not crash */
	one = through(json);
	if (!one)
		return 0;
	two = through(one);
	if (!two || !json_equal(one, two))
		abort();
	return 0;
}
