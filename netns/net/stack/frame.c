/* SPDX-License-Identifier: Apache-2.0 */
/* Building frames: see frame.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/stack/frame.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include "netns/net/bytes.h"

enum {
	IP4_HEADER = 20,
	IP6_HEADER = 40,
	IP4_DONT_FRAGMENT = 0x4000,
	IP4_MORE = 0x2000,
	FRAGMENT6_HEADER = 8,
	TTL = 64,
	TCP_CHECKSUM = 16, /* offsets in headers */
	UDP_CHECKSUM = 6,
	OPTION_MSS = 2,
	OPTION_SCALE = 3,
	GSO_UDP_L4 = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, newer than some headers */
};

_Static_assert(sizeof(struct virtio_net_hdr) == FRAME_VNET, "the short header");

size_t frame_ip_size(const struct tuple *tuple)
{
	return tuple->six ? IP6_HEADER : IP4_HEADER;
}

static size_t transport_header(const struct tuple *tuple)
{
	return tuple->proto == IPPROTO_TCP ? FRAME_TCP_HEADER : FRAME_UDP_HEADER;
}

size_t frame_payload(const struct tuple *tuple)
{
	return FRAME_IP + frame_ip_size(tuple) + transport_header(tuple);
}

size_t frame_payload_max(const struct tuple *tuple)
{
	/* The IPv4 length holds its own header, that of IPv6 does not. */
	return 65535 - (tuple->six ? 0 : IP4_HEADER) - transport_header(tuple);
}

/* ---- Ethernet and IP ---- */

/* size: bytes behind the IP header. */
static void put_ip(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		   size_t size)
{
	uint8_t *const ethernet = buffer + FRAME_VNET;
	uint8_t *const ip = buffer + FRAME_IP;

	memset(buffer, 0, FRAME_VNET);
	memcpy(ethernet, link->to, 6);
	memcpy(ethernet + 6, link->from, 6);
	put16(ethernet + 12, tuple->six ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	if (tuple->six) {
		put32(ip, 0x60000000);
		put16(ip + 4, (uint32_t)size);
		ip[6] = tuple->proto;
		ip[7] = TTL;
		memcpy(ip + 8, tuple->remote, 16);
		memcpy(ip + 24, tuple->container, 16);
		return;
	}
	put16(ip, 0x4500);
	put16(ip + 2, (uint32_t)(IP4_HEADER + size));
	put32(ip + 4, IP4_DONT_FRAGMENT);
	ip[8] = TTL;
	ip[9] = tuple->proto;
	put16(ip + 10, 0);
	memcpy(ip + 12, tuple->remote, 4);
	memcpy(ip + 16, tuple->container, 4);
	put16(ip + 10, ~sum_fold(sum_add(0, ip, IP4_HEADER)) & 0xffffU);
}

/* RFC 9293, 3.1, and RFC 8200, 8.1: addresses, protocol, length. */
static uint32_t pseudo_sum(const uint8_t *buffer, const struct tuple *tuple, size_t size)
{
	const uint8_t *const addresses = buffer + FRAME_IP + (tuple->six ? 8 : 12);

	return sum_add((uint32_t)size + tuple->proto, addresses, tuple->six ? 32 : 8);
}

static void put_vnet(uint8_t *buffer, const struct virtio_net_hdr *vnet)
{
	memcpy(buffer, vnet, FRAME_VNET);
}

/* ---- TCP ---- */

/* MSS and window scale, RFC 9293 3.2 and RFC 7323 2.2. Returns their size, a multiple of 4. */
static size_t put_options(uint8_t *options, const struct frame_tcp *tcp)
{
	options[0] = OPTION_MSS;
	options[1] = 4;
	put16(options + 2, tcp->mss);
	if (tcp->shift < 0)
		return 4;
	options[4] = 1; /* no operation: alignment */
	options[5] = OPTION_SCALE;
	options[6] = 3;
	options[7] = (uint8_t)tcp->shift;
	return 8;
}

size_t frame_put_tcp(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		     const struct frame_tcp *tcp, size_t size)
{
	const size_t at = frame_ip_size(tuple);
	uint8_t *const header = buffer + FRAME_IP + at;
	const size_t options =
		tcp->flags & TH_SYN ? put_options(header + FRAME_TCP_HEADER, tcp) : 0;
	const size_t length = FRAME_TCP_HEADER + options + size;
	struct virtio_net_hdr vnet = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .hdr_len = (uint16_t)(PACKET_ETHERNET + at +
							     FRAME_TCP_HEADER + options),
				       .csum_start = (uint16_t)(PACKET_ETHERNET + at),
				       .csum_offset = TCP_CHECKSUM };

	put_ip(buffer, link, tuple, length);
	put16(header, tuple->remote_port);
	put16(header + 2, tuple->container_port);
	put32(header + 4, tcp->seq);
	put32(header + 8, tcp->ack);
	header[12] = (uint8_t)((FRAME_TCP_HEADER + options) / 4 << 4);
	header[13] = tcp->flags;
	put16(header + 14, tcp->window);
	put16(header + TCP_CHECKSUM, sum_fold(pseudo_sum(buffer, tuple, length)));
	put16(header + 18, tcp->urgent);
	if (size > tcp->segment) {
		vnet.gso_type = tuple->six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		vnet.gso_size = tcp->segment;
	}
	put_vnet(buffer, &vnet);
	return FRAME_IP + at + length;
}

