/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports as elements of nftables' maps; the rules as a batch, without a kernel. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/bridge/lease.h"
#include "netns/bridge/message.h"
#include "netns/bridge/elements.h"
#include "netns/bridge/nft.h"
#include "netns/bridge/rules.h"

static struct bridge_message container(bool ipv6, const char *ports)
{
	struct bridge_message m = { .network = bridge_network_default(), .number = 5 };

	m.address.ip4 = lease_address(&m.network, 5);
	m.address.has6 = ipv6;
	m.address.ip6 = m.network.net6;
	m.address.ip6.s6_addr[15] = 5;
	memset(m.id, 'a', 64);
	assert_int_equal(port_parse(&m.ports, ports, NULL), 0);
	return m;
}

static void keys_are_padded_to_registers(void **state)
{
	struct bridge_message m auto_done(bridge_message) =
		container(false, "8080:80,127.0.0.1:9000:90/udp");
	struct element e;

	(void)state;
	assert_true(element_make(&m.ports.maps[0], &m, false, &e));
	assert_string_equal(e.map, RULES_PORTS4);
	assert_int_equal(e.key_size, 8);
	assert_memory_equal(e.key, "\x06\0\0\0\x1f\x90\0\0", 8);
	assert_int_equal(e.value_size, 8);
	assert_memory_equal(e.value, "\x0a\x58\x00\x05\x00\x50\0\0", 8);
	assert_true(element_make(&m.ports.maps[1], &m, false, &e));
	assert_string_equal(e.map, RULES_PORTS4_AT);
	assert_int_equal(e.key_size, 12);
	assert_memory_equal(e.key, "\x7f\0\0\x01\x11\0\0\0\x23\x28\0\0", 12);
}

static void families_are_kept_apart(void **state)
{
	struct bridge_message m auto_done(bridge_message) = container(
		true, "80:80,[::]:81:81,0.0.0.0:82:82,[2001:db8::1]:83:83,192.0.2.1:84:84");
	static const char *const four[] = { RULES_PORTS4, NULL, RULES_PORTS4, NULL,
					    RULES_PORTS4_AT };
	static const char *const six[] = { RULES_PORTS6, RULES_PORTS6, NULL, RULES_PORTS6_AT,
					   NULL };
	struct element e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(four); i++) {
		assert_int_equal(element_make(&m.ports.maps[i], &m, false, &e), four[i] != NULL);
		if (four[i])
			assert_string_equal(e.map, four[i]);
		assert_int_equal(element_make(&m.ports.maps[i], &m, true, &e), six[i] != NULL);
		if (six[i]) {
			assert_string_equal(e.map, six[i]);
			assert_int_equal(e.value_size, 20);
		}
	}
	/* A container without an IPv6 address has none of these. */
	m.address.has6 = false;
	for (size_t i = 0; i < ARRAY_SIZE(six); i++)
		assert_false(element_make(&m.ports.maps[i], &m, true, &e));
}

static void comments_name_the_container(void **state)
{
	const struct bridge_network network = bridge_network_default();

	(void)state;
	assert_int_equal(element_number("10.88.0.5 aaaa", &network), 5);
	assert_int_equal(element_number("10.88.1.0 aaaa", &network), 256);
	assert_int_equal(element_number("10.88.0.5", &network), 0);
	assert_int_equal(element_number("10.89.0.5 aaaa", &network), 0);
	assert_int_equal(element_number("10.88.0.1 aaaa", &network), 0);
	assert_int_equal(element_number("", &network), 0);
	assert_int_equal(element_number(" aaaa", &network), 0);
	assert_int_equal(element_number("a very long first word that is no address", &network), 0);
}

/* Goes through a batch as the kernel does: how many requests of a type, each well-formed. */
static unsigned int count_requests(const struct nft_batch *batch, uint16_t type)
{
	const struct nlmsghdr *h = (const void *)batch->data;
	unsigned int found = 0;
	unsigned int all = 0;
	/* The last request's size is in its header alone. */
	const struct nlmsghdr *last = (const void *)(batch->data + batch->size);
	int left = (int)(batch->size + last->nlmsg_len);

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		const struct nlattr *attr = NULL;

		if (h->nlmsg_type == NFNL_MSG_BATCH_BEGIN)
			continue;
		all++;
		found += h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type);
		assert_true(h->nlmsg_flags & NLM_F_ACK);
		assert_true(h->nlmsg_len <= 65536);
		mnl_attr_for_each(attr, h, sizeof(struct nfgenmsg))
			assert_true(mnl_attr_get_type(attr) > 0);
	}
	assert_int_equal(left, 0);
	assert_int_equal(all, batch->count);
	return found;
}

static void large_ranges_are_cut_into_requests(void **state)
{
	struct bridge_message m auto_done(bridge_message) =
		container(true, "10000-19999:10000-19999");
	struct nft_batch batch;

	(void)state;
	nft_batch_init(&batch);
	elements_add(&batch, &m);
	/* Ten thousand in each family, two hundred a request. */
	assert_int_equal(count_requests(&batch, NFT_MSG_NEWSETELEM), 100);
	nft_batch_done(&batch);
	nft_batch_init(&batch);
	elements_remove(&batch, &m);
	assert_int_equal(count_requests(&batch, NFT_MSG_DELSETELEM), 100);
	nft_batch_done(&batch);
}

static void the_table_is_one_batch(void **state)
{
	const struct bridge_network network = bridge_network_default();
	struct nft_batch batch;

	(void)state;
	nft_batch_init(&batch);
	rules_create(&batch, &network, "of a test");
	assert_int_equal(count_requests(&batch, NFT_MSG_NEWTABLE), 1);
	assert_int_equal(count_requests(&batch, NFT_MSG_NEWSET), 4);
	assert_int_equal(count_requests(&batch, NFT_MSG_NEWCHAIN), 6);
	assert_int_equal(count_requests(&batch, NFT_MSG_NEWRULE), 18);
	nft_batch_done(&batch);
}

static void nothing_to_do_asks_no_kernel(void **state)
{
	struct bridge_message m auto_done(bridge_message) = container(false, "[2001:db8::1]:83:83");
	struct nft_batch batch;

	(void)state;
	nft_batch_init(&batch);
	elements_add(&batch, &m);
	assert_int_equal(batch.count, 0);
	assert_int_equal(nft_batch_commit(&batch), 0);
	nft_batch_done(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_padded_to_registers),
		cmocka_unit_test(families_are_kept_apart),
		cmocka_unit_test(comments_name_the_container),
		cmocka_unit_test(large_ranges_are_cut_into_requests),
		cmocka_unit_test(the_table_is_one_batch),
		cmocka_unit_test(nothing_to_do_asks_no_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
