/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who talks to whom, as the container sees it: family, protocol, both addresses and ports. Unused
 * bytes are zero, so that tuples can be compared and hashed as bytes.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "netns/net/packet.h"

struct tuple {
	uint8_t container[16];
	uint8_t remote[16];
	uint16_t container_port;
	uint16_t remote_port;
	uint8_t six;
	uint8_t proto;
	uint8_t unused[2];
};

static inline int tuple_family(const struct tuple *tuple)
{
	return tuple->six ? AF_INET6 : AF_INET;
}

static inline size_t tuple_address_size(const struct tuple *tuple)
{
	return tuple->six ? 16 : 4;
}

static inline bool tuple_equal(const struct tuple *a, const struct tuple *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Of a packet that the container sent. */
static inline struct tuple tuple_of(const struct packet *packet)
{
	const size_t size = packet_address_size(packet);
	struct tuple tuple = { .container_port = packet->from_port,
			       .remote_port = packet->to_port,
			       .six = packet->family == AF_INET6,
			       .proto = packet->proto };

	memcpy(tuple.container, packet->frame + packet->from, size);
	memcpy(tuple.remote, packet->frame + packet->to, size);
	return tuple;
}
