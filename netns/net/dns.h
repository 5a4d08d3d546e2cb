/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS for the container: what it sends to the forwarder's address (net_dns4(), net_dns6()), TCP or
 * UDP, goes to a resolver of the host, and the answers come back under the forwarder's address. It
 * is address translation on the frames: the stack below opens the sockets. Resolvers come from the
 * host's /etc/resolv.conf and are followed when it changes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/net-options.h"
#include "netns/net/packet.h"
#include "netns/resolv.h"

enum { DNS_FLOWS = 2048 };

/* One family's resolvers. */
struct dns_servers {
	uint8_t address[RESOLV_MAX_SERVERS][16];
	size_t count;
	size_t current;
	uint32_t unanswered; /* queries since the last answer */
	int64_t since;	     /* when the first of them was sent */
};

/* Which resolver the flow of one source port went to. */
struct dns_flow {
	uint16_t port;
	uint8_t proto;
	uint8_t family;
	uint8_t server; /* index + 1; 0: no flow */
};

struct dns {
	const struct net_options *options;
	struct dns_servers four;
	struct dns_servers six;
	struct dns_flow flows[DNS_FLOWS]; /* by hash; a newer flow takes an older one's place */
};

/* Takes the resolvers of one family each; IPv6 ones with a zone are left out. */
void dns_set_servers(struct dns *dns, const struct resolv *resolv);

/*
 * A frame of the container on its way to the stack, and one of the stack to the container: changed
 * in place when it is DNS. False: drop it (no resolver of its family).
 */
bool dns_outgoing(struct dns *dns, const struct packet *packet);
void dns_incoming(struct dns *dns, const struct packet *packet);
