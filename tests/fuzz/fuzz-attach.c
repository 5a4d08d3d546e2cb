/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the attach protocol: whatever passes the check must be in range. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/monitor/attach-internal.h"
#include "engine/monitor/attach.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attach_message m;
	struct attach_exit exit;

	if (attach_message_check(data, size, &m) < 0)
		return 0;
	if (m.type == ATTACH_KILL && (m.a < 1 || m.a > 64))
		abort();
	if (m.type == ATTACH_STOP && (m.a < 0 || m.a > 64 || m.b < -1))
		abort();
	if (m.type == ATTACH_RESIZE && (m.a > UINT16_MAX || m.b > UINT16_MAX || m.a < 0 || m.b < 0))
		abort();
	attach_exit_from(&m, &exit);
	if (m.type == ATTACH_EXIT && (exit.status < 0 || exit.status > 255))
		abort();
	return 0;
}
