/* SPDX-License-Identifier: Apache-2.0 */
/* Frames taken apart: see packet.h. Runs in bryo-net on every frame; allocates nothing. */
#include "netns/net/packet.h"

#include <errno.h>
#include <net/ethernet.h>

#include "netns/net/bytes.h"

enum {
	IP4_HEADER = 20,
	IP4_FROM = 12, /* offsets in the header */
	IP4_TO = 16,
	IP6_HEADER = 40,
	IP6_FROM = 8,
	IP6_TO = 24,
	TCP_HEADER = 20,
	UDP_HEADER = 8,
};

static int parse_ports(struct packet *packet)
{
	const size_t header = packet->proto == IPPROTO_TCP   ? TCP_HEADER
			      : packet->proto == IPPROTO_UDP ? UDP_HEADER
							     : 0;

	if (header == 0 || packet->fragment)
		return 0;
	if (packet->size - packet->transport < header)
		return -EBADMSG;
	packet->from_port = get16(packet->frame + packet->transport);
	packet->to_port = get16(packet->frame + packet->transport + 2);
	return 0;
}

static int parse_ip4(struct packet *packet)
{
	const uint8_t *ip = packet->frame + PACKET_ETHERNET;
	const size_t left = packet->size - PACKET_ETHERNET;
	size_t header = 0;

	if (left < IP4_HEADER || ip[0] >> 4 != 4)
		return -EBADMSG;
	header = (size_t)(ip[0] & 0xf) * 4;
	if (header < IP4_HEADER || left < header || get16(ip + 2) < header || get16(ip + 2) > left)
		return -EBADMSG;
	packet->family = AF_INET;
	packet->proto = ip[9];
	packet->fragment = (get16(ip + 6) & 0x3fff) != 0;
	packet->transport = PACKET_ETHERNET + header;
	packet->from = PACKET_ETHERNET + IP4_FROM;
	packet->to = PACKET_ETHERNET + IP4_TO;
	return parse_ports(packet);
}

static int parse_ip6(struct packet *packet)
{
	const uint8_t *ip = packet->frame + PACKET_ETHERNET;
	const size_t left = packet->size - PACKET_ETHERNET;

	if (left < IP6_HEADER || ip[0] >> 4 != 6 || get16(ip + 4) > left - IP6_HEADER)
		return -EBADMSG;
	packet->family = AF_INET6;
	packet->proto = ip[6];
	packet->transport = PACKET_ETHERNET + IP6_HEADER;
	packet->from = PACKET_ETHERNET + IP6_FROM;
	packet->to = PACKET_ETHERNET + IP6_TO;
	return parse_ports(packet);
}

int packet_parse(void *frame, size_t size, struct packet *ret_packet)
{
	struct packet packet = { .frame = frame, .size = size };
	int r = 0;

	if (size < PACKET_ETHERNET)
		return -EBADMSG;
	packet.ethertype = get16(packet.frame + 12);
	if (packet.ethertype == ETHERTYPE_IP)
		r = parse_ip4(&packet);
	else if (packet.ethertype == ETHERTYPE_IPV6)
		r = parse_ip6(&packet);
	if (r == 0)
		*ret_packet = packet;
	return r;
}
