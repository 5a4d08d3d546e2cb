/* SPDX-License-Identifier: Apache-2.0 */
/* netns/net/outside.c: which addresses are reached on sockets of the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "engine/base/alloc.h"
#include "netns/net/outside.h"

static bool has4(const struct net_options *options, const char *text)
{
	struct in_addr address;

	assert_int_equal(inet_pton(AF_INET, text, &address), 1);
	return outside_has4(options, address);
}

static bool has6(const struct net_options *options, const char *text)
{
	struct in6_addr address;

	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return outside_has6(options, &address);
}

static void test_outside(void **state)
{
	static const char *const out4[] = { "192.0.2.1", "10.0.3.1", "8.8.8.8", "169.254.1.1",
					    "126.0.0.1" };
	static const char *const in4[] = { "127.0.0.1",	      "127.9.9.9", "0.0.0.0",
					   "0.1.2.3",	      "10.0.2.2",  "10.0.2.100",
					   "169.254.169.254", "224.0.0.1", "240.0.0.1",
					   "255.255.255.255" };
	static const char *const out6[] = { "2001:db8::1", "fd00::1", "64:ff9b::7f00:1" };
	static const char *const in6[] = {
		"::1",	   "::",      "::ffff:127.0.0.1",  "::127.0.0.1",
		"fe80::1", "ff02::1", "fd62:7279:6f00::2", "fd00:ec2::254"
	};
	const struct net_options options = net_options_default();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(out4); i++)
		assert_true(has4(&options, out4[i]));
	for (size_t i = 0; i < ARRAY_SIZE(in4); i++)
		assert_false(has4(&options, in4[i]));
	for (size_t i = 0; i < ARRAY_SIZE(out6); i++)
		assert_true(has6(&options, out6[i]));
	for (size_t i = 0; i < ARRAY_SIZE(in6); i++)
		assert_false(has6(&options, in6[i]));
}

static void test_options(void **state)
{
	struct net_options options = net_options_default();

	(void)state;
	options.metadata = true;
	assert_true(has4(&options, "169.254.169.254"));
	assert_true(has6(&options, "fd00:ec2::254"));
	options.dns4.s_addr = inet_addr("192.0.2.53");
	assert_false(has4(&options, "192.0.2.53"));
	options.map_guest4.s_addr = inet_addr("192.0.2.54");
	assert_false(has4(&options, "192.0.2.54"));
	options.ipv6 = false;
	assert_false(has6(&options, "2001:db8::1"));
	options.tcp = false;
	assert_false(has4(&options, "192.0.2.1"));
}

static void test_own(void **state)
{
	const struct net_options options = net_options_default();
	const struct in_addr own = net_container4(&options);
	const struct in_addr other = { inet_addr("10.0.2.2") };
	const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };

	(void)state;
	assert_true(outside_is_own4(&options, own));
	assert_true(outside_is_own4(&options, loopback));
	assert_false(outside_is_own4(&options, other));
	assert_true(outside_is_own6(&options, &in6addr_loopback));
	assert_true(outside_is_own6(&options, &options.container6));
	assert_false(outside_is_own6(&options, &options.gateway6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
