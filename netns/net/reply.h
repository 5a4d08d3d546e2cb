/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that bryo-net answers itself, without the stack. */
#pragma once

#include "netns/net/packet.h"

enum {
	REPLY_MAX = 1280 + PACKET_ETHERNET,
	REPLY_ICMP_HEADER = 8,
};

/*
 * "Communication administratively prohibited" (RFC 1812, RFC 4443), as the answer of the address
 * that the packet was for: a waiting connect(2) fails at once with EHOSTUNREACH or EACCES. Writes
 * at most REPLY_MAX bytes to out and returns how many; 0 when the packet deserves no answer.
 */
size_t reply_prohibited(const struct packet *packet, uint8_t out[REPLY_MAX]);
