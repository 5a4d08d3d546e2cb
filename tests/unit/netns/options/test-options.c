/* SPDX-License-Identifier: Apache-2.0 */
/* --network=slirp:..., slirp4netns:... and pasta:..., and the message that carries the result to
 * bryo-net. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "netns/net-message.h"
#include "netns/options/value.h"

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

static const char *text4(struct in_addr address)
{
	return inet_ntoa(address);
}

static const char *text6(struct in6_addr address)
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(AF_INET6, &address, text, sizeof(text));
}

static struct net_options parsed(const char *mode)
{
	struct net_options options = { 0 };
	struct err err = ERR_INIT;

	if (net_options_parse(mode, &options, NULL, &err) < 0)
		fail_msg("%s: %s", mode, err.text);
	return options;
}

static void modes_are_told_apart(void **state)
{
	static const char *const modes[] = { "slirp", "slirp:", "slirp4netns", "pasta",
					     "pasta:-4" };
	static const char *const others[] = { "", "slirp4", "pastamode", "host", "none:" };
	struct net_options defaults = net_options_default();
	struct net_options options = parsed(NULL);

	(void)state;
	assert_memory_equal(&options, &defaults, sizeof(options));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		assert_true(net_options_is_mode(modes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(net_options_is_mode(others[i]));
}

static void addresses_follow_from_the_network(void **state)
{
	static const char *const cases[][4] = {
		/* mode, container, gateway, DNS */
		{ "slirp4netns:cidr=10.9.8.7/16", "10.9.0.100", "10.9.0.2", "10.9.0.3" },
		{ "pasta:-a,10.1.2.3,-n,24,-g,10.1.2.1", "10.1.2.3", "10.1.2.1", "10.1.2.2" },
		{ "pasta:-a,10.1.2.3/24", "10.1.2.3", "10.1.2.2", "10.1.2.1" },
		{ "pasta:-a,10.1.2.3,-n,255.255.0.0", "10.1.2.3", "10.1.0.2", "10.1.0.3" },
		{ "pasta:-a,10.1.2.2/30", "10.1.2.2", "10.1.2.1", "169.254.1.1" },
		{ "pasta:--ipv4-only,-a,10.0.2.0,-n,24,-g,10.0.2.2,--dns-forward,10.0.2.3",
		  "10.0.2.0", "10.0.2.2", "10.0.2.3" },
		{ "pasta:--dns-forward,169.254.1.1", "10.0.2.100", "10.0.2.2", "169.254.1.1" },
		{ "slirp:address=192.168.7.9/24,gateway=192.168.7.1,dns_addr=192.168.7.53",
		  "192.168.7.9", "192.168.7.1", "192.168.7.53" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct net_options options = parsed(cases[i][0]);

		assert_string_equal(text4(net_container4(&options)), cases[i][1]);
		assert_string_equal(text4(net_gateway4(&options)), cases[i][2]);
		assert_string_equal(text4(net_dns4(&options)), cases[i][3]);
		assert_int_equal(options.net4.s_addr & ~htonl(~0U << (32 - options.prefix4)), 0);
	}
}

static void addresses_of_ipv6_too(void **state)
{
	struct net_options options = parsed("pasta:-a,2001:db8:1::7,--dns-forward,2001:db8:9::1");

	(void)state;
	assert_string_equal(text6(net_container6(&options)), "2001:db8:1::7");
	assert_string_equal(text6(net_gateway6(&options)), "2001:db8:1::2");
	assert_string_equal(text6(net_dns6(&options)), "2001:db8:9::1");
	assert_string_equal(text6(options.net6), "2001:db8:1::");
	options = parsed("pasta:-a,2001:db8:1::2/64,-g,2001:db8:1::3");
	assert_string_equal(text6(net_gateway6(&options)), "2001:db8:1::3");
	assert_string_equal(text6(net_dns6(&options)), "2001:db8:1::4");
}

