/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames for the container, built in one buffer: struct virtio_net_hdr (virtio 1.2, 5.1.6), then
 * ethernet, IP and transport headers, then payload, which the caller reads from its socket straight
 * to where frame_payload() says. TCP and UDP checksums are left to the receiver's kernel
 * (NEEDS_CSUM: the field holds the sum of the pseudo header), segmentation as well (GSO).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "netns/net/stack/tuple.h"

enum {
	FRAME_VNET = 10,
	FRAME_IP = FRAME_VNET + PACKET_ETHERNET,
	FRAME_TCP_HEADER = 20,
	FRAME_UDP_HEADER = 8,
	FRAME_ICMP_HEADER = 8,
	FRAME_BUFFER = 65536 + 4096, /* more than any headers with 65535 bytes behind them */
};

struct frame_link {
	uint8_t to[6]; /* the container's interface */
	uint8_t from[6];
	uint32_t mtu;
};

/* Bytes of IP header for the tuple's family. */
size_t frame_ip_size(const struct tuple *tuple);

/* Where the payload of a TCP (without options) or UDP frame is, and how much one may hold. */
size_t frame_payload(const struct tuple *tuple);
size_t frame_payload_max(const struct tuple *tuple);

struct frame_tcp {
	uint32_t seq;
	uint32_t ack;
	uint16_t window; /* as it is on the wire */
	uint16_t urgent; /* pointer; 0: none */
	uint8_t flags;
	uint16_t mss;	  /* with SYN: the option's value */
	int shift;	  /* with SYN: of the window; -1: no such option */
	uint16_t segment; /* payload in one packet at most */
};

/*
 * Puts all headers before size bytes of payload, from the tuple's remote to its container side.
 * SYN frames have options and so no payload. Returns the size of the whole with its vnet header.
 */
size_t frame_put_tcp(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		     const struct frame_tcp *tcp, size_t size);

/*
 * The same for UDP. datagram: each datagram's payload where there are several in the frame, the
 * last one maybe shorter; else 0.
 */
size_t frame_put_udp(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		     size_t size, uint16_t datagram);

/*
 * ICMP or ICMPv6 of size bytes that stand behind the IP header (frame_payload() does not hold):
 * ethernet, IP header and the message's checksum are filled in.
 */
size_t frame_put_icmp(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		      size_t size);

/*
 * Cuts a whole UDP or ICMP frame that frame_put_...() made into fragments of the link's MTU, with
 * all checksums in place. Fragment number n (from 0) is written to out; returns its size, 0 behind
 * the last one. id is that of the datagram.
 */
size_t frame_fragment(const uint8_t *buffer, size_t size, const struct frame_link *link,
		      uint32_t id, unsigned int n, uint8_t *out);

/* Why the container's packet did not get there. */
struct frame_error {
	int code; /* a positive errno: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EACCES, ... */
	const uint8_t *by; /* address that says so; NULL: the one that the packet was for */
	uint32_t seq;	   /* of the TCP segment or echo request that is concerned */
	uint16_t length;   /* payload of the UDP datagram that is concerned */
};

/*
 * "Destination unreachable" (RFC 792, RFC 4443) about a packet of the container with this tuple;
 * its headers are quoted as they must have been.
 */
size_t frame_put_error(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		       const struct frame_error *error);
