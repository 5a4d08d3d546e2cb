/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the user-mode network: see net-options.h. Runs in the command, before anything is
 * made; touches nothing.
 */
#include "netns/net-options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

enum {
	MTU_DEFAULT = 65520, /* slirp4netns' and pasta's; a tap takes up to 65521 */
	MTU_MIN = 1280,	     /* IPv6 needs it (RFC 8200) */
	MTU_MAX = 65521,
	PREFIX4_MIN = 8,
	PREFIX4_MAX = 25, /* the container's address ends in .100 */
	HOST_GATEWAY = 2,
	HOST_DNS = 3,
	HOST_CONTAINER = 100,
};

struct net_options net_options_default(void)
{
	/* fd + "bryo" + 0: a unique local prefix (RFC 4193) that a host's network hardly has. */
	static const struct in6_addr net6 = { { { 0xfd, 0x62, 0x72, 0x79, 0x6f, 0x00 } } };

	return (struct net_options){
		.ifname = "tap0",
		.mtu = MTU_DEFAULT,
		.net4 = { htonl(0x0a000200) },
		.prefix4 = 24,
		.ipv6 = true,
		.net6 = net6,
		.dns = true,
	};
}

static struct in_addr host4(const struct net_options *options, uint32_t host)
{
	return (struct in_addr){ htonl(ntohl(options->net4.s_addr) + host) };
}

static struct in6_addr host6(const struct net_options *options, uint8_t host)
{
	struct in6_addr address = options->net6;

	address.s6_addr[15] = host;
	return address;
}

struct in_addr net_gateway4(const struct net_options *options)
{
	return host4(options, HOST_GATEWAY);
}

struct in_addr net_dns4(const struct net_options *options)
{
	return host4(options, HOST_DNS);
}

struct in_addr net_container4(const struct net_options *options)
{
	return host4(options, HOST_CONTAINER);
}

struct in6_addr net_gateway6(const struct net_options *options)
{
	return host6(options, HOST_GATEWAY);
}

struct in6_addr net_dns6(const struct net_options *options)
{
	return host6(options, HOST_DNS);
}

struct in6_addr net_container6(const struct net_options *options)
{
	return host6(options, HOST_CONTAINER);
}

/* ---- Values ---- */

static int parse_bool(const char *name, const char *value, bool *ret, struct err *err)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (str_eq(value, yes[i]) || str_eq(value, no[i])) {
			*ret = str_eq(value, yes[i]);
			return 0;
		}
	}
	return err_say(err, ERR_USAGE,
		       "invalid value of network option %s: \"%s\" is not a boolean", name,
		       str_or(value, ""));
}

static int parse_mtu(const char *value, struct net_options *options, struct err *err)
{
	uint32_t mtu = 0;

	if (str_to_u32(value, &mtu) < 0 || mtu < MTU_MIN || mtu > MTU_MAX)
		return err_say(err, ERR_USAGE,
			       "invalid mtu \"%s\": a number from %d to %d is expected",
			       str_or(value, ""), MTU_MIN, MTU_MAX);
	options->mtu = mtu;
	return 0;
}

static int set_net4(struct net_options *options, struct in_addr address, uint32_t prefix,
		    struct err *err)
{
	const uint32_t host = ntohl(address.s_addr);

	if (prefix < PREFIX4_MIN || prefix > PREFIX4_MAX)
		return err_say(err, ERR_USAGE,
			       "invalid network prefix /%u: from /%d to /%d is expected", prefix,
			       PREFIX4_MIN, PREFIX4_MAX);
	if (host >> 28 == 0xe || host >> 24 == 127 || host >> 24 == 0)
		return err_say(err, ERR_USAGE, "the container's network cannot be %s",
			       inet_ntoa(address));
	options->net4.s_addr = htonl(host & (~0U << (32 - prefix)));
	options->prefix4 = (uint8_t)prefix;
	return 0;
}