static void pasta_options_are_taken(void **state)
{
	struct net_options options = parsed("pasta:-4,-m,1500,--ns-ifname=eth9,-o,192.0.2.1,"
					    "--map-gw,-q,--config-net,-S,example.org,--no-dhcp");

	(void)state;
	assert_false(options.ipv6);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&options.container6));
	assert_int_equal(options.mtu, 1500);
	assert_string_equal(options.ifname, "eth9");
	assert_true(options.host_loopback);
	assert_string_equal(text4(options.outbound4), "192.0.2.1");
	options = parsed("pasta:-6,-o,2001:db8::1");
	assert_false(options.ipv4);
	assert_true(options.ipv6 && options.has_outbound6);
	assert_int_equal(options.container4.s_addr, 0);
	assert_int_equal(parsed("pasta:--mtu,0").mtu, 65520);
	assert_int_equal(parsed("slirp4netns:mtu=0").mtu, 65520);
	assert_false(parsed("pasta:--map-gw,--no-map-gw").host_loopback);
}

static void interfaces_and_mapped_addresses(void **state)
{
	struct net_options options = parsed("pasta:-i,eth0");

	(void)state;
	assert_string_equal(options.outbound_if4, "eth0");
	assert_string_equal(options.outbound_if6, "eth0");
	options = parsed("pasta:--outbound-if4,a0,--outbound-if6=a1");
	assert_string_equal(options.outbound_if4, "a0");
	assert_string_equal(options.outbound_if6, "a1");
	options = parsed("slirp4netns:outbound_addr=eth1,outbound_addr6=2001:db8::1");
	assert_string_equal(options.outbound_if4, "eth1");
	assert_string_equal(options.outbound_if6, "");
	assert_true(options.has_outbound6);
	options = parsed("pasta:--map-host-loopback,10.0.2.9,--map-guest-addr,169.254.1.2");
	assert_true(options.host_loopback);
	assert_string_equal(text4(net_loopback4(&options)), "10.0.2.9");
	assert_string_equal(text4(options.map_guest4), "169.254.1.2");
	options = parsed("pasta:--map-gw,--map-guest-addr,none");
	assert_string_equal(text4(net_loopback4(&options)), "10.0.2.2");
	assert_string_equal(text6(net_loopback6(&options)), "fd62:7279:6f00::2");
	assert_false(parsed("pasta:--map-host-loopback,none").host_loopback);
	assert_string_equal(text6(parsed("slirp:map_host=fd00::9").map_host6), "fd00::9");
}

static void switches_are_taken(void **state)
{
	struct net_options options = parsed("pasta:--no-udp,--no-icmp");

	(void)state;
	assert_true(options.tcp && !options.udp && !options.icmp);
	options = parsed("slirp:fast=on,dns=false,ipv6=0,metadata=true,tcp=f,ifname=eth0");
	assert_int_equal(options.fast, NET_FAST_ON);
	assert_false(options.dns || options.ipv6 || options.tcp);
	assert_true(options.metadata);
	assert_string_equal(options.ifname, "eth0");
	assert_int_equal(parsed("slirp").fast, NET_FAST_AUTO);
	assert_int_equal(parsed("slirp:fast=off").fast, NET_FAST_OFF);
	assert_int_equal(parsed("slirp4netns:port_handler=splice").ports, NET_PORTS_SPLICE);
	assert_int_equal(parsed("slirp4netns:port_handler=slirp4netns").ports, NET_PORTS_STACK);
}

static void resolvers_are_kept_for_the_file(void **state)
{
	struct net_options options = parsed("pasta:-D,192.0.2.53,--dns=2001:db8::53");

	(void)state;
	assert_true(options.own_resolvers);
	assert_int_equal(options.resolver_count, 2);
	assert_string_equal(options.resolvers[0], "192.0.2.53");
	assert_string_equal(options.resolvers[1], "2001:db8::53");
	options = parsed("pasta:-D,192.0.2.53,-D,none");
	assert_true(options.own_resolvers);
	assert_int_equal(options.resolver_count, 0);
}

/* "HOSTIP:HOST+COUNT>CONTAINER/PROTO ..." */
static void list_text(const struct port_list *list, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < list->count; i++)
		used += (size_t)snprintf(
			out + used, size - used, "%s%s:%u+%u>%u/%s", i > 0 ? " " : "",
			list->maps[i].host_ip, list->maps[i].host_port, list->maps[i].count,
			list->maps[i].container_port, port_proto_name(list->maps[i].proto));
}

