/* SPDX-License-Identifier: Apache-2.0 */
/* Hardware addresses: see neighbour.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/stack/neighbour.h"

#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>

#include "netns/net/bytes.h"

enum {
	ARP_SIZE = 28,
	ARP_FROM_MAC = 8, /* offsets in the message */
	ARP_FROM_IP = 14,
	ARP_TO_MAC = 18,
	ARP_TO_IP = 24,
	NEIGHBOUR_TARGET = 8,
	NEIGHBOUR_MESSAGE = 24,
	NEIGHBOUR_OPTION = 8,
	HOPS = 255, /* else nobody listens: RFC 4861, 7.1 */
};

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* ---- ARP ---- */

static size_t put_arp(const struct frame_link *link, uint16_t operation, const uint8_t *to_mac,
		      const uint8_t *from_ip, const uint8_t *to_ip, uint8_t *out)
{
	uint8_t *const ethernet = out + FRAME_VNET;
	uint8_t *const arp = out + FRAME_IP;

	memset(out, 0, FRAME_IP + ARP_SIZE);
	memcpy(ethernet, to_mac, 6);
	memcpy(ethernet + 6, link->from, 6);
	put16(ethernet + 12, ETHERTYPE_ARP);
	put16(arp, ARPHRD_ETHER);
	put16(arp + 2, ETHERTYPE_IP);
	arp[4] = 6;
	arp[5] = 4;
	put16(arp + 6, operation);
	memcpy(arp + ARP_FROM_MAC, link->from, 6);
	memcpy(arp + ARP_FROM_IP, from_ip, 4);
	if (operation == ARPOP_REPLY)
		memcpy(arp + ARP_TO_MAC, to_mac, 6);
	memcpy(arp + ARP_TO_IP, to_ip, 4);
	return FRAME_IP + ARP_SIZE;
}

static size_t answer_arp(const struct net_options *options, const struct frame_link *link,
			 const struct packet *packet, uint8_t *out)
{
	const uint8_t *const arp = packet->frame + PACKET_ETHERNET;
	const uint32_t mask = ~0U << (32 - options->prefix4);
	const struct in_addr own = net_container4(options);
	uint32_t target = 0;

	if (packet->size < PACKET_ETHERNET + ARP_SIZE || get16(arp + 2) != ETHERTYPE_IP ||
	    arp[4] != 6 || arp[5] != 4 || get16(arp + 6) != ARPOP_REQUEST)
		return 0;
	target = get32(arp + ARP_TO_IP);
	/* Its own it asks for to find out whether others have it (RFC 5227): nobody has. */
	if ((target & mask) != ntohl(options->net4.s_addr) || target == ntohl(own.s_addr) ||
	    memcmp(arp + ARP_TO_IP, arp + ARP_FROM_IP, 4) == 0)
		return 0;
	return put_arp(link, ARPOP_REPLY, arp + ARP_FROM_MAC, arp + ARP_TO_IP, arp + ARP_FROM_IP,
		       out);
}

/* ---- Neighbour discovery ---- */

/* The message without its option's address stands in out; puts the rest around it. */
static size_t put_neighbour(const struct frame_link *link, const struct tuple *tuple, uint8_t *out)
{
	uint8_t *const ip = out + FRAME_IP;
	uint8_t *const option = ip + 40 + NEIGHBOUR_MESSAGE;
	size_t size = 0;

	option[1] = NEIGHBOUR_OPTION / 8;
	memcpy(option + 2, link->from, 6);
	size = frame_put_icmp(out, link, tuple, NEIGHBOUR_MESSAGE + NEIGHBOUR_OPTION);
	ip[7] = HOPS;
	return size;
}

static size_t answer_solicitation(const struct net_options *options, const struct frame_link *link,
				  const struct packet *packet, uint8_t *out)
{
	const struct in6_addr own = net_container6(options);
	const uint8_t *const message = packet->frame + packet->transport;
	const uint8_t *const target = message + NEIGHBOUR_TARGET;
	uint8_t *const answer = out + FRAME_IP + 40;
	struct tuple tuple = { .six = 1, .proto = IPPROTO_ICMPV6 };

	if (packet->size - packet->transport < NEIGHBOUR_MESSAGE ||
	    packet->frame[PACKET_ETHERNET + 7] != HOPS || message[1] != 0)
		return 0;
	/* From "::" it is a search for doubles of its own address (RFC 4862): there is none. */
	memcpy(tuple.container, packet->frame + packet->from, 16);
	if (memcmp(tuple.container, &in6addr_any, 16) == 0 || memcmp(target, &own, 16) == 0 ||
	    memcmp(target, &options->net6, 8) != 0)
		return 0;
	memcpy(tuple.remote, target, 16);
	memset(answer, 0, NEIGHBOUR_MESSAGE);
	answer[0] = ND_NEIGHBOR_ADVERT;
	answer[4] = 0xe0; /* router, solicited, override */
	memcpy(answer + NEIGHBOUR_TARGET, target, 16);
	answer[NEIGHBOUR_MESSAGE] = ND_OPT_TARGET_LINKADDR;
	return put_neighbour(link, &tuple, out);
}

size_t neighbour_answer(const struct net_options *options, const struct frame_link *link,
			const struct packet *packet, uint8_t out[NEIGHBOUR_FRAME])
{
	if (packet->ethertype == ETHERTYPE_ARP)
		return answer_arp(options, link, packet, out);
	if (packet->family == AF_INET6 && packet->proto == IPPROTO_ICMPV6 &&
	    packet->size > packet->transport &&
	    packet->frame[packet->transport] == ND_NEIGHBOR_SOLICIT)
		return answer_solicitation(options, link, packet, out);
	return 0;
}

size_t neighbour_ask(const struct net_options *options, const struct frame_link *link, bool six,
		     uint8_t out[NEIGHBOUR_FRAME])
{
	const struct in_addr gateway4 = net_gateway4(options);
	const struct in_addr own4 = net_container4(options);
	const struct in6_addr gateway6 = net_gateway6(options);
	const struct in6_addr own6 = net_container6(options);
	struct frame_link everybody = *link;
	struct tuple tuple = { .six = 1, .proto = IPPROTO_ICMPV6 };
	uint8_t *const message = out + FRAME_IP + 40;

	if (!six)
		return put_arp(link, ARPOP_REQUEST, broadcast, (const uint8_t *)&gateway4,
			       (const uint8_t *)&own4, out);
	memcpy(everybody.to, broadcast, sizeof(everybody.to));
	memcpy(tuple.container, &own6, 16);
	memcpy(tuple.remote, &gateway6, 16);
	memset(message, 0, NEIGHBOUR_MESSAGE);
	message[0] = ND_NEIGHBOR_SOLICIT;
	memcpy(message + NEIGHBOUR_TARGET, &own6, 16);
	message[NEIGHBOUR_MESSAGE] = ND_OPT_SOURCE_LINKADDR;
	return put_neighbour(&everybody, &tuple, out);
}
