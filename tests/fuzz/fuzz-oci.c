/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as strangers write it: whatever is read must be written and read again the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/runtime/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_spec spec = OCI_SPEC_INIT;
	struct oci_spec again = OCI_SPEC_INIT;
	struct err err = ERR_INIT;
	json_t *json = NULL;
	char *first = NULL;
	char *second = NULL;

	if (oci_json_parse((const char *)data, size, "config.json", &json, &err) < 0)
		return 0;
	if (oci_spec_parse(json, &spec, &err) < 0) {
		json_decref(json);
		return 0;
	}
	json_decref(json);
	json = oci_spec_to_json(&spec);
	first = oci_json_text(json, 0);
	json_decref(json);
	if (oci_json_parse(first, strlen(first), "again", &json, &err) < 0 ||
	    oci_spec_parse(json, &again, &err) < 0)
		abort();
	json_decref(json);
	json = oci_spec_to_json(&again);
	second = oci_json_text(json, 0);
	json_decref(json);
	if (strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	oci_spec_done(&spec);
	oci_spec_done(&again);
	return 0;
}
