/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports in the maps: see elements.h. Runs in bryo-bridge. */
#include "netns/bridge/elements.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/bridge/lease.h"
#include "netns/bridge/message.h"
#include "netns/bridge/nft.h"
#include "netns/bridge/rules.h"

/* So many go into one request: some 250 bytes each, in an attribute of at most 64 kB. */
enum { ELEMENTS_MAX = 200 };

static const char *const all_maps[] = { RULES_PORTS4, RULES_PORTS4_AT, RULES_PORTS6,
					RULES_PORTS6_AT };

/* ---- One element ---- */

static void put(uint8_t *data, uint32_t *size, const void *part, size_t part_size)
{
	/* Each part of a concatenation begins at a register of 4 bytes, and is padded to one. */
	memcpy(data + *size, part, part_size);
	*size += (uint32_t)(part_size + 3) & ~3U;
}

static bool is_any(const char *ip)
{
	return *ip == '\0' || strcmp(ip, "0.0.0.0") == 0 || strcmp(ip, "::") == 0;
}

bool element_make(const struct port_map *one, const struct bridge_message *message, bool six,
		  struct element *ret_element)
{
	const struct bridge_address *own = &message->address;
	const uint8_t protocol = one->proto == PORT_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	const uint16_t host_port = htons(one->host_port);
	const uint16_t port = htons(one->container_port);
	const bool any = is_any(one->host_ip);
	struct element e = { .map = six ? RULES_PORTS6 : RULES_PORTS4 };
	struct in6_addr at;

	if ((*one->host_ip && (strchr(one->host_ip, ':') != NULL) != six) || (six && !own->has6))
		return false;
	if (!any) {
		if (inet_pton(six ? AF_INET6 : AF_INET, one->host_ip, &at) != 1)
			return false;
		e.map = six ? RULES_PORTS6_AT : RULES_PORTS4_AT;
		put(e.key, &e.key_size, &at, six ? 16 : 4);
	}
	put(e.key, &e.key_size, &protocol, sizeof(protocol));
	put(e.key, &e.key_size, &host_port, sizeof(host_port));
	if (six)
		put(e.value, &e.value_size, &own->ip6, sizeof(own->ip6));
	else
		put(e.value, &e.value_size, &own->ip4, sizeof(own->ip4));
	put(e.value, &e.value_size, &port, sizeof(port));
	*ret_element = e;
	return true;
}

uint32_t element_number(const char *comment, const struct bridge_network *network)
{
	const char *const blank = strchr(comment, ' ');
	const size_t size = blank ? (size_t)(blank - comment) : 0;
	char text[INET_ADDRSTRLEN];
	struct in_addr address;

	if (size == 0 || size >= sizeof(text))
		return 0;
	memcpy(text, comment, size);
	text[size] = '\0';
	return inet_pton(AF_INET, text, &address) == 1 ? lease_number(network, address) : 0;
}

/* ---- Lists of them, as requests ---- */

static struct nftnl_set *new_set(const struct bridge_network *network, const char *map)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set)
		abort();
	nftnl_set_set_str(set, NFTNL_SET_TABLE, network->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, map);
	return set;
}

static struct nftnl_set_elem *new_element(const void *key, uint32_t size)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();

	if (!element)
		abort();
	(void)nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, size);
	return element;
}

static void set_comment(struct nftnl_set_elem *element, const char *comment)
{
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFTNL_UDATA_COMMENT_MAXLEN + 2);

	if (!data)
		abort();
	(void)nftnl_udata_put_strz(data, NFTNL_UDATA_SET_ELEM_COMMENT, comment);
	(void)nftnl_set_elem_set(element, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(data),
				 nftnl_udata_buf_len(data));
	nftnl_udata_buf_free(data);
}

/* Elements of one map on their way into requests. */
struct filler {
	struct nft_batch *batch;
	const struct bridge_network *network;
	const char *map;
	uint16_t type, flags;
	struct nftnl_set *set;
	unsigned int count;
};

static void flush(struct filler *f)
{
	if (f->count > 0)
		nftnl_set_elems_nlmsg_build_payload(nft_batch_add(f->batch, f->type, f->flags),
						    f->set);
	if (f->set)
		nftnl_set_free(f->set);
	f->set = NULL;
	f->count = 0;
}

static void fill(struct filler *f, struct nftnl_set_elem *element)
{
	if (f->count >= ELEMENTS_MAX)
		flush(f);
	if (!f->set)
		f->set = new_set(f->network, f->map);
	nftnl_set_elem_add(f->set, element);
	f->count++;
}

/* ---- A container's own ---- */

