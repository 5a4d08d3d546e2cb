/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames of the container may reach the stack. The stack opens sockets with this user's
 * rights in the host's network namespace, so whatever is let through here can be talked to: host
 * loopback, link-local and metadata addresses are not, unless asked for.
 */
#pragma once

#include <stdbool.h>

#include "netns/options/options.h"
#include "netns/net/packet.h"

enum policy_verdict {
	POLICY_PASS,
	POLICY_DROP,   /* without a word: broadcast, noise, what is ill-formed */
	POLICY_REFUSE, /* an answer that it is prohibited, so that the sender need not wait */
};

enum { POLICY_FLOWS = 1024 };

/*
 * A client on the host's loopback comes to a published port under the gateway's address. Only
 * answers to just that may go there: for TCP anything but a first SYN, for UDP what goes from that
 * port of the container to that of the client, hence this table.
 */
struct policy_flow {
	uint16_t container_port;
	uint16_t client_port;
	uint8_t family; /* 0: no flow */
};

struct policy {
	const struct net_options *options;
	struct policy_flow
		flows[POLICY_FLOWS]; /* by hash; a newer one takes an older one's place */
};

/* Total: any packet that parses has a verdict. */
enum policy_verdict policy_judge(const struct policy *policy, const struct packet *packet);

/* A frame that the stack sends to the container. */
void policy_saw(struct policy *policy, const struct packet *packet);
