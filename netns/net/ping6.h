/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMPv6 echo to hosts outside, which libslirp does not carry: one ping socket of the host
 * (SOCK_DGRAM, icmp(7); allowed by net.ipv4.ping_group_range, which rules both families) for each
 * running ping.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>

#include "netns/net/packet.h"
#include "netns/net/reply.h"

enum {
	PING6_FLOWS = 16,
	PING6_BODY = 8192, /* larger echoes are not carried */
};

/* One ping(8) of the container: its identifier and where it writes to. */
struct ping6_flow {
	int fd; /* -1: free */
	uint16_t id;
	uint8_t to[16];
	uint8_t headers[REPLY_HEADERS6]; /* of its last request, for the way back */
	int64_t used;			 /* when; the oldest gives way */
};

struct ping6 {
	struct ping6_flow flows[PING6_FLOWS];
};

void ping6_init(struct ping6 *ping6);

/* Takes an echo request; false: it is none of ours. */
bool ping6_outgoing(struct ping6 *ping6, const struct packet *packet);

/* Fills fds with at most PING6_FLOWS sockets to wait for; returns how many. */
size_t ping6_fill(const struct ping6 *ping6, struct pollfd *fds);

/*
 * Reads one answer from the socket of fds[] that is ready; builds the frame for the container in
 * frame (of 65536 bytes). Returns its size, 0 when there is none.
 */
size_t ping6_dispatch(struct ping6 *ping6, const struct pollfd *ready, uint8_t *frame);

/* Closes pings that were silent for a minute. Returns how many are left. */
size_t ping6_expire(struct ping6 *ping6);
