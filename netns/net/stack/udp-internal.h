/* SPDX-License-Identifier: Apache-2.0 */
/* What a UDP flow is; stack.c lays out the table, udp.c does the rest. */
#pragma once

#include "netns/net/stack/flow.h"
#include "netns/net/stack/stack-internal.h"

/*
 * Outbound: one socket for each address and port of the container, whoever it talks to (RFC 4787,
 * endpoint-independent mapping); the tuple's remote side is zero. Inbound: a client of a published
 * port; the socket is the listener's.
 */
struct udp_flow {
	struct flow flow;
	struct listener *listener; /* inbound */
	union host_address peer;   /* inbound: the client as the host sees it */
	uint8_t local[16];	   /* inbound: which of the host's addresses it asked */
	uint8_t server;		   /* outbound: dns_resolver()'s number; 0: it did not ask */
	bool answered;		   /* inbound: the container has sent something back */
	bool others;		   /* outbound: it talked to more than the forwarder */
	bool guest;		   /* outbound: last to the address that means the host's own */
	bool near; /* outbound: its socket is for the host's loopback, bound to no interface */
};
