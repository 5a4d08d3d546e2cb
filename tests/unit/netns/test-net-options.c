/* SPDX-License-Identifier: Apache-2.0 */
/* --network=slirp4netns:... and pasta:..., and the message that carries the result to bryo-net. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "netns/net-message.h"
#include "netns/net-options.h"

static void defaults_are_those_of_slirp4netns(void **state)
{
	struct net_options options = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_options_slirp4netns("", &options, &err), 0);
	assert_string_equal(inet_ntoa(net_container4(&options)), "10.0.2.100");
	assert_string_equal(inet_ntoa(net_gateway4(&options)), "10.0.2.2");
	assert_string_equal(inet_ntoa(net_dns4(&options)), "10.0.2.3");
	assert_int_equal(options.mtu, 65520);
	assert_true(options.ipv6);
	assert_false(options.host_loopback);
	assert_false(options.metadata);
}

static void slirp4netns_options_are_taken(void **state)
{
	struct net_options options = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		net_options_slirp4netns(
			"cidr=10.9.8.7/16,mtu=1500,enable_ipv6=false,allow_host_loopback=true,"
			"outbound_addr=192.0.2.1,outbound_addr6=2001:db8::1,port_handler="
			"rootlesskit",
			&options, &err),
		0);
	assert_string_equal(inet_ntoa(options.net4), "10.9.0.0");
	assert_int_equal(options.prefix4, 16);
	assert_int_equal(options.mtu, 1500);
	assert_false(options.ipv6);
	assert_true(options.host_loopback);
	assert_string_equal(inet_ntoa(options.outbound4), "192.0.2.1");
	assert_true(options.has_outbound6);
}

static void pasta_options_are_taken(void **state)
{
	struct net_options options = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(net_options_pasta("-4,-m,1500,--ns-ifname=eth9,-o,192.0.2.1,--map-gw,-q",
					   &options, &err),
			 0);
	assert_false(options.ipv6);
	assert_int_equal(options.mtu, 1500);
	assert_string_equal(options.ifname, "eth9");
	assert_true(options.host_loopback);
}

static void others_are_refused_by_name(void **state)
{
	static const char *const slirp[][2] = {
		{ "foo=1", "unknown option for slirp4netns: \"foo\"" },
		{ "mtu=a", "invalid mtu \"a\": a number from 1280 to 65521 is expected" },
		{ "mtu", "invalid mtu \"\": a number from 1280 to 65521 is expected" },
		{ "cidr=10.0.0.0", "invalid cidr \"10.0.0.0\": ADDRESS/BITS is expected" },
		{ "cidr=10.0.0.0/30", "invalid network prefix /30: from /8 to /25 is expected" },
		{ "cidr=127.0.0.0/8", "the container's network cannot be 127.0.0.0" },
		{ "enable_ipv6=maybe",
		  "invalid value of network option enable_ipv6: \"maybe\" is not a boolean" },
		{ "port_handler=x", "unknown port_handler \"x\" for slirp4netns" },
		{ "outbound_addr=eth0",
		  "invalid outbound address \"eth0\": an IPv4 address of this host is expected" },
	};
	static const char *const pasta[][2] = {
		{ "--foo", "unsupported option for pasta: \"--foo\"" },
		{ "-t,80", "unsupported option for pasta: \"-t\"" },
		{ "--dns-forward=1.2.3.4",
		  "unsupported option for pasta: \"--dns-forward=1.2.3.4\"" },
		{ "-m", "option -m for pasta needs a value" },
		{ "--map-gw=1", "option --map-gw for pasta takes no value" },
		{ "-I,a/b", "invalid interface name \"a/b\"" },
		{ "-I,sixteen-bytes-xx", "invalid interface name \"sixteen-bytes-xx\"" },
	};
	struct net_options options = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(slirp); i++) {
		assert_true(net_options_slirp4netns(slirp[i][0], &options, &err) < 0);
		assert_string_equal(err.text, slirp[i][1]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pasta); i++) {
		assert_true(net_options_pasta(pasta[i][0], &options, &err) < 0);
		assert_string_equal(err.text, pasta[i][1]);
	}
}

static void message_comes_back(void **state)
{
	struct net_options options = { 0 };
	struct net_options back = { 0 };
	struct port_list ports = PORT_LIST_INIT;
	struct port_list ports_back = PORT_LIST_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		net_options_slirp4netns("cidr=10.9.8.0/24,outbound_addr=192.0.2.1", &options, &err),
		0);
	assert_int_equal(port_parse(&ports, "8080-8090:80-90", &err), 0);
	{
		auto_free char *text = net_message_text(&options, &ports);

		assert_int_equal(net_message_parse(text, strlen(text), &back, &ports_back, &err),
				 0);
	}
	assert_memory_equal(&back, &options, sizeof(back));
	assert_int_equal(ports_back.count, 1);
	assert_memory_equal(ports_back.maps, ports.maps, sizeof(*ports.maps));
	port_list_done(&ports);
	port_list_done(&ports_back);
}

static void message_is_checked(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\":2}",
		"{\"version\":1,\"options\":{\"mtu\":70000}}",
		"{\"version\":1,\"options\":{\"prefix4\":32}}",
		"{\"version\":1,\"options\":{\"net4\":\"a\"}}",
		"{\"version\":1,\"options\":{\"ifname\":\"0123456789abcdef\"}}",
		"{\"version\":1,\"options\":{\"ipv6\":1}}",
		"{\"version\":1,\"ports\":[{}]}",
	};
	struct net_options options = { 0 };
	struct port_list ports = PORT_LIST_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(net_message_parse(bad[i], strlen(bad[i]), &options, &ports, &err) < 0);
	port_list_done(&ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_slirp4netns),
		cmocka_unit_test(slirp4netns_options_are_taken),
		cmocka_unit_test(pasta_options_are_taken),
		cmocka_unit_test(others_are_refused_by_name),
		cmocka_unit_test(message_comes_back),
		cmocka_unit_test(message_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
