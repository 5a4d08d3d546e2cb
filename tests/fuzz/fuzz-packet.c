/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a container: any bytes through policy and refusals, both ways. The frame lies in
 * memory of exactly its size, so that the sanitizer sees every step beyond it.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/net/policy.h"
#include "netns/net/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct net_options options = net_options_default();
	static struct policy policy;
	auto_free uint8_t *frame = xmemdup(data, size > 0 ? size : 1);
	uint8_t answer[REPLY_MAX];
	struct packet packet;

	policy.options = &options;
	if (packet_parse(frame, size, &packet) < 0)
		return 0;
	policy_saw(&policy, &packet);
	(void)policy_judge(&policy, &packet);
	assert(reply_prohibited(&packet, answer) <= sizeof(answer));
	return 0;
}
