/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP and ICMPv6 echo. The gateway answers by itself; to hosts outside it goes through a ping
 * socket of the host (SOCK_DGRAM, icmp(7); allowed by net.ipv4.ping_group_range, which rules both
 * families) for each running ping.
 */
#pragma once

#include <stdbool.h>

#include "netns/net/packet.h"
#include "netns/net/stack/flow.h"

struct stack;

enum { ECHO_FLOWS = 16 };

/* One ping(8) of the container: tuple.container_port is its identifier. */
struct echo_flow {
	struct flow flow;
	int64_t last; /* the one that was silent longest gives way */
};

struct echo {
	struct echo_flow flows[ECHO_FLOWS];
};

void echo_init(struct stack *stack);
void echo_close_all(struct stack *stack);

/* An ICMP packet of the container: an echo request, or something that nobody carries. */
void echo_input(struct stack *stack, const struct packet *packet);