static void fill_range(struct filler *f, const struct bridge_message *message,
		       const struct port_map *range, bool six, const char *comment)
{
	for (uint32_t n = 0; n < range->count; n++) {
		struct port_map one = *range;
		struct nftnl_set_elem *element = NULL;
		struct element e;

		one.host_port = (uint16_t)(range->host_port + n);
		one.container_port = (uint16_t)(range->container_port + n);
		if (!element_make(&one, message, six, &e) || strcmp(e.map, f->map) != 0)
			continue;
		element = new_element(e.key, e.key_size);
		if (comment) {
			(void)nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, e.value,
						 e.value_size);
			set_comment(element, comment);
		}
		fill(f, element);
	}
}

static void fill_maps(struct nft_batch *batch, const struct bridge_message *message, uint16_t type,
		      uint16_t flags, const char *comment)
{
	for (size_t m = 0; m < ARRAY_SIZE(all_maps); m++) {
		struct filler f = { .batch = batch,
				    .network = &message->network,
				    .map = all_maps[m],
				    .type = type,
				    .flags = flags };

		for (size_t i = 0; i < message->ports.count; i++)
			fill_range(&f, message, &message->ports.maps[i], m >= 2, comment);
		flush(&f);
	}
}

void elements_add(struct nft_batch *batch, const struct bridge_message *message)
{
	char address[INET_ADDRSTRLEN];
	char comment[NFTNL_UDATA_COMMENT_MAXLEN];

	(void)snprintf(comment, sizeof(comment), "%s %s",
		       inet_ntop(AF_INET, &message->address.ip4, address, sizeof(address)),
		       message->id);
	fill_maps(batch, message, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, comment);
}

void elements_remove(struct nft_batch *batch, const struct bridge_message *message)
{
	fill_maps(batch, message, NFT_MSG_DELSETELEM, 0, NULL);
}

/* ---- Those of the dead ---- */

struct sweeper {
	struct filler filler;
	const struct lease_census *census;
};

static int find_comment(const struct nftnl_udata *attr, void *data)
{
	const char **ret_comment = data;
	const uint8_t size = nftnl_udata_len(attr);
	const char *text = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) == NFTNL_UDATA_SET_ELEM_COMMENT && size > 0 &&
	    text[size - 1] == '\0')
		*ret_comment = text;
	return 0;
}

static bool is_stale(const struct sweeper *s, const char *comment)
{
	const uint32_t number = element_number(comment, s->filler.network);

	for (uint32_t i = 0; i < s->census->stale_count; i++)
		if (number == s->census->stale[i])
			return true;
	return false;
}

static int sweep_element(struct nftnl_set_elem *element, void *data)
{
	struct sweeper *s = data;
	const char *comment = NULL;
	uint32_t size = 0;
	const void *userdata = nftnl_set_elem_get(element, NFTNL_SET_ELEM_USERDATA, &size);
	const void *key = NULL;

	if (!userdata || nftnl_udata_parse(userdata, size, find_comment, &comment) < 0 ||
	    !comment || !is_stale(s, comment))
		return 0;
	key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size);
	fill(&s->filler, new_element(key, size));
	return 0;
}

static int sweep_message(const struct nlmsghdr *message, void *data)
{
	struct sweeper *s = data;
	struct nftnl_set *set = new_set(s->filler.network, s->filler.map);
	int r = nftnl_set_elems_nlmsg_parse(message, set) < 0 ? -EPROTO : 0;

	if (r == 0)
		(void)nftnl_set_elem_foreach(set, sweep_element, s);
	nftnl_set_free(set);
	return r;
}

static int sweep_map(struct sweeper *s)
{
	_Alignas(NLMSG_ALIGNTO) char data[512];
	struct nlmsghdr *request = nftnl_nlmsg_build_hdr(data, NFT_MSG_GETSETELEM,
							 s->filler.batch->family, NLM_F_DUMP, 1);
	struct nftnl_set *set = new_set(s->filler.network, s->filler.map);
	int r = 0;

	nftnl_set_elems_nlmsg_build_payload(request, set);
	nftnl_set_free(set);
	r = nft_ask(request, sweep_message, s);
	flush(&s->filler);
	return r;
}

int elements_sweep(struct nft_batch *batch, const struct bridge_network *network,
		   const struct lease_census *census)
{
	int r = 0;

	for (size_t m = 0; m < ARRAY_SIZE(all_maps) && r == 0; m++) {
		struct sweeper s = { .filler = { .batch = batch,
						 .network = network,
						 .map = all_maps[m],
						 .type = NFT_MSG_DELSETELEM },
				     .census = census };

		r = sweep_map(&s);
	}
	return r;
}
