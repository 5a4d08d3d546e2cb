/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS for the container: what it sends to the forwarder's address (net_dns4(), net_dns6()), TCP or
 * UDP, port 53, goes to a resolver of the host of the same family, and the answers come back under
 * the forwarder's address. It is the choice of a destination, no more: queries are not looked at.
 * Resolvers come from the host's /etc/resolv.conf and are followed when it changes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "netns/options/options.h"
#include "netns/net/stack/tuple.h"
#include "netns/resolv.h"

/* One family's resolvers. */
struct dns_servers {
	uint8_t address[RESOLV_MAX_SERVERS][16];
	size_t count;
	size_t current;
	uint32_t unanswered; /* queries since the last answer */
	int64_t since;	     /* when the first of them was sent */
};

struct dns {
	const struct net_options *options;
	struct dns_servers four;
	struct dns_servers six;
};

/* Takes the resolvers of one family each; IPv6 ones with a zone are left out. */
void dns_set_servers(struct dns *dns, const struct resolv *resolv);

/* The forwarder's address of that family. */
void dns_forwarder(const struct dns *dns, bool six, uint8_t ret[16]);

/* Is the remote side the forwarder? */
bool dns_is_forwarder(const struct dns *dns, const struct tuple *tuple);

/*
 * Where what the container sends to the forwarder is to go now: writes the address and returns the
 * resolver's number, from 1 on; 0: there is none of that family. A datagram counts as a query: two
 * that stay unanswered for 1.5 s turn this to the next resolver. A TCP connection stays with the
 * one that it began with.
 */
unsigned int dns_resolver(struct dns *dns, const struct tuple *tuple, uint8_t ret[16]);

/* Is from the resolver with that number (0: no)? */
bool dns_is_resolver(const struct dns *dns, unsigned int number, const struct sockaddr *from);

/* A resolver of that family has answered. */
void dns_answered(struct dns *dns, bool six);
