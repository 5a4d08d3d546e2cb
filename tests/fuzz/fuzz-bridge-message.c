/* SPDX-License-Identifier: Apache-2.0 */
/* The settings message of bryo-bridge: any bytes; what is taken can be sent again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/bridge/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bridge_message message = BRIDGE_MESSAGE_INIT;
	struct bridge_message back = BRIDGE_MESSAGE_INIT;
	auto_free char *text = NULL;

	if (bridge_message_parse((const char *)data, size, &message, NULL) < 0)
		return 0;
	text = bridge_message_text(&message);
	assert(bridge_message_parse(text, strlen(text), &back, NULL) == 0);
	bridge_message_done(&message);
	bridge_message_done(&back);
	return 0;
}