static void pasta_ports_are_read(void **state)
{
	static const char *const cases[][3] = {
		/* options, published, of the host */
		{ "-t,none,-u,none,-T,none,-U,none", "", "" },
		{ "-t,22", ":22+1>22/tcp", "" },
		{ "-u,22:23", ":22+1>23/udp", "" },
		{ "-t,22-80:32-90", ":22+59>32/tcp", "" },
		{ "--tcp-ports=192.0.2.1/22", "192.0.2.1:22+1>22/tcp", "" },
		{ "-t,::1/8080:80", "::1:8080+1>80/tcp", "" },
		{ "-t,[::1]/8080:80", "::1:8080+1>80/tcp", "" },
		{ "-t,22,-t,25", ":22+1>22/tcp :25+1>25/tcp", "" },
		{ "-T,5201", "", ":5201+1>5201/tcp" },
		{ "-T,127.0.0.1/80:8080,-t,9", ":9+1>9/tcp", "127.0.0.1:8080+1>80/tcp" },
		{ "-t,65535", ":65535+1>65535/tcp", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct port_list published = PORT_LIST_INIT;
		struct port_list host = PORT_LIST_INIT;
		const struct net_option_ports ports = { .published = &published, .host = &host };
		struct net_options options = { 0 };
		char text[256];

		assert_int_equal(net_options_pasta(cases[i][0], &options, &ports, NULL), 0);
		list_text(&published, text, sizeof(text));
		assert_string_equal(text, cases[i][1]);
		list_text(&host, text, sizeof(text));
		assert_string_equal(text, cases[i][2]);
		port_list_done(&published);
		port_list_done(&host);
	}
}

/* Lists with commas cannot come through Podman's own commas, but through containers.conf. */
static void lists_of_ports_leave_some_out(void **state)
{
	struct port_list list = PORT_LIST_INIT;
	struct err err = ERR_INIT;
	char text[256];

	(void)state;
	assert_int_equal(
		net_value_ports("-t", "192.0.2.1/20-30,~25,40:50", false, false, &list, &err), 0);
	list_text(&list, text, sizeof(text));
	assert_string_equal(text,
			    "192.0.2.1:20+5>20/tcp 192.0.2.1:26+5>26/tcp 192.0.2.1:40+1>50/tcp");
	port_list_done(&list);
}

struct refused {
	const char *mode;
	const char *why;
};

static const struct refused refused_slirp[] = {
	{ "slirp4netns:foo=1", "unknown option for slirp4netns: \"foo\"" },
	{ "slirp4netns:fast=on", "unknown option for slirp4netns: \"fast\"" },
	{ "slirp:foo", "unknown option for slirp: \"foo\"" },
	{ "slirp:fast=maybe",
	  "invalid value of network option fast: \"maybe\" is not on, off or auto" },
	{ "slirp4netns:mtu=a", "invalid mtu \"a\": a number from 1280 to 65521 is expected" },
	{ "slirp4netns:mtu", "invalid mtu \"\": a number from 1280 to 65521 is expected" },
	{ "slirp4netns:cidr=10.0.0.0", "invalid cidr \"10.0.0.0\": ADDRESS/BITS is expected" },
	{ "slirp4netns:cidr=10.0.0.0/31",
	  "invalid network prefix /31: from /8 to /30 is expected" },
	{ "slirp4netns:cidr=10.0.0.0/26",
	  "network prefix /26 is too long without an address for the container: its own ends in "
	  ".100" },
	{ "slirp4netns:cidr=127.0.0.0/8", "the container's network cannot be 127.0.0.0" },
	{ "slirp4netns:enable_ipv6=maybe",
	  "invalid value of network option enable_ipv6: \"maybe\" is not a boolean" },
	{ "slirp4netns:port_handler=x", "unknown port_handler \"x\" for slirp4netns" },
	{ "slirp4netns:outbound_addr=a/b", "invalid interface name \"a/b\" for outbound_addr" },
	{ "slirp:ipv4=false,ipv6=false",
	  "IPv4 and IPv6 are both switched off: use --network=none" },
	{ "slirp:map_host=224.0.0.1",
	  "invalid value of network option map_host: a container cannot send to 224.0.0.1" },
	{ "slirp:map_guest=10.0.2.100",
	  "the address for the host, 10.0.2.100, is the container's own" },
};

static const struct refused refused_pasta[] = {
	{ "pasta:--foo", "unknown option for pasta: \"--foo\"" },
	{ "pasta:-m", "option -m for pasta needs a value" },
	{ "pasta:--map-gw=1", "option --map-gw for pasta takes no value" },
	{ "pasta:-I,a/b", "invalid interface name \"a/b\" for -I" },
	{ "pasta:-I,sixteen-bytes-xx", "invalid interface name \"sixteen-bytes-xx\" for -I" },
	{ "pasta:-4,-6", "option -6 for pasta: --ipv4-only is given, too" },
	{ "pasta:-6,--ipv4-only", "option --ipv4-only for pasta: --ipv6-only is given, too" },
	{ "pasta:-a,10.0.0.1/24,-n,24",
	  "option -n for pasta: -n and -a ADDRESS/BITS cannot be mixed" },
	{ "pasta:-a,x", "invalid value of network option -a: \"x\" is not ADDRESS[/BITS]" },
	{ "pasta:-a,2001:db8::1/48",
	  "invalid prefix \"/48\" for -a: an IPv6 network is always /64 here" },
	{ "pasta:-a,fe80::1",
	  "the container's IPv6 network cannot be a multicast, link-local or IPv4-mapped one" },
	{ "pasta:-n,255.0.255.0", "invalid netmask \"255.0.255.0\": bits or a mask are expected" },
	{ "pasta:-a,10.0.0.1/24,-g,10.0.1.1",
	  "gateway 10.0.1.1 is not in the container's network: the way to it would need one "
	  "itself" },
	{ "pasta:-a,10.0.0.1/24,-g,10.0.0.1",
	  "the container's address 10.0.0.1 is its gateway's, too" },
	{ "pasta:-g,fd00::1",
	  "the container's IPv6 address and its gateway must share a /64 network" },
	{ "pasta:-l,/tmp/x", "option -l for pasta is not supported: bryo-net writes no log" },
	{ "pasta:--pcap=x", "option --pcap for pasta is not supported: packets are not recorded" },
	{ "pasta:-P,x", "option -P for pasta is not supported: bryo-net has no pid file" },
	{ "pasta:--dns-host,192.0.2.1",
	  "option --dns-host for pasta is not supported: the forwarder asks the host's "
	  "resolvers" },
	{ "pasta:-t,auto", "option -t for pasta: \"auto\" is not supported: name the ports" },
	{ "pasta:-u,all", "option -u for pasta: \"all\" is not supported: name the ports" },
	{ "pasta:-t,::1/auto", "option -t for pasta: \"auto\" is not supported: name the ports" },
	{ "pasta:-t,~22",
	  "option -t for pasta: \"~22\": ports that are left out only mean all others: name the "
	  "ports" },
	{ "pasta:-t,0", "option -t for pasta: \"0\": ports are numbers from 1 to 65535" },
	{ "pasta:-t,1-65536",
	  "option -t for pasta: \"1-65536\": ports are numbers from 1 to 65535" },
	{ "pasta:-t,9-8", "option -t for pasta: \"9-8\": a range ends before it starts" },
	{ "pasta:-t,1-2:3-5",
	  "option -t for pasta: \"1-2:3-5\": the two ranges have different lengths" },
	{ "pasta:-t,22:192.0.2.1/23",
	  "option -t for pasta: \"22:192.0.2.1/23\": ports cannot lead to another address" },
	{ "pasta:-t,%eth0/22",
	  "option -t for pasta: \"%eth0/22\": ports cannot be bound to an interface" },
	{ "pasta:-t,x/22", "option -t for pasta: \"x/22\": what stands before / is no address" },
	{ "pasta:-T,192.0.2.1/22",
	  "option -T for pasta: \"192.0.2.1/22\": the container's 127.0.0.1 and ::1 are where "
	  "the host's ports appear" },
	{ "pasta:-U,53",
	  "option -U for pasta: UDP ports of the host's loopback cannot be brought into a "
	  "container's, only TCP ports (-T)" },
};

static void check_refused(const struct refused *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct net_options options = { 0 };
		struct err err = ERR_INIT;

		if (net_options_parse(cases[i].mode, &options, NULL, &err) == 0)
			fail_msg("%s was taken", cases[i].mode);
		assert_string_equal(err.text, cases[i].why);
	}
}

