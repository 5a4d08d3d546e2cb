/* SPDX-License-Identifier: Apache-2.0 */
/* Reassembly: see fragment.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/stack/fragment.h"

#include <netinet/in.h>
#include <string.h>

#include "netns/net/bytes.h"

enum { IP6_HEADER = 40, FRAGMENT6_HEADER = 8 };

/* One fragment, taken apart. */
struct part {
	uint8_t key[37];
	uint8_t proto;
	const uint8_t *data;
	size_t size;
	size_t offset;
	bool more;
};

bool fragment_is(const struct packet *packet)
{
	return packet->fragment ||
	       (packet->family == AF_INET6 && packet->proto == IPPROTO_FRAGMENT);
}

static void parse_part4(const struct packet *packet, struct part *part)
{
	const uint8_t *const ip = packet->frame + PACKET_ETHERNET;
	const size_t header = packet->transport - PACKET_ETHERNET;
	const uint16_t field = get16(ip + 6);

	part->proto = packet->proto;
	part->data = ip + header;
	part->size = get16(ip + 2) - header;
	part->offset = (size_t)(field & 0x1fff) * 8;
	part->more = (field & 0x2000) != 0;
	memcpy(part->key, ip + 12, 8);
	memcpy(part->key + 8, ip + 4, 2);
	part->key[10] = packet->proto;
}

static bool parse_part6(const struct packet *packet, struct part *part)
{
	const uint8_t *const ip = packet->frame + PACKET_ETHERNET;
	const uint8_t *const header = ip + IP6_HEADER;
	const size_t size = get16(ip + 4);

	if (size < FRAGMENT6_HEADER)
		return false;
	part->proto = header[0];
	part->data = header + FRAGMENT6_HEADER;
	part->size = size - FRAGMENT6_HEADER;
	part->offset = get16(header + 2) & 0xfff8U;
	part->more = (header[3] & 1) != 0;
	memcpy(part->key, ip + 8, 32);
	memcpy(part->key + 32, header + 4, 4);
	part->key[36] = 6;
	return true;
}

static bool parse_part(const struct packet *packet, struct part *part)
{
	memset(part, 0, sizeof(*part));
	if (packet->family == AF_INET)
		parse_part4(packet, part);
	else if (!parse_part6(packet, part))
		return false;
	/* All but the last are made of eights, and nothing lies beyond 64 kB. */
	return part->size > 0 && (!part->more || part->size % 8 == 0) &&
	       part->offset + part->size <= 65535;
}

/* ---- Slots ---- */

static struct fragment_slot *find_slot(struct fragments *fragments, const struct part *part,
				       int64_t now)
{
	struct fragment_slot *oldest = &fragments->slots[0];

	for (size_t i = 0; i < FRAGMENT_SLOTS; i++) {
		struct fragment_slot *slot = &fragments->slots[i];

		if (slot->since != 0 && now - slot->since > FRAGMENT_NS)
			slot->since = 0;
		if (slot->since != 0 && memcmp(slot->key, part->key, sizeof(slot->key)) == 0)
			return slot;
		if (slot->since < oldest->since)
			oldest = slot;
	}
	oldest->since = now;
	memcpy(oldest->key, part->key, sizeof(oldest->key));
	oldest->total = oldest->have = oldest->end = 0;
	oldest->header_size = 0;
	memset(oldest->seen, 0, sizeof(oldest->seen));
	return oldest;
}

/* False: a part of these bytes was there before. */
static bool mark(struct fragment_slot *slot, size_t offset, size_t size)
{
	for (size_t i = offset / 8; i < (offset + size + 7) / 8; i++) {
		if (slot->seen[i / 8] & (1U << i % 8))
			return false;
		slot->seen[i / 8] |= (uint8_t)(1U << i % 8);
	}
	return true;
}

static void keep_headers(struct fragment_slot *slot, const struct packet *packet, uint8_t proto)
{
	uint8_t *const ip = slot->headers + PACKET_ETHERNET;

	/* IPv4 options are left behind: what comes out is for a socket, not for a router. */
	slot->header_size = PACKET_ETHERNET + (packet->family == AF_INET ? 20 : IP6_HEADER);
	memcpy(slot->headers, packet->frame, slot->header_size);
	if (packet->family == AF_INET) {
		ip[0] = 0x45;
		put16(ip + 6, 0);
	} else {
		ip[6] = proto;
	}
}

/* The bytes lie behind room for headers, which are put right before them. */
static bool finish(struct fragment_slot *slot, struct packet *ret_packet)
{
	uint8_t *const start = slot->data + FRAGMENT_HEADERS - slot->header_size;
	const bool six = slot->header_size == FRAGMENT_HEADERS;
	const size_t size = slot->header_size + slot->total;

	slot->since = 0;
	if (slot->total + (six ? 0 : 20) > 65535)
		return false;
	memcpy(start, slot->headers, slot->header_size);
	put16(start + PACKET_ETHERNET + (six ? 4 : 2), slot->total + (six ? 0 : 20));
	return packet_parse(start, size, ret_packet) == 0 && !fragment_is(ret_packet);
}

bool fragment_take(struct fragments *fragments, const struct packet *packet, int64_t now,
		   struct packet *ret_packet)
{
	struct fragment_slot *slot = NULL;
	struct part part;

	if (!parse_part(packet, &part))
		return false;
	slot = find_slot(fragments, &part, now);
	if (!mark(slot, part.offset, part.size) ||
	    (slot->total != 0 && part.offset + part.size > slot->total) ||
	    (!part.more && (slot->total != 0 || slot->end > part.offset + part.size))) {
		slot->since = 0;
		return false;
	}
	memcpy(slot->data + FRAGMENT_HEADERS + part.offset, part.data, part.size);
	slot->have += (uint32_t)part.size;
	if (slot->end < part.offset + part.size)
		slot->end = (uint32_t)(part.offset + part.size);
	if (!part.more)
		slot->total = (uint32_t)(part.offset + part.size);
	if (part.offset == 0)
		keep_headers(slot, packet, part.proto);
	if (slot->total == 0 || slot->have < slot->total || slot->header_size == 0)
		return false;
	return finish(slot, ret_packet);
}
