/* SPDX-License-Identifier: Apache-2.0 */
/* Routes as the kernel sends them, and what they meet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/route.h"

struct message {
	struct nlmsghdr header;
	struct rtmsg fixed;
	struct rtattr dst_header;
	struct in_addr dst;
	struct rtattr oif_header;
	uint32_t oif;
};

static struct message route_message(const char *dst, uint8_t prefix, uint32_t oif, uint8_t table)
{
	struct message m = {
		.header = { .nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWROUTE },
		.fixed = { .rtm_family = AF_INET, .rtm_dst_len = prefix, .rtm_table = table },
		.dst_header = { .rta_len = 8, .rta_type = RTA_DST },
		.oif_header = { .rta_len = 8, .rta_type = RTA_OIF },
		.oif = oif
	};

	assert_int_equal(inet_pton(AF_INET, dst, &m.dst), 1);
	return m;
}

static bool meets(const struct route_list *list, const char *net, uint8_t prefix)
{
	struct in_addr address;

	assert_int_equal(inet_pton(AF_INET, net, &address), 1);
	return route_list_meets(list, address, prefix);
}

static void the_main_table_counts(void **state)
{
	struct message m[] = {
		route_message("10.88.3.0", 24, 2, RT_TABLE_MAIN),
		route_message("10.0.0.0", 13, 2, RT_TABLE_MAIN),  /* 10.0 to 10.7 */
		route_message("10.91.0.0", 16, 7, RT_TABLE_MAIN), /* our own bridge's */
		route_message("10.92.0.0", 16, 2, 100),		  /* another table */
		route_message("0.0.0.0", 0, 2, RT_TABLE_MAIN),	  /* the default route */
	};
	struct route_list list auto_done(route_list) = ROUTE_LIST_INIT;

	(void)state;
	assert_int_equal(route_list_parse(m, sizeof(m), 7, &list), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.default_index, 2);
	assert_true(meets(&list, "10.88.0.0", 16));   /* it holds the route's destination */
	assert_true(meets(&list, "10.88.3.128", 25)); /* it lies within it */
	assert_true(meets(&list, "10.7.0.0", 16));
	assert_false(meets(&list, "10.8.0.0", 16));
	assert_false(meets(&list, "10.89.0.0", 16));
	assert_false(meets(&list, "10.91.0.0", 16));
	assert_false(meets(&list, "10.92.0.0", 16));
}

static void ends_and_errors_are_told(void **state)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} m = { .header = { .nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_DONE } };
	struct route_list list auto_done(route_list) = ROUTE_LIST_INIT;

	(void)state;
	assert_int_equal(route_list_parse(&m, sizeof(m), 0, &list), 1);
	m.header.nlmsg_type = NLMSG_ERROR;
	m.error.error = -EPERM;
	assert_int_equal(route_list_parse(&m, sizeof(m), 0, &list), -EPERM);
	m.header.nlmsg_len = sizeof(m.header);
	assert_int_equal(route_list_parse(&m, sizeof(m.header), 0, &list), -EPROTO);
}

static void cut_messages_add_nothing_wrong(void **state)
{
	const struct message m = route_message("10.88.3.0", 24, 2, RT_TABLE_MAIN);
	struct route_list list auto_done(route_list) = ROUTE_LIST_INIT;

	(void)state;
	for (size_t size = 0; size < sizeof(m); size++)
		assert_int_equal(route_list_parse(&m, size, 0, &list), 0);
	assert_int_equal(list.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_main_table_counts),
		cmocka_unit_test(ends_and_errors_are_told),
		cmocka_unit_test(cut_messages_add_nothing_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