static void others_are_refused_by_name(void **state)
{
	(void)state;
	check_refused(refused_slirp, ARRAY_SIZE(refused_slirp));
	check_refused(refused_pasta, ARRAY_SIZE(refused_pasta));
}

static void message_comes_back(void **state)
{
	static const char *const modes[] = {
		"slirp4netns:cidr=10.9.8.0/24,outbound_addr=192.0.2.1,outbound_addr6=eth0",
		"slirp:fast=on,port_handler=splice,dns=false,metadata=true,ipv6=false",
		"pasta:-6,-i,eth0,--map-gw,--no-udp,--no-icmp,-a,2001:db8::9",
		"pasta:-a,10.1.2.2/30,--map-host-loopback,10.7.7.7,--map-guest-addr,169.254.1.2,"
		"--map-guest-addr,fd00::1,-I,eth5,-m,1400,-o,2001:db8::1",
	};
	struct port_list ports auto_done(port_list) = PORT_LIST_INIT;

	(void)state;
	assert_int_equal(port_parse(&ports, "8080-8090:80-90", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct net_options options = parsed(modes[i]);
		struct net_options back = { 0 };
		struct port_list got auto_done(port_list) = PORT_LIST_INIT;
		struct port_list host auto_done(port_list) = PORT_LIST_INIT;
		auto_free char *text = net_message_text(&options, &ports, &ports);

		assert_int_equal(net_message_parse(text, strlen(text), &back, &got, &host, NULL),
				 0);
		assert_memory_equal(&back, &options, sizeof(back));
		assert_int_equal(got.count, 1);
		assert_int_equal(host.count, 1);
		assert_memory_equal(got.maps, ports.maps, sizeof(*ports.maps));
	}
}

static void message_is_checked(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\":1}",
		"{\"version\":2,\"options\":{\"mtu\":70000}}",
		"{\"version\":2,\"options\":{\"prefix4\":32}}",
		"{\"version\":2,\"options\":{\"prefix4\":300}}",
		"{\"version\":2,\"options\":{\"prefix6\":65}}",
		"{\"version\":2,\"options\":{\"net4\":\"a\"}}",
		"{\"version\":2,\"options\":{\"gateway4\":\"192.0.2.1\"}}",
		"{\"version\":2,\"options\":{\"ifname\":\"0123456789abcdef\"}}",
		"{\"version\":2,\"options\":{\"outbound_if4\":\"a/b\"}}",
		"{\"version\":2,\"options\":{\"ipv6\":1}}",
		"{\"version\":2,\"options\":{\"ipv4\":false,\"ipv6\":false}}",
		"{\"version\":2,\"options\":{\"fast\":3}}",
		"{\"version\":2,\"options\":{\"handler\":2}}",
		"{\"version\":2,\"ports\":[{}]}",
		"{\"version\":2,\"host_ports\":[{}]}",
	};
	struct net_options options = { 0 };
	struct port_list ports = PORT_LIST_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (net_message_parse(bad[i], strlen(bad[i]), &options, &ports, NULL, &err) == 0)
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(net_message_parse("{\"version\":2}", 13, &options, &ports, NULL, &err), 0);
	port_list_done(&ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_slirp4netns),
		cmocka_unit_test(slirp4netns_options_are_taken),
		cmocka_unit_test(modes_are_told_apart),
		cmocka_unit_test(addresses_follow_from_the_network),
		cmocka_unit_test(addresses_of_ipv6_too),
		cmocka_unit_test(pasta_options_are_taken),
		cmocka_unit_test(interfaces_and_mapped_addresses),
		cmocka_unit_test(switches_are_taken),
		cmocka_unit_test(resolvers_are_kept_for_the_file),
		cmocka_unit_test(pasta_ports_are_read),
		cmocka_unit_test(lists_of_ports_leave_some_out),
		cmocka_unit_test(others_are_refused_by_name),
		cmocka_unit_test(message_comes_back),
		cmocka_unit_test(message_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