static int parse_cidr(const char *value, struct net_options *options, struct err *err)
{
	auto_free char *text = xstrdup(str_or(value, ""));
	char *slash = strchr(text, '/');
	struct in_addr address = { 0 };
	uint32_t prefix = 0;

	if (slash)
		*slash = '\0';
	if (!slash || inet_pton(AF_INET, text, &address) != 1 || str_to_u32(slash + 1, &prefix) < 0)
		return err_say(err, ERR_USAGE, "invalid cidr \"%s\": ADDRESS/BITS is expected",
			       str_or(value, ""));
	return set_net4(options, address, prefix, err);
}

static int parse_outbound4(const char *value, struct net_options *options, struct err *err)
{
	if (inet_pton(AF_INET, str_or(value, ""), &options->outbound4) != 1)
		return err_say(
			err, ERR_USAGE,
			"invalid outbound address \"%s\": an IPv4 address of this host is expected",
			str_or(value, ""));
	return 0;
}

static int parse_outbound6(const char *value, struct net_options *options, struct err *err)
{
	if (inet_pton(AF_INET6, str_or(value, ""), &options->outbound6) != 1)
		return err_say(
			err, ERR_USAGE,
			"invalid outbound address \"%s\": an IPv6 address of this host is expected",
			str_or(value, ""));
	options->has_outbound6 = true;
	return 0;
}

static int parse_ifname(const char *value, struct net_options *options, struct err *err)
{
	const size_t size = strlen(str_or(value, ""));

	if (size == 0 || size >= sizeof(options->ifname) || strpbrk(value, "/: \t%") ||
	    str_eq(value, ".") || str_eq(value, "..") || str_eq(value, "lo"))
		return err_say(err, ERR_USAGE, "invalid interface name \"%s\"", str_or(value, ""));
	memcpy(options->ifname, value, size + 1);
	return 0;
}

/* ---- slirp4netns:NAME=VALUE,... ---- */

static int set_slirp4netns(struct net_options *options, const char *name, const char *value,
			   struct err *err)
{
	if (str_eq(name, "allow_host_loopback"))
		return parse_bool(name, value, &options->host_loopback, err);
	if (str_eq(name, "enable_ipv6"))
		return parse_bool(name, value, &options->ipv6, err);
	if (str_eq(name, "cidr"))
		return parse_cidr(value, options, err);
	if (str_eq(name, "mtu"))
		return parse_mtu(value, options, err);
	if (str_eq(name, "outbound_addr"))
		return parse_outbound4(value, options, err);
	if (str_eq(name, "outbound_addr6"))
		return parse_outbound6(value, options, err);
	if (str_eq(name, "port_handler")) {
		if (str_eq(value, "rootlesskit") || str_eq(value, "slirp4netns"))
			return 0;
		return err_say(err, ERR_USAGE, "unknown port_handler \"%s\" for slirp4netns",
			       str_or(value, ""));
	}
	return err_say(err, ERR_USAGE, "unknown option for slirp4netns: \"%s\"", name);
}

int net_options_slirp4netns(const char *text, struct net_options *ret_options, struct err *err)
{
	struct net_options options = net_options_default();
	auto_done(strv) struct strv list = STRV_INIT;

	if (!str_empty(text))
		strv_split(&list, text, ',');
	for (size_t i = 0; i < list.count; i++) {
		char *value = strchr(list.v[i], '=');
		int r = 0;

		if (value)
			*value++ = '\0';
		r = set_slirp4netns(&options, list.v[i], value, err);
		if (r < 0)
			return r;
	}
	*ret_options = options;
	return 0;
}

/* ---- pasta:OPTION,VALUE,... (its command line, with commas for blanks) ---- */

enum pasta_value { PASTA_FLAG, PASTA_VALUE };

static int pasta_ignore(const char *value, struct net_options *options, struct err *err)
{
	(void)value;
	(void)options;
	(void)err;
	return 0;
}

