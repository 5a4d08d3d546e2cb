/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --network=slirp4netns:NAME=VALUE,... and slirp:NAME=VALUE,...: see options.h. Runs in the
 * command; touches nothing.
 */
#include "netns/options/options.h"

#include <arpa/inet.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "netns/options/value.h"

struct slirp_option {
	const char *name;
	bool ours; /* of slirp alone */
	int (*set)(const char *name, const char *value, struct net_options *options,
		   struct err *err);
};

#define BOOLEAN(function, field)                                                                   \
	static int function(const char *name, const char *value, struct net_options *options,      \
			    struct err *err)                                                       \
	{                                                                                          \
		return net_value_bool(name, value, &options->field, err);                          \
	}
BOOLEAN(set_loopback, host_loopback)
BOOLEAN(set_ipv4, ipv4)
BOOLEAN(set_ipv6, ipv6)
BOOLEAN(set_dns, dns)
BOOLEAN(set_metadata, metadata)
BOOLEAN(set_tcp, tcp)
BOOLEAN(set_udp, udp)
BOOLEAN(set_icmp, icmp)
#undef BOOLEAN

static int set_cidr(const char *name, const char *value, struct net_options *options,
		    struct err *err)
{
	(void)name;
	return net_value_cidr(value, options, err);
}

static int set_mtu(const char *name, const char *value, struct net_options *options,
		   struct err *err)
{
	(void)name;
	return net_value_mtu(value, options, err);
}

/* An address of the option's family, or an interface (slirp4netns(1) --outbound-addr). */
static int set_outbound4(const char *name, const char *value, struct net_options *options,
			 struct err *err)
{
	if (inet_pton(AF_INET, str_or(value, ""), &options->outbound4) == 1)
		return 0;
	return net_value_ifname(name, value, options->outbound_if4, err);
}

static int set_outbound6(const char *name, const char *value, struct net_options *options,
			 struct err *err)
{
	if (inet_pton(AF_INET6, str_or(value, ""), &options->outbound6) == 1) {
		options->has_outbound6 = true;
		return 0;
	}
	return net_value_ifname(name, value, options->outbound_if6, err);
}

static int set_outbound_if(const char *name, const char *value, struct net_options *options,
			   struct err *err)
{
	int r = net_value_ifname(name, value, options->outbound_if4, err);

	if (r == 0)
		memcpy(options->outbound_if6, options->outbound_if4, IFNAMSIZ);
	return r;
}

static int set_port_handler(const char *name, const char *value, struct net_options *options,
			    struct err *err)
{
	static const char *const stack[] = { "rootlesskit", "slirp4netns", "builtin" };

	(void)name;
	options->ports = str_eq(value, "splice") ? NET_PORTS_SPLICE : NET_PORTS_STACK;
	if (options->ports == NET_PORTS_SPLICE)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(stack); i++)
		if (str_eq(value, stack[i]))
			return 0;
	return err_say(err, ERR_USAGE, "unknown port_handler \"%s\" for slirp4netns",
		       str_or(value, ""));
}

static int set_fast(const char *name, const char *value, struct net_options *options,
		    struct err *err)
{
	static const char *const values[] = {
		[NET_FAST_AUTO] = "auto", [NET_FAST_ON] = "on", [NET_FAST_OFF] = "off"
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (str_eq(value, values[i])) {
			options->fast = (enum net_fast)i;
			return 0;
		}
	}
	return err_say(err, ERR_USAGE,
		       "invalid value of network option %s: \"%s\" is not on, off or auto", name,
		       str_or(value, ""));
}

static int set_ifname(const char *name, const char *value, struct net_options *options,
		      struct err *err)
{
	return net_value_ifname(name, value, options->ifname, err);
}

static int set_gateway(const char *name, const char *value, struct net_options *options,
		       struct err *err)
{
	int r = net_value_either(name, value, &options->gateway4, &options->gateway6, err);

	return r < 0 ? r : 0;
}

static int set_dns_addr(const char *name, const char *value, struct net_options *options,
			struct err *err)
{
	int r = net_value_either(name, value, &options->dns4, &options->dns6, err);

	return r < 0 ? r : 0;
}

static const struct slirp_option slirp_options[] = {
	{ "allow_host_loopback", false, set_loopback },
	{ "cidr", false, set_cidr },
	{ "enable_ipv6", false, set_ipv6 },
	{ "mtu", false, set_mtu },
	{ "outbound_addr", false, set_outbound4 },
	{ "outbound_addr6", false, set_outbound6 },
	{ "port_handler", false, set_port_handler },
	{ "address", true, net_value_address },
	{ "dns", true, set_dns },
	{ "dns_addr", true, set_dns_addr },
	{ "fast", true, set_fast },
	{ "gateway", true, set_gateway },
	{ "icmp", true, set_icmp },
	{ "ifname", true, set_ifname },
	{ "ipv4", true, set_ipv4 },
	{ "ipv6", true, set_ipv6 },
	{ "map_guest", true, net_value_map_guest },
	{ "map_host", true, net_value_map_host },
	{ "metadata", true, set_metadata },
	{ "outbound_if", true, set_outbound_if },
	{ "tcp", true, set_tcp },
	{ "udp", true, set_udp },
};

static int set_one(struct net_options *options, const char *mode, bool ours, const char *name,
		   const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(slirp_options); i++)
		if (str_eq(name, slirp_options[i].name) && (ours || !slirp_options[i].ours))
			return slirp_options[i].set(name, value, options, err);
	return err_say(err, ERR_USAGE, "unknown option for %s: \"%s\"", mode, name);
}

static int parse(const char *text, const char *mode, bool ours, struct net_options *ret_options,
		 struct err *err)
{
	struct net_options options = net_options_open();
	struct strv list auto_done(strv) = STRV_INIT;
	int r = 0;

	if (!str_empty(text))
		strv_split(&list, text, ',');
	for (size_t i = 0; i < list.count && r == 0; i++) {
		char *value = strchr(list.v[i], '=');

		if (value)
			*value++ = '\0';
		r = set_one(&options, mode, ours, list.v[i], value, err);
	}
	if (r == 0)
		r = net_options_finish(&options, err);
	if (r == 0)
		*ret_options = options;
	return r;
}

int net_options_slirp4netns(const char *text, struct net_options *ret_options, struct err *err)
{
	return parse(text, "slirp4netns", false, ret_options, err);
}

int net_options_slirp(const char *text, struct net_options *ret_options, struct err *err)
{
	return parse(text, "slirp", true, ret_options, err);
}
