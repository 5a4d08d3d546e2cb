/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ethernet frame, taken apart as far as policy and the translator need it. Every byte may be
 * hostile: what is not clearly there is an error, and nothing is read or written beyond the frame.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_ETHERNET = 14 };

struct packet {
	uint8_t *frame; /* not owned */
	size_t size;
	uint16_t ethertype;
	int family;	  /* AF_INET, AF_INET6, or 0 for others (ARP) */
	uint8_t proto;	  /* IPPROTO_*; for IPv6 the first next-header */
	bool fragment;	  /* part of a larger datagram: ports are not looked at */
	size_t transport; /* offset of the transport header; 0: not there */
	uint16_t from_port;
	uint16_t to_port; /* of TCP and UDP, host order; 0: none */
	size_t from;	  /* offsets of the addresses, 4 or 16 bytes */
	size_t to;
};

/* 0, or -EBADMSG for a frame whose headers are cut or contradict each other. */
int packet_parse(void *frame, size_t size, struct packet *ret_packet);

static inline size_t packet_address_size(const struct packet *packet)
{
	return packet->family == AF_INET ? 4 : 16;
}