static int pasta_ipv4_only(const char *value, struct net_options *options, struct err *err)
{
	(void)value;
	(void)err;
	options->ipv6 = false;
	return 0;
}

static int pasta_map_gw(const char *value, struct net_options *options, struct err *err)
{
	(void)value;
	(void)err;
	options->host_loopback = true;
	return 0;
}

static int pasta_no_map_gw(const char *value, struct net_options *options, struct err *err)
{
	(void)value;
	(void)err;
	options->host_loopback = false;
	return 0;
}

static int pasta_outbound(const char *value, struct net_options *options, struct err *err)
{
	return strchr(str_or(value, ""), ':') ? parse_outbound6(value, options, err)
					      : parse_outbound4(value, options, err);
}

/*
 * What our stack has no counterpart for is simply absent from this table: addresses for the
 * container (-a), its gateway (-g), port lists (-t, -u, -T, -U), other DNS (-D, --dns-forward),
 * IPv6 alone (-6).
 */
static const struct pasta_option {
	const char *name;
	const char *name2;
	enum pasta_value kind;
	int (*set)(const char *value, struct net_options *options, struct err *err);
} pasta_options[] = {
	{ "-4", "--ipv4-only", PASTA_FLAG, pasta_ipv4_only },
	{ "-m", "--mtu", PASTA_VALUE, parse_mtu },
	{ "-I", "--ns-ifname", PASTA_VALUE, parse_ifname },
	{ "-o", "--outbound", PASTA_VALUE, pasta_outbound },
	{ "--map-gw", NULL, PASTA_FLAG, pasta_map_gw },
	{ "--no-map-gw", NULL, PASTA_FLAG, pasta_no_map_gw },
	{ "--config-net", NULL, PASTA_FLAG, pasta_ignore },
	{ "--no-dhcp", NULL, PASTA_FLAG, pasta_ignore },
	{ "--no-dhcpv6", NULL, PASTA_FLAG, pasta_ignore },
	{ "--no-ndp", NULL, PASTA_FLAG, pasta_ignore },
	{ "--no-ra", NULL, PASTA_FLAG, pasta_ignore },
	{ "-q", "--quiet", PASTA_FLAG, pasta_ignore },
};

static const struct pasta_option *pasta_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(pasta_options); i++)
		if (str_eq(name, pasta_options[i].name) || str_eq(name, pasta_options[i].name2))
			return &pasta_options[i];
	return NULL;
}

/* "--mtu=1500" has its value in itself, "-m" in the next word. */
static int set_pasta(const struct strv *words, size_t *i, struct net_options *options,
		     struct err *err)
{
	auto_free char *name = xstrdup(words->v[*i]);
	char *value = str_starts(name, "--") ? strchr(name, '=') : NULL;
	const struct pasta_option *option = NULL;

	if (value)
		*value++ = '\0';
	option = pasta_find(name);
	if (!option)
		return err_say(err, ERR_USAGE, "unsupported option for pasta: \"%s\"",
			       words->v[*i]);
	if (option->kind == PASTA_FLAG && value)
		return err_say(err, ERR_USAGE, "option %s for pasta takes no value", name);
	if (option->kind == PASTA_VALUE && !value) {
		if (++*i >= words->count)
			return err_say(err, ERR_USAGE, "option %s for pasta needs a value", name);
		value = words->v[*i];
	}
	return option->set(value, options, err);
}

int net_options_pasta(const char *text, struct net_options *ret_options, struct err *err)
{
	struct net_options options = net_options_default();
	auto_done(strv) struct strv words = STRV_INIT;

	if (!str_empty(text))
		strv_split(&words, text, ',');
	for (size_t i = 0; i < words.count; i++) {
		int r = set_pasta(&words, &i, &options, err);

		if (r < 0)
			return r;
	}
	*ret_options = options;
	return 0;
}
