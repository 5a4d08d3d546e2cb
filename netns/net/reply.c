/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP frames of our own: see reply.h. Runs in bryo-net; allocates nothing. */
#include "netns/net/reply.h"

#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

enum {
	IP4_HEADER = 20,
	IP6_HEADER = 40,
	TTL = 64,
	QUOTE4 = 576 - IP4_HEADER - REPLY_ICMP_HEADER, /* as much as surely fits: RFC 1812 */
	QUOTE6 = 1280 - IP6_HEADER - REPLY_ICMP_HEADER,
};

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* One's complement sum of big-endian words; an odd last byte counts as the high half. */
static uint32_t add_words(uint32_t sum, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	if (size % 2 != 0)
		sum += (uint32_t)data[size - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

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
	put16(ip + 10, fold(add_words(0, ip, IP4_HEADER)));
	icmp[0] = ICMP_DEST_UNREACH;
	icmp[1] = ICMP_PKT_FILTERED;
	memcpy(icmp + REPLY_ICMP_HEADER, packet->frame + PACKET_ETHERNET, quote);
	put16(icmp + 2, fold(add_words(0, icmp, REPLY_ICMP_HEADER + quote)));
	return PACKET_ETHERNET + IP4_HEADER + REPLY_ICMP_HEADER + quote;
}

size_t reply_icmp6(const uint8_t request[REPLY_HEADERS6], const uint8_t from[16], const void *icmp,
		   size_t size, uint8_t *out)
{
	uint8_t *const ip = out + PACKET_ETHERNET;
	uint8_t *const body = ip + IP6_HEADER;
	uint32_t sum = 0;

	put_ethernet(request, out);
	memset(ip, 0, IP6_HEADER);
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)size);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = TTL;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, request + PACKET_ETHERNET + 8, 16);
	memcpy(body, icmp, size);
	put16(body + 2, 0);
	/* The pseudo header: both addresses, length, next header (RFC 8200, 8.1). */
	sum = add_words(0, ip + 8, 32) + (uint32_t)size + IPPROTO_ICMPV6;
	put16(body + 2, fold(add_words(sum, body, size)));
	return PACKET_ETHERNET + IP6_HEADER + size;
}

static size_t prohibited6(const struct packet *packet, uint8_t *out)
{
	uint8_t icmp[REPLY_ICMP_HEADER + QUOTE6] = { ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN };
	size_t quote = packet->size - PACKET_ETHERNET;

	if (quote > QUOTE6)
		quote = QUOTE6;
	memcpy(icmp + REPLY_ICMP_HEADER, packet->frame + PACKET_ETHERNET, quote);
	return reply_icmp6(packet->frame, packet->frame + packet->to, icmp,
			   REPLY_ICMP_HEADER + quote, out);
}

size_t reply_prohibited(const struct packet *packet, uint8_t out[REPLY_MAX])
{
	/* Never in answer to ICMP, which may be an error itself (RFC 1122, 3.2.2). */
	if (packet->fragment || packet->proto == IPPROTO_ICMP || packet->proto == IPPROTO_ICMPV6)
		return 0;
	if (packet->family == AF_INET6)
		return prohibited6(packet, out);
	if (packet->family != AF_INET)
		return 0;
	put_ethernet(packet->frame, out);
	return prohibited4(packet, out);
}
