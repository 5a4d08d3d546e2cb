/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a network: see rules.h. Runs in bryo-bridge. */
#include "netns/bridge/rules.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/bridge/bridge.h"
#include "netns/bridge/expression.h"
#include "netns/bridge/nft.h"

/* What nft(8) calls these in a concatenation (its datatype.h), 6 bits each. */
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTOCOL = 12, TYPE_PORT = 13, TYPE_BITS = 6 };
#define TYPE_PAIR(a, b) ((uint32_t)(a) << TYPE_BITS | (uint32_t)(b))

/* Where things stand in packets: RFC 791, RFC 8200; the port in TCP and UDP alike. */
enum {
	IP4_SOURCE = 12,
	IP4_DESTINATION = 16,
	IP6_SOURCE = 8,
	IP6_DESTINATION = 24,
	DESTINATION_PORT = 2
};

struct builder {
	struct nft_batch *batch;
	const struct bridge_network *network;
	const char *table;
};

/* ---- Table, chains, maps ---- */

static void add_table(const struct builder *b, uint16_t type, uint16_t flags, const char *comment)
{
	struct nftnl_table *table = nftnl_table_alloc();
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFTNL_UDATA_COMMENT_MAXLEN + 2);

	if (!table || !data)
		abort();
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, b->table);
	if (comment) {
		(void)nftnl_udata_put_strz(data, NFTNL_UDATA_TABLE_COMMENT, comment);
		(void)nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data),
					   nftnl_udata_buf_len(data));
	}
	nftnl_table_nlmsg_build_payload(nft_batch_add(b->batch, type, flags), table);
	nftnl_udata_buf_free(data);
	nftnl_table_free(table);
}

/* A chain that packets come to at a hook; with type NULL one that is only gone to. */
static void add_chain(const struct builder *b, const char *name, const char *type, uint32_t hook,
		      int32_t priority)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain)
		abort();
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, b->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	if (type) {
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, type);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(nft_batch_add(b->batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE),
					chain);
	nftnl_chain_free(chain);
}

/* A hash: looking a port up costs the same with one published or with ten thousand. */
static void add_map(const struct builder *b, const char *name, bool six, bool with_address)
{
	struct nftnl_set *set = nftnl_set_alloc();
	const uint32_t address = six ? TYPE_IPV6 : TYPE_IPV4;
	const uint32_t size = six ? 16 : 4;
	uint32_t key = TYPE_PAIR(TYPE_PROTOCOL, TYPE_PORT);

	if (!set)
		abort();
	if (with_address)
		key |= address << 2 * TYPE_BITS;
	nftnl_set_set_str(set, NFTNL_SET_TABLE, b->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, b->batch->count + 1);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, key);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, 4 + 4 + (with_address ? size : 0));
	nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, TYPE_PAIR(address, TYPE_PORT));
	nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, size + 4);
	nftnl_set_nlmsg_build_payload(nft_batch_add(b->batch, NFT_MSG_NEWSET, NLM_F_CREATE), set);
	nftnl_set_free(set);
}

/* ---- Words that several rules use ---- */

static void is_interface(struct nftnl_rule *rule, uint32_t key, uint32_t op, const char *name)
{
	char padded[IFNAMSIZ] = "";

	(void)snprintf(padded, sizeof(padded), "%s", name);
	rule_meta(rule, key, EXPRESSION_REG(0));
	rule_cmp(rule, EXPRESSION_REG(0), op, padded, sizeof(padded));
}

static void is_family(struct nftnl_rule *rule, uint8_t family)
{
	rule_meta(rule, NFT_META_NFPROTO, EXPRESSION_REG(0));
	rule_cmp(rule, EXPRESSION_REG(0), NFT_CMP_EQ, &family, sizeof(family));
}

/* [not] address of the packet (at offset) in net/prefix; the family is known by then. */
static void in_net4(struct nftnl_rule *rule, uint32_t offset, uint32_t op, uint32_t net,
		    uint8_t prefix)
{
	const uint32_t mask = htonl(~0U << (32 - prefix));

	rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, offset, 4, EXPRESSION_REG(0));
	rule_mask(rule, EXPRESSION_REG(0), &mask, sizeof(mask));
	rule_cmp(rule, EXPRESSION_REG(0), op, &net, sizeof(net));
}