/* ---- UDP and ICMP ---- */

size_t frame_put_udp(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		     size_t size, uint16_t datagram)
{
	const size_t at = frame_ip_size(tuple);
	uint8_t *const header = buffer + FRAME_IP + at;
	const size_t length = FRAME_UDP_HEADER + size;
	struct virtio_net_hdr vnet = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .hdr_len =
					       (uint16_t)(PACKET_ETHERNET + at + FRAME_UDP_HEADER),
				       .csum_start = (uint16_t)(PACKET_ETHERNET + at),
				       .csum_offset = UDP_CHECKSUM };

	put_ip(buffer, link, tuple, length);
	put16(header, tuple->remote_port);
	put16(header + 2, tuple->container_port);
	put16(header + 4, (uint32_t)length);
	put16(header + UDP_CHECKSUM, sum_fold(pseudo_sum(buffer, tuple, length)));
	if (datagram != 0 && size > datagram) {
		vnet.gso_type = GSO_UDP_L4;
		vnet.gso_size = datagram;
	}
	put_vnet(buffer, &vnet);
	return FRAME_IP + at + length;
}

size_t frame_put_icmp(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		      size_t size)
{
	uint8_t *const icmp = buffer + FRAME_IP + frame_ip_size(tuple);
	uint32_t sum = 0;

	put_ip(buffer, link, tuple, size);
	put16(icmp + 2, 0);
	if (tuple->six)
		sum = pseudo_sum(buffer, tuple, size);
	put16(icmp + 2, ~sum_fold(sum_add(sum, icmp, size)) & 0xffffU);
	return FRAME_IP + frame_ip_size(tuple) + size;
}

/* ---- Fragments ---- */

/*
 * The sum over the whole datagram goes to where the first fragment has the field: nobody adds it to
 * fragments. UDP writes 0 as its other form.
 */
static void complete_checksum(const uint8_t *whole, size_t size, const struct virtio_net_hdr *vnet,
			      uint8_t *first)
{
	uint16_t sum = 0;

	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	sum = (uint16_t)~sum_fold(sum_add(0, whole, size));
	put16(first + vnet->csum_offset, sum == 0 ? 0xffff : sum);
}

static void put_fragment4(uint8_t *ip, size_t size, uint32_t id, size_t offset, bool more)
{
	put16(ip + 2, (uint32_t)(IP4_HEADER + size));
	put16(ip + 4, id);
	put16(ip + 6, (uint32_t)(offset / 8) | (more ? IP4_MORE : 0));
	put16(ip + 10, 0);
	put16(ip + 10, ~sum_fold(sum_add(0, ip, IP4_HEADER)) & 0xffffU);
}

static void put_fragment6(uint8_t *ip, size_t size, uint32_t id, size_t offset, bool more)
{
	uint8_t *const header = ip + IP6_HEADER;

	header[0] = ip[6];
	header[1] = 0;
	put16(header + 2, (uint32_t)offset | (more ? 1 : 0));
	put32(header + 4, id);
	put16(ip + 4, (uint32_t)(FRAGMENT6_HEADER + size));
	ip[6] = IPPROTO_FRAGMENT;
}

