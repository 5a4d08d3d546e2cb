/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf read; hosts and resolv.conf written, in the layout that Podman 5.8 gave. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "netns/bridge/bridge.h"
#include "netns/net.h"
#include "netns/resolv.h"

static struct resolv parse(const char *text)
{
	struct resolv resolv;

	resolv_parse(text, strlen(text), &resolv);
	return resolv;
}

static void resolv_reads_what_the_c_library_reads(void **state)
{
	const struct resolv resolv = parse("# comment\n"
					   "; another\n"
					   "nameserver 192.0.2.1\n"
					   "nameserver\t2001:db8::1  trailing\r\n"
					   "nameserver fe80::1%eth0\n"
					   "nameserver not-an-address\n"
					   "nameserver\n"
					   "domain old.example\n"
					   "search a.example b.example\n"
					   "options ndots:2\n"
					   "options  edns0 trust-ad\n"
					   "unknown line");

	(void)state;
	assert_int_equal(resolv.server_count, 3);
	assert_string_equal(resolv.servers[0], "192.0.2.1");
	assert_string_equal(resolv.servers[1], "2001:db8::1");
	assert_string_equal(resolv.servers[2], "fe80::1%eth0");
	assert_string_equal(resolv.search, "a.example b.example");
	assert_string_equal(resolv.options, "ndots:2 edns0 trust-ad");
}

static void resolv_keeps_its_bounds(void **state)
{
	char text[8192] = "search ";
	struct resolv resolv;

	(void)state;
	memset(text + 7, 'a', sizeof(text) - 8);
	text[2000] = ' ';
	text[3000] = ' ';
	resolv = parse(text);
	assert_int_equal(strlen(resolv.search), 999);
	for (size_t i = 0; i + 13 < sizeof(text); i += 13)
		memcpy(text + i, "nameserver ::", 14);
	for (size_t i = 13; i < sizeof(text) - 1; i += 26)
		text[i] = '\n';
	resolv = parse(text);
	assert_true(resolv.server_count <= RESOLV_MAX_SERVERS);
}

static void loopback_is_known(void **state)
{
	(void)state;
	assert_true(resolv_is_loopback("127.0.0.53"));
	assert_true(resolv_is_loopback("::1"));
	assert_true(resolv_is_loopback("::ffff:127.0.0.1"));
	assert_true(resolv_is_loopback("0.0.0.0"));
	assert_false(resolv_is_loopback("192.0.2.1"));
	assert_false(resolv_is_loopback("2001:db8::1"));
}

static void hosts_has_podmans_layout(void **state)
{
	const struct net_options options = net_options_default();
	char *const names[] = { "abc", "web", NULL };
	char *const add[] = { "a;b:1.2.3.4", "six:[2001:db8::1]", "x:host-gateway", NULL };
	const struct strv name_list = { .v = (char **)names, .count = 2 };
	const struct strv add_list = { .v = (char **)add, .count = 3 };
	const struct net_files_args args = { .options = &options,
					     .names = &name_list,
					     .add_host = &add_list,
					     .base_hosts = "127.0.0.1\tlocalhost # comment\n\n"
							   "::1  localhost\tip6-localhost\n",
					     .host_gateway = "192.0.2.2" };
	auto_free char *text = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_hosts_file(&args, &text, &err), 0);
	assert_string_equal(text, "1.2.3.4\ta b\n"
				  "2001:db8::1\tsix\n"
				  "192.0.2.2\tx\n"
				  "127.0.0.1\tlocalhost\n"
				  "::1\tlocalhost ip6-localhost\n"
				  "192.0.2.2\thost.containers.internal host.docker.internal\n"
				  "10.0.2.100\tabc web\n");
}

static void hosts_without_network_or_base(void **state)
{
	char *const names[] = { "abc", "host.docker.internal", NULL };
	const struct strv name_list = { .v = (char **)names, .count = 2 };
	const struct net_files_args args = { .names = &name_list,
					     .base_hosts = "192.0.2.9 host.docker.internal\n",
					     .host_gateway = "192.0.2.2" };
	auto_free char *text = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_hosts_file(&args, &text, &err), 0);
	assert_string_equal(text, "192.0.2.9\thost.docker.internal\n"
				  "127.0.0.1\tlocalhost\n"
				  "::1\tlocalhost\n"
				  "192.0.2.2\thost.containers.internal\n"
				  "127.0.0.1\tabc\n");
}

static void resolv_conf_from_flags_alone(void **state)
{
	const struct net_options options = net_options_default();
	char *const dns[] = { "192.0.2.1", "2001:db8::1", NULL };
	char *const search[] = { "a.example", "b.example", NULL };
	char *const option[] = { "ndots:3", "edns0", NULL };
	const struct strv dns_list = { .v = (char **)dns, .count = 2 };
	const struct strv search_list = { .v = (char **)search, .count = 2 };
	const struct strv option_list = { .v = (char **)option, .count = 2 };
	const struct net_files_args args = { .options = &options,
					     .dns = &dns_list,
					     .dns_search = &search_list,
					     .dns_option = &option_list };
	const struct net_files_args none = { .options = NULL };
	auto_free char *text = NULL;
	auto_free char *no_text = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_resolv_conf(&args, &text, &err), 0);
	assert_string_equal(text, "search a.example b.example\n"
				  "nameserver 192.0.2.1\nnameserver 2001:db8::1\n"
				  "options ndots:3 edns0\n");
	assert_int_equal(net_resolv_conf(&none, &no_text, &err), 0);
	assert_null(no_text);
}