/* A /64 is the first half of the address: no mask is needed. */
static void in_net6(struct nftnl_rule *rule, uint32_t offset, const struct in6_addr *net)
{
	rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, offset, 8, EXPRESSION_REG(0));
	rule_cmp(rule, EXPRESSION_REG(0), NFT_CMP_EQ, net, 8);
}

static void has_ct_bits(struct nftnl_rule *rule, uint32_t key, uint32_t bits)
{
	const uint32_t none = 0;

	rule_ct(rule, key, EXPRESSION_REG(0));
	rule_mask(rule, EXPRESSION_REG(0), &bits, sizeof(bits));
	rule_cmp(rule, EXPRESSION_REG(0), NFT_CMP_NEQ, &none, sizeof(none));
}

/* nf_tables' own numbering of connection states: NF_CT_STATE_BIT of the kernel. */
static uint32_t state_bit(uint32_t state)
{
	return 1U << (state % IP_CT_IS_REPLY + 1);
}

/* ---- Published ports ---- */

/* Both for what comes from outside and for what the host itself begins. */
static void add_entry(const struct builder *b, const char *chain)
{
	const uint32_t local = RTN_LOCAL;
	struct nftnl_rule *rule = rule_new(b->table, chain);

	rule_fib_daddr_type(rule, EXPRESSION_REG(0));
	rule_cmp(rule, EXPRESSION_REG(0), NFT_CMP_EQ, &local, sizeof(local));
	rule_verdict(rule, NFT_GOTO, "published");
	rule_add(b->batch, rule);
}

/* dnat to [daddr .] l4proto . dport map @NAME. The key stands in one row of registers. */
static void add_dnat(const struct builder *b, const char *map, bool six, bool with_address)
{
	struct nftnl_rule *rule = rule_new(b->table, "published");
	const uint32_t words = six ? 4 : 1; /* registers that an address takes */
	const uint32_t at = with_address ? words : 0;

	is_family(rule, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	if (with_address)
		rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER,
			     six ? IP6_DESTINATION : IP4_DESTINATION, 4 * words, EXPRESSION_REG(0));
	rule_meta(rule, NFT_META_L4PROTO, EXPRESSION_REG(at));
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, DESTINATION_PORT, 2,
		     EXPRESSION_REG(at + 1));
	rule_map(rule, map, EXPRESSION_REG(0), EXPRESSION_REG(0));
	rule_dnat(rule, six ? NFPROTO_IPV6 : NFPROTO_IPV4, EXPRESSION_REG(0),
		  EXPRESSION_REG(words));
	rule_add(b->batch, rule);
}

static void add_published(const struct builder *b)
{
	add_entry(b, "prerouting");
	add_entry(b, "output");
	add_dnat(b, RULES_PORTS4_AT, false, true);
	add_dnat(b, RULES_PORTS4, false, false);
	add_dnat(b, RULES_PORTS6_AT, true, true);
	add_dnat(b, RULES_PORTS6, true, false);
}

/* ---- Source addresses ---- */

/* To a container from the host's loopback: route_localnet lets it out, this lets it back. */
static void add_masquerade_loopback(const struct builder *b)
{
	struct nftnl_rule *rule = rule_new(b->table, "postrouting");

	is_interface(rule, NFT_META_OIFNAME, NFT_CMP_EQ, b->network->bridge);
	is_family(rule, NFPROTO_IPV4);
	in_net4(rule, IP4_SOURCE, NFT_CMP_EQ, htonl(INADDR_LOOPBACK & 0xff000000), 8);
	rule_masquerade(rule);
	rule_add(b->batch, rule);
}

/*
 * From a container to a published port, its own or another's: both stand on the bridge, and an
 * answer that went straight there would come from an address that was never asked.
 */
