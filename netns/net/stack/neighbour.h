/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARP (RFC 826) and neighbour discovery (RFC 4861): the container asks who has an address of its
 * network, and every one but its own is ours. In turn its hardware address can be asked for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "netns/options/options.h"
#include "netns/net/packet.h"
#include "netns/net/stack/frame.h"

enum { NEIGHBOUR_FRAME = FRAME_IP + 40 + 32 };

/* The answer to an ARP request or neighbour solicitation; 0: it deserves none. */
size_t neighbour_answer(const struct net_options *options, const struct frame_link *link,
			const struct packet *packet, uint8_t out[NEIGHBOUR_FRAME]);

/* Asks for the container's hardware address: what it answers is a frame that bears it. */
size_t neighbour_ask(const struct net_options *options, const struct frame_link *link, bool six,
		     uint8_t out[NEIGHBOUR_FRAME]);
