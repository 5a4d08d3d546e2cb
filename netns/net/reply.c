/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP frames of our own: see reply.h. Runs in bryo-net; allocates nothing. */
#include "netns/net/reply.h"

#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "netns/net/bytes.h"

enum {
	IP4_HEADER = 20,
	IP6_HEADER = 40,
	TTL = 64,
	QUOTE4 = 576 - IP4_HEADER - REPLY_ICMP_HEADER, /* as much as surely fits: RFC 1812 */
	QUOTE6 = 1280 - IP6_HEADER - REPLY_ICMP_HEADER,
};

/* Back to the sender, from the address it wrote to. */
static void put_ethernet(const uint8_t *request, uint8_t *out)
{
	memcpy(out, request + 6, 6);
	memcpy(out + 6, request, 6);
	memcpy(out + 12, request + 12, 2);
}

static size_t prohibited4(const struct packet *packet, uint8_t *out)
{
	uint8_t *const ip = out + PACKET_ETHERNET;
	uint8_t *const icmp = ip + IP4_HEADER;
	size_t quote = packet->size - PACKET_ETHERNET;

	if (quote > QUOTE4)
		quote = QUOTE4;
	memset(ip, 0, IP4_HEADER + REPLY_ICMP_HEADER);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(IP4_HEADER + REPLY_ICMP_HEADER + quote));
	ip[8] = TTL;
	ip[9] = IPPROTO_ICMP;
	memcpy(ip + 12, packet->frame + packet->to, 4);
	memcpy(ip + 16, packet->frame + packet->from, 4);
	put16(ip + 10, ~sum_fold(sum_add(0, ip, IP4_HEADER)) & 0xffffU);
	icmp[0] = ICMP_DEST_UNREACH;
	icmp[1] = ICMP_PKT_FILTERED;
	memcpy(icmp + REPLY_ICMP_HEADER, packet->frame + PACKET_ETHERNET, quote);
	put16(icmp + 2, ~sum_fold(sum_add(0, icmp, REPLY_ICMP_HEADER + quote)) & 0xffffU);
	return PACKET_ETHERNET + IP4_HEADER + REPLY_ICMP_HEADER + quote;
}

static size_t prohibited6(const struct packet *packet, uint8_t *out)
{
	uint8_t *const ip = out + PACKET_ETHERNET;
	uint8_t *const icmp = ip + IP6_HEADER;
	size_t quote = packet->size - PACKET_ETHERNET;
	uint32_t sum = 0;

	if (quote > QUOTE6)
		quote = QUOTE6;
	memset(ip, 0, IP6_HEADER + REPLY_ICMP_HEADER);
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)(REPLY_ICMP_HEADER + quote));
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = TTL;
	memcpy(ip + 8, packet->frame + packet->to, 16);
	memcpy(ip + 24, packet->frame + packet->from, 16);
	icmp[0] = ICMP6_DST_UNREACH;
	icmp[1] = ICMP6_DST_UNREACH_ADMIN;
	memcpy(icmp + REPLY_ICMP_HEADER, packet->frame + PACKET_ETHERNET, quote);
	/* The pseudo header: both addresses, length, next header (RFC 8200, 8.1). */
	sum = sum_add(0, ip + 8, 32) + (uint32_t)(REPLY_ICMP_HEADER + quote) + IPPROTO_ICMPV6;
	put16(icmp + 2, ~sum_fold(sum_add(sum, icmp, REPLY_ICMP_HEADER + quote)) & 0xffffU);
	return PACKET_ETHERNET + IP6_HEADER + REPLY_ICMP_HEADER + quote;
}

size_t reply_prohibited(const struct packet *packet, uint8_t out[REPLY_MAX])
{
	/* Never in answer to ICMP, which may be an error itself (RFC 1122, 3.2.2). */
	if (packet->fragment || packet->proto == IPPROTO_ICMP || packet->proto == IPPROTO_ICMPV6)
		return 0;
	if (packet->family == 0)
		return 0;
	put_ethernet(packet->frame, out);
	return packet->family == AF_INET ? prohibited4(packet, out) : prohibited6(packet, out);
}