size_t frame_fragment(const uint8_t *buffer, size_t size, const struct frame_link *link,
		      uint32_t id, unsigned int n, uint8_t *out)
{
	const bool six = buffer[FRAME_IP] >> 4 == 6;
	const size_t ip_size = six ? IP6_HEADER : IP4_HEADER;
	const size_t extra = six ? FRAGMENT6_HEADER : 0;
	const size_t each = (link->mtu - ip_size - extra) / 8 * 8;
	const size_t whole = size - FRAME_IP - ip_size;
	const size_t offset = n * each;
	struct virtio_net_hdr vnet;
	size_t part = 0;

	if (offset >= whole)
		return 0;
	part = whole - offset < each ? whole - offset : each;
	memcpy(&vnet, buffer, FRAME_VNET);
	memset(out, 0, FRAME_VNET);
	memcpy(out + FRAME_VNET, buffer + FRAME_VNET, PACKET_ETHERNET + ip_size);
	memcpy(out + FRAME_IP + ip_size + extra, buffer + FRAME_IP + ip_size + offset, part);
	if (six)
		put_fragment6(out + FRAME_IP, part, id, offset, offset + part < whole);
	else
		put_fragment4(out + FRAME_IP, part, id, offset, offset + part < whole);
	if (offset == 0)
		complete_checksum(buffer + FRAME_IP + ip_size, whole, &vnet,
				  out + FRAME_IP + ip_size + extra);
	return FRAME_IP + ip_size + extra + part;
}

/* ---- Errors ---- */

/* Codes of ICMP type 3 and ICMPv6 type 1 from which Linux makes that errno again. */
static void codes_of(int code, uint8_t *ret_four, uint8_t *ret_six)
{
	static const struct {
		int code;
		uint8_t four, six;
	} table[] = {
		{ ECONNREFUSED, ICMP_PORT_UNREACH, ICMP6_DST_UNREACH_NOPORT },
		{ ENETUNREACH, ICMP_NET_UNREACH, ICMP6_DST_UNREACH_NOROUTE },
		{ EACCES, ICMP_PKT_FILTERED, ICMP6_DST_UNREACH_ADMIN },
		{ EPERM, ICMP_PKT_FILTERED, ICMP6_DST_UNREACH_ADMIN },
		{ EPROTO, ICMP_PROT_UNREACH, ICMP6_DST_UNREACH_ADDR },
	};

	*ret_four = ICMP_HOST_UNREACH;
	*ret_six = ICMP6_DST_UNREACH_ADDR;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].code != code)
			continue;
		*ret_four = table[i].four;
		*ret_six = table[i].six;
	}
}

/* IP header and first 8 bytes of the packet as the container must have sent it. */
static size_t put_quote(uint8_t *quote, const struct tuple *tuple, const struct frame_error *error)
{
	const size_t ip_size = frame_ip_size(tuple);
	const size_t length =
		tuple->proto == IPPROTO_TCP ? FRAME_TCP_HEADER : FRAME_UDP_HEADER + error->length;
	uint8_t *const transport = quote + ip_size;

	memset(quote, 0, ip_size + 8);
	if (tuple->six) {
		quote[0] = 0x60;
		put16(quote + 4, (uint32_t)length);
		quote[6] = tuple->proto;
		quote[7] = TTL;
		memcpy(quote + 8, tuple->container, 16);
		memcpy(quote + 24, tuple->remote, 16);
	} else {
		quote[0] = 0x45;
		put16(quote + 2, (uint32_t)(IP4_HEADER + length));
		quote[8] = TTL;
		quote[9] = tuple->proto;
		memcpy(quote + 12, tuple->container, 4);
		memcpy(quote + 16, tuple->remote, 4);
		put16(quote + 10, ~sum_fold(sum_add(0, quote, IP4_HEADER)) & 0xffffU);
	}
	if (tuple->proto == IPPROTO_ICMP || tuple->proto == IPPROTO_ICMPV6) {
		transport[0] = tuple->six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
		put16(transport + 4, tuple->container_port);
		put16(transport + 6, error->seq);
		return ip_size + 8;
	}
	put16(transport, tuple->container_port);
	put16(transport + 2, tuple->remote_port);
	if (tuple->proto == IPPROTO_TCP)
		put32(transport + 4, error->seq);
	else
		put16(transport + 4, (uint32_t)length);
	return ip_size + 8;
}

size_t frame_put_error(uint8_t *buffer, const struct frame_link *link, const struct tuple *tuple,
		       const struct frame_error *error)
{
	struct tuple outer = *tuple;
	uint8_t *const icmp = buffer + FRAME_IP + frame_ip_size(tuple);
	const size_t quote = put_quote(icmp + FRAME_ICMP_HEADER, tuple, error);
	uint8_t four = 0;
	uint8_t six = 0;

	codes_of(error->code, &four, &six);
	memset(icmp, 0, FRAME_ICMP_HEADER);
	icmp[0] = tuple->six ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH;
	icmp[1] = tuple->six ? six : four;
	outer.proto = tuple->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (error->by)
		memcpy(outer.remote, error->by, tuple_address_size(tuple));
	return frame_put_icmp(buffer, link, &outer, FRAME_ICMP_HEADER + quote);
}