static void add_masquerade_hairpin(const struct builder *b, bool six)
{
	const struct bridge_network *n = b->network;
	struct nftnl_rule *rule = rule_new(b->table, "postrouting");

	is_interface(rule, NFT_META_OIFNAME, NFT_CMP_EQ, n->bridge);
	is_family(rule, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	if (six)
		in_net6(rule, IP6_SOURCE, &n->net6);
	else
		in_net4(rule, IP4_SOURCE, NFT_CMP_EQ, n->net4.s_addr, n->prefix4);
	has_ct_bits(rule, NFT_CT_STATUS, IPS_DST_NAT);
	rule_masquerade(rule);
	rule_add(b->batch, rule);
}

/* Out, under the host's address. Multicast keeps its own: nobody could answer to the other. */
static void add_masquerade_out(const struct builder *b, bool six)
{
	const struct bridge_network *n = b->network;
	struct nftnl_rule *rule = rule_new(b->table, "postrouting");
	const uint8_t multicast6 = 0xff;

	is_interface(rule, NFT_META_OIFNAME, NFT_CMP_NEQ, n->bridge);
	is_family(rule, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	if (six) {
		in_net6(rule, IP6_SOURCE, &n->net6);
		rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, IP6_DESTINATION, 1,
			     EXPRESSION_REG(0));
		rule_cmp(rule, EXPRESSION_REG(0), NFT_CMP_NEQ, &multicast6, sizeof(multicast6));
	} else {
		in_net4(rule, IP4_SOURCE, NFT_CMP_EQ, n->net4.s_addr, n->prefix4);
		in_net4(rule, IP4_DESTINATION, NFT_CMP_NEQ, htonl(0xe0000000), 4);
	}
	rule_masquerade(rule);
	rule_add(b->batch, rule);
}

/* ---- What may pass ---- */

static void add_forward(const struct builder *b, uint32_t interface_key, uint32_t ct_key,
			uint32_t bits, int verdict)
{
	struct nftnl_rule *rule = rule_new(b->table, "forward");

	is_interface(rule, interface_key, NFT_CMP_EQ, b->network->bridge);
	if (bits)
		has_ct_bits(rule, ct_key, bits);
	rule_verdict(rule, verdict, NULL);
	rule_add(b->batch, rule);
}

/*
 * Into the network comes what belongs to a connection or was sent to a published port; and what
 * its own containers send one another, should the host filter bridged packets as well.
 */
static void add_filter(const struct builder *b)
{
	const uint32_t known = state_bit(IP_CT_ESTABLISHED) | state_bit(IP_CT_RELATED);

	/* NF_CT_STATE_INVALID_BIT: an untranslated packet would carry a container's address out. */
	add_forward(b, NFT_META_IIFNAME, NFT_CT_STATE, 1, NF_DROP);
	add_forward(b, NFT_META_IIFNAME, 0, 0, NF_ACCEPT);
	add_forward(b, NFT_META_OIFNAME, NFT_CT_STATE, known, NF_ACCEPT);
	add_forward(b, NFT_META_OIFNAME, NFT_CT_STATUS, IPS_DST_NAT, NF_ACCEPT);
	add_forward(b, NFT_META_OIFNAME, 0, 0, NF_DROP);
}

/*
 * route_localnet opens 127/8 to whoever sits on the bridge (CVE-2020-8558): shut again here, before
 * connection tracking turns the answers to the host's own connections back into that.
 */
static void add_guard(const struct builder *b, uint32_t offset)
{
	struct nftnl_rule *rule = rule_new(b->table, "guard");

	is_interface(rule, NFT_META_IIFNAME, NFT_CMP_EQ, b->network->bridge);
	is_family(rule, NFPROTO_IPV4);
	in_net4(rule, offset, NFT_CMP_EQ, htonl(INADDR_LOOPBACK & 0xff000000), 8);
	rule_verdict(rule, NF_DROP, NULL);
	rule_add(b->batch, rule);
}

/* ---- All ---- */

void rules_create(struct nft_batch *batch, const struct bridge_network *network,
		  const char *comment)
{
	const struct builder b = { .batch = batch, .network = network, .table = network->table };

	add_table(&b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, comment);
	add_map(&b, RULES_PORTS4, false, false);
	add_map(&b, RULES_PORTS4_AT, false, true);
	add_map(&b, RULES_PORTS6, true, false);
	add_map(&b, RULES_PORTS6_AT, true, true);
	add_chain(&b, "published", NULL, 0, 0);
	add_chain(&b, "guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
	add_chain(&b, "prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	add_chain(&b, "output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	add_chain(&b, "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	add_chain(&b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	add_guard(&b, IP4_DESTINATION);
	add_guard(&b, IP4_SOURCE);
	add_published(&b);
	add_masquerade_loopback(&b);
	add_masquerade_hairpin(&b, false);
	add_masquerade_out(&b, false);
	if (network->ipv6) {
		add_masquerade_hairpin(&b, true);
		add_masquerade_out(&b, true);
	}
	add_filter(&b);
}

void rules_delete(struct nft_batch *batch, const struct bridge_network *network)
{
	const struct builder b = { .batch = batch, .network = network, .table = network->table };

	add_table(&b, NFT_MSG_DELTABLE, 0, NULL);
}
