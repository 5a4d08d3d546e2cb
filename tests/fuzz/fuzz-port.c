/* SPDX-License-Identifier: Apache-2.0 */
/* Port specifications: any text. What is taken must survive a record. */
#include <assert.h>
#include <stdint.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "netns/port/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	struct port_list list = PORT_LIST_INIT;
	struct port_list back = PORT_LIST_INIT;
	struct buf out = BUF_INIT;

	(void)port_expose_parse(&back, text, NULL);
	port_list_done(&back);
	if (port_parse(&list, text, NULL) == 0) {
		auto_json json_t *json = port_list_to_json(&list);

		assert(port_list_from_json(&back, json, NULL) == 0);
		assert(back.count == list.count);
		(void)port_list_finish(&list, NULL);
		port_list_ps(&list, &back, &out);
	}
	port_list_done(&list);
	port_list_done(&back);
	buf_done(&out);
	return 0;
}
