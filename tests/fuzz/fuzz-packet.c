/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a container: any bytes through policy, DNS and refusals, both ways. The frame lies in
 * memory of exactly its size, so that the sanitizer sees every step beyond it.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/net/dns.h"
#include "netns/net/policy.h"
#include "netns/net/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "nameserver 127.0.0.53\nnameserver ::1\n";
	const struct net_options options = net_options_default();
	static struct policy policy;
	static struct dns dns;
	auto_free uint8_t *frame = xmemdup(data, size > 0 ? size : 1);
	uint8_t answer[REPLY_MAX];
	struct resolv resolv;
	struct packet packet;

	policy.options = &options;
	dns.options = &options;
	resolv_parse(text, sizeof(text) - 1, &resolv);
	dns_set_servers(&dns, &resolv);
	if (packet_parse(frame, size, &packet) < 0)
		return 0;
	policy_saw(&policy, &packet);
	dns_incoming(&dns, &packet);
	(void)policy_judge(&policy, &packet);
	assert(reply_prohibited(&packet, answer) <= sizeof(answer));
	(void)dns_outgoing(&dns, &packet);
	return 0;
}