static void forwarder_stands_first(void **state)
{
	const struct net_options options = net_options_default();
	const struct net_files_args args = { .options = &options };
	auto_free char *text = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_resolv_conf(&args, &text, &err), 0);
	assert_non_null(strstr(text, "nameserver 10.0.2.3\n"));
	assert_null(strstr(text, "nameserver 127."));
}

static char *resolv_text(const char *mode)
{
	struct net_options options;
	const struct net_files_args args = { .options = &options };
	char *text = NULL;

	assert_int_equal(net_options_parse(mode, &options, NULL, NULL), 0);
	assert_int_equal(net_resolv_conf(&args, &text, NULL), 0);
	return text;
}

static void resolvers_of_the_options(void **state)
{
	auto_free char *own = resolv_text("pasta:-D,192.0.2.53,-D,2001:db8::53");
	auto_free char *none = resolv_text("pasta:-D,none");
	auto_free char *forward = resolv_text("pasta:--dns-forward,169.254.1.1");
	auto_free char *six = resolv_text("slirp:ipv4=false");
	auto_free char *without = resolv_text("slirp:dns=false");

	(void)state;
	assert_non_null(strstr(own, "nameserver 192.0.2.53\nnameserver 2001:db8::53\n"));
	assert_null(strstr(own, "10.0.2.3"));
	assert_null(strstr(none, "nameserver"));
	assert_non_null(strstr(forward, "nameserver 169.254.1.1\n"));
	assert_non_null(strstr(six, "nameserver fd62:7279:6f00::3\n"));
	assert_null(strstr(without, "10.0.2.3"));
}

static void hosts_of_the_options(void **state)
{
	char *const names[] = { "abc", NULL };
	const struct strv name_list = { .v = (char **)names, .count = 1 };
	struct net_options options;
	struct net_files_args args = { .options = &options, .names = &name_list, .base_hosts = "" };
	auto_free char *mapped = NULL;
	auto_free char *none = NULL;

	(void)state;
	assert_int_equal(
		net_options_parse("pasta:--map-guest-addr,169.254.1.2,-6", &options, NULL, NULL),
		0);
	assert_int_equal(net_hosts_file(&args, &mapped, NULL), 0);
	assert_non_null(strstr(mapped, "169.254.1.2\thost.containers.internal"));
	assert_non_null(strstr(mapped, "fd62:7279:6f00::64\tabc\n"));
	args.host_gateway = "none";
	assert_int_equal(net_hosts_file(&args, &none, NULL), 0);
	assert_null(strstr(none, "host.containers.internal"));
}

static void add_host_is_checked(void **state)
{
	static const char *const bad[] = { "a",	 ":1.2.3.4",	"a:b",
					   "a:", "a b:1.2.3.4", "a:1.2.3.4.5" };
	static const char *const good[] = { "a:1.2.3.4", "a;b:::1", "a:[::1]", "a:host-gateway" };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(net_add_host_check(bad[i], &err) < 0);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(net_add_host_check(good[i], &err), 0);
	assert_true(net_dns_check("a", &err) < 0);
	assert_string_equal(err.text, "a is not an ip address");
	assert_int_equal(net_dns_check("none", &err), 0);
	assert_true(net_dns_search_check("a b", &err) < 0);
	assert_int_equal(net_dns_search_check(".", &err), 0);
}

static void on_a_bridge_the_gateway_is_the_host(void **state)
{
	char *const names[] = { "abc", "web", NULL };
	const struct strv name_list = { .v = (char **)names, .count = 2 };
	struct bridge_address address = { .ip4 = { htonl(0x0a580005) },
					  .gateway4 = { htonl(0x0a580001) },
					  .prefix4 = 16 };
	const struct net_files_args args = { .bridge = &address,
					     .names = &name_list,
					     .base_hosts = "" };
	auto_free char *text = NULL;
	auto_free char *with_six = NULL;

	(void)state;
	assert_int_equal(net_hosts_file(&args, &text, NULL), 0);
	assert_string_equal(text, "127.0.0.1\tlocalhost\n::1\tlocalhost\n"
				  "10.88.0.1\thost.containers.internal host.docker.internal\n"
				  "10.88.0.5\tabc web\n");
	address.has6 = true;
	address.ip6 = (struct in6_addr){ { { 0xfd, [15] = 5 } } };
	assert_int_equal(net_hosts_file(&args, &with_six, NULL), 0);
	assert_true(str_starts(with_six, text));
	assert_string_equal(with_six + strlen(text), "fd00::5\tabc web\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolv_reads_what_the_c_library_reads),
		cmocka_unit_test(resolv_keeps_its_bounds),
		cmocka_unit_test(loopback_is_known),
		cmocka_unit_test(hosts_has_podmans_layout),
		cmocka_unit_test(hosts_without_network_or_base),
		cmocka_unit_test(resolv_conf_from_flags_alone),
		cmocka_unit_test(forwarder_stands_first),
		cmocka_unit_test(resolvers_of_the_options),
		cmocka_unit_test(hosts_of_the_options),
		cmocka_unit_test(add_host_is_checked),
		cmocka_unit_test(on_a_bridge_the_gateway_is_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
