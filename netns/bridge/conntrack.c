/* SPDX-License-Identifier: Apache-2.0 */
/* Connection tracking's table: see conntrack.h. Runs in bryo-bridge. */
#include "netns/bridge/conntrack.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/bridge/nft.h"
#include "netns/port/port.h"

/* An entry's first tuple, as the kernel sent it: what names it in a request. */
struct entry {
	uint8_t family;
	uint16_t size;
	uint8_t tuple[128];
};

struct finder {
	const struct port_list *ports;
	struct entry *v;
	size_t count, capacity;
};

static bool is_published(const struct port_list *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++) {
		const struct port_map *map = &ports->maps[i];

		if (map->proto == PORT_UDP && port >= map->host_port &&
		    port - map->host_port < map->count)
			return true;
	}
	return false;
}

static const struct nlattr *find_nested(const struct nlattr *nest, uint16_t type, size_t size)
{
	const struct nlattr *attr = NULL;

	mnl_attr_for_each_nested(attr,
				 nest) if (mnl_attr_get_type(attr) == type &&
					   mnl_attr_get_payload_len(attr) >= size) return attr;
	return NULL;
}

static bool is_wanted(const struct finder *finder, const struct nlattr *tuple)
{
	const struct nlattr *protocol = find_nested(tuple, CTA_TUPLE_PROTO, 0);
	const struct nlattr *number = protocol ? find_nested(protocol, CTA_PROTO_NUM, 1) : NULL;
	const struct nlattr *port = protocol ? find_nested(protocol, CTA_PROTO_DST_PORT, 2) : NULL;

	return number && port && mnl_attr_get_u8(number) == IPPROTO_UDP &&
	       is_published(finder->ports, ntohs(mnl_attr_get_u16(port)));
}

static int look(const struct nlmsghdr *message, void *data)
{
	const struct nfgenmsg *fixed = mnl_nlmsg_get_payload(message);
	struct finder *finder = data;
	const struct nlattr *attr = NULL;

	mnl_attr_for_each(attr, message, sizeof(*fixed))
	{
		struct entry *entry = NULL;
		const uint16_t size = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) != CTA_TUPLE_ORIG || size > sizeof(entry->tuple) ||
		    !is_wanted(finder, attr))
			continue;
		xgrow(finder->v, finder->count, finder->capacity);
		entry = &finder->v[finder->count++];
		*entry = (struct entry){ .family = fixed->nfgen_family, .size = size };
		memcpy(entry->tuple, mnl_attr_get_payload(attr), size);
	}
	return 0;
}

static struct nlmsghdr *begin(char *data, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(data);
	struct nfgenmsg *fixed = NULL;

	request->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	request->nlmsg_seq = 1;
	fixed = mnl_nlmsg_put_extra_header(request, sizeof(*fixed));
	fixed->nfgen_family = family;
	fixed->version = NFNETLINK_V0;
	return request;
}

static void forget(const struct entry *entry)
{
	_Alignas(NLMSG_ALIGNTO) char data[512];
	struct nlmsghdr *request = begin(data, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, entry->family);

	mnl_attr_put(request, CTA_TUPLE_ORIG | NLA_F_NESTED, entry->size, entry->tuple);
	(void)nft_ask(request, NULL, NULL); /* it may have ended by itself meanwhile */
}

int conntrack_forget(const struct port_list *ports)
{
	_Alignas(NLMSG_ALIGNTO) char data[512];
	struct finder finder = { .ports = ports };
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < ports->count; i++)
		any = any || ports->maps[i].proto == PORT_UDP;
	if (!any)
		return 0;
	r = nft_ask(begin(data, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC), look, &finder);
	for (size_t i = 0; i < finder.count; i++)
		forget(&finder.v[i]);
	free(finder.v);
	return r;
}
