/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments from the container, put together (RFC 791, RFC 8200 4.5). At most FRAGMENT_SLOTS
 * datagrams at a time, each given up after FRAGMENT_NS; the oldest gives way to a new one.
 * Fragments that overlap end their datagram (RFC 5722), for both families.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/net/packet.h"

enum {
	FRAGMENT_SLOTS = 4,
	FRAGMENT_HEADERS = PACKET_ETHERNET + 40,
	FRAGMENT_DATA = 65536,
};
#define FRAGMENT_NS (30 * 1000000000LL)

/* One datagram that is not whole yet. */
struct fragment_slot {
	int64_t since;	 /* when the first fragment came; 0: free */
	uint8_t key[37]; /* both addresses, id, protocol */
	uint32_t total;	 /* bytes behind the IP header; 0: the last fragment is missing */
	uint32_t have;
	uint32_t end;					/* of what came */
	uint8_t seen[FRAGMENT_DATA / 8 / 8];		/* a bit for eight bytes */
	uint8_t headers[FRAGMENT_HEADERS];		/* ethernet and IP of the first fragment */
	size_t header_size;				/* 0: it did not come yet */
	uint8_t data[FRAGMENT_HEADERS + FRAGMENT_DATA]; /* headers go before in the end */
};

struct fragments {
	struct fragment_slot slots[FRAGMENT_SLOTS];
};

/* True: the packet is a fragment, and no packet of its own. */
bool fragment_is(const struct packet *packet);

/*
 * Takes a fragment. When its datagram is whole: parses it to *ret_packet, which lies in fragments
 * until the next call, and returns true.
 */
bool fragment_take(struct fragments *fragments, const struct packet *packet, int64_t now,
		   struct packet *ret_packet);
