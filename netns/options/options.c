/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the user-mode network, once they are read: defaults, what follows from them, and
 * whether they fit together. See options.h. Runs in the command, before anything is made, and
 * in bryo-net, which checks what it is told; touches nothing.
 */
#include "netns/options/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "netns/options/value.h"

enum {
	HOST_GATEWAY = 2,
	HOST_DNS = 3,
	HOST_CONTAINER = 100,
	CONTAINER_PREFIX4_MAX = 25, /* with a longer prefix there is no .100 */
};

/* Where a network has no room for the forwarder: the address that Podman gives pasta. */
static const uint32_t dns4_elsewhere = 0xa9fe0101; /* 169.254.1.1 */

struct net_options net_options_open(void)
{
	/* fd + "bryo" + 0: a unique local prefix (RFC 4193) that a host's network hardly has. */
	static const struct in6_addr net6 = { { { 0xfd, 0x62, 0x72, 0x79, 0x6f, 0x00 } } };

	return (struct net_options){
		.ifname = "tap0",
		.mtu = NET_MTU_DEFAULT,
		.ipv4 = true,
		.net4 = { htonl(0x0a000200) },
		.prefix4 = 24,
		.ipv6 = true,
		.net6 = net6,
		.prefix6 = NET_PREFIX6,
		.dns = true,
		.tcp = true,
		.udp = true,
		.icmp = true,
	};
}

struct net_options net_options_default(void)
{
	struct net_options options = net_options_open();

	(void)net_options_finish(&options, NULL); /* a test holds the defaults against it */
	return options;
}

/* ---- Reading a mode ---- */

static const char *options_behind(const char *mode, const char *name)
{
	const char *rest = mode ? str_after(mode, name) : NULL;

	if (!rest || (*rest != '\0' && *rest != ':'))
		return NULL;
	return *rest == ':' ? rest + 1 : rest;
}

bool net_options_is_mode(const char *mode)
{
	return options_behind(mode, "slirp") || options_behind(mode, "slirp4netns") ||
	       options_behind(mode, "pasta");
}

int net_options_parse(const char *mode, struct net_options *ret_options,
		      const struct net_option_ports *ports, struct err *err)
{
	const char *text = NULL;

	if ((text = options_behind(mode, "slirp")))
		return net_options_slirp(text, ret_options, err);
	if ((text = options_behind(mode, "slirp4netns")))
		return net_options_slirp4netns(text, ret_options, err);
	if ((text = options_behind(mode, "pasta")))
		return net_options_pasta(text, ret_options, ports, err);
	*ret_options = net_options_default();
	return 0;
}

/* ---- IPv4 ---- */

static struct in_addr host4(const struct net_options *options, uint32_t host)
{
	return (struct in_addr){ htonl(ntohl(options->net4.s_addr) + host) };
}

/* True when neither the container nor its gateway has it, and it is no broadcast address. */
static bool is_free4(const struct net_options *options, struct in_addr address)
{
	const uint32_t last = ~(~0U << (32 - options->prefix4));

	return address.s_addr != options->container4.s_addr &&
	       address.s_addr != options->gateway4.s_addr &&
	       (ntohl(address.s_addr) & last) != last && (ntohl(address.s_addr) & last) != 0;
}

/* The preferred host part, or the first free one; 0.0.0.0 where there is none. */
static struct in_addr choose4(const struct net_options *options, uint32_t preferred)
{
	const uint32_t last = ~(~0U << (32 - options->prefix4));

	if (preferred < last && is_free4(options, host4(options, preferred)))
		return host4(options, preferred);
	for (uint32_t host = 1; host < last && host < HOST_CONTAINER; host++)
		if (is_free4(options, host4(options, host)))
			return host4(options, host);
	return (struct in_addr){ INADDR_ANY };
}

static bool in_net4(const struct net_options *options, struct in_addr address)
{
	return (ntohl(address.s_addr) & (~0U << (32 - options->prefix4))) ==
	       ntohl(options->net4.s_addr);
}

static int check_net4(const struct net_options *options, struct err *err)
{
	const uint32_t host = ntohl(options->net4.s_addr);

	if (options->prefix4 < NET_PREFIX4_MIN || options->prefix4 > NET_PREFIX4_MAX)
		return err_say(err, ERR_USAGE,
			       "invalid network prefix /%u: from /%d to /%d is expected",
			       options->prefix4, NET_PREFIX4_MIN, NET_PREFIX4_MAX);
	if (host >> 28 >= 0xe || host >> 24 == 127 || host >> 24 == 0)
		return err_say(err, ERR_USAGE, "the container's network cannot be %s",
			       inet_ntoa(options->net4));
	return 0;
}

static int finish4(struct net_options *options, struct err *err)
{
	int r = check_net4(options, err);

	if (r < 0)
		return r;
	options->net4.s_addr &= htonl(~0U << (32 - options->prefix4));
	if (options->container4.s_addr == INADDR_ANY && options->prefix4 > CONTAINER_PREFIX4_MAX)
		return err_say(err, ERR_USAGE,
			       "network prefix /%u is too long without an address for the "
			       "container: its own ends in .%d",
			       options->prefix4, HOST_CONTAINER);
	if (options->container4.s_addr == INADDR_ANY)
		options->container4 = host4(options, HOST_CONTAINER);
	if (options->gateway4.s_addr == INADDR_ANY)
		options->gateway4 = choose4(options, HOST_GATEWAY);
	if (options->dns4.s_addr == INADDR_ANY)
		options->dns4 = choose4(options, HOST_DNS);
	if (options->dns4.s_addr == INADDR_ANY)
		options->dns4.s_addr = htonl(dns4_elsewhere);
	if (!in_net4(options, options->container4))
		return err_say(err, ERR_USAGE, "the container's address %s is not in its network",
			       inet_ntoa(options->container4));
	if (!in_net4(options, options->gateway4))
		return err_say(err, ERR_USAGE,
			       "gateway %s is not in the container's network: the way to it "
			       "would need one itself",
			       inet_ntoa(options->gateway4));
	if (options->gateway4.s_addr == options->container4.s_addr)
		return err_say(err, ERR_USAGE, "the container's address %s is its gateway's, too",
			       inet_ntoa(options->container4));
	return 0;
}

/* ---- IPv6 ---- */

static struct in6_addr host6(const struct net_options *options, uint8_t host)
{
	struct in6_addr address = options->net6;

	address.s6_addr[15] = host;
	return address;
}

static bool same6(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct in6_addr choose6(const struct net_options *options, uint8_t preferred)
{
	struct in6_addr address = host6(options, preferred);

	/* Two of three are taken at most. */
	while (same6(&address, &options->container6) || same6(&address, &options->gateway6))
		address.s6_addr[15]++;
	return address;
}

static bool in_net6(const struct net_options *options, const struct in6_addr *address)
{
	return memcmp(address, &options->net6, NET_PREFIX6 / 8) == 0;
}

static int finish6(struct net_options *options, struct err *err)
{
	if (options->prefix6 != NET_PREFIX6)
		return err_say(err, ERR_USAGE,
			       "invalid IPv6 network prefix /%u: it is always /%d here",
			       options->prefix6, NET_PREFIX6);
	memset(options->net6.s6_addr + NET_PREFIX6 / 8, 0, 16 - NET_PREFIX6 / 8);
	if (IN6_IS_ADDR_MULTICAST(&options->net6) || IN6_IS_ADDR_LINKLOCAL(&options->net6) ||
	    IN6_IS_ADDR_UNSPECIFIED(&options->net6))
		return err_say(err, ERR_USAGE,
			       "the container's IPv6 network cannot be a multicast, link-local or "
			       "IPv4-mapped one");
	if (IN6_IS_ADDR_UNSPECIFIED(&options->container6))
		options->container6 = host6(options, HOST_CONTAINER);
	if (IN6_IS_ADDR_UNSPECIFIED(&options->gateway6))
		options->gateway6 = choose6(options, HOST_GATEWAY);
	if (IN6_IS_ADDR_UNSPECIFIED(&options->dns6))
		options->dns6 = choose6(options, HOST_DNS);
	if (!in_net6(options, &options->container6) || !in_net6(options, &options->gateway6))
		return err_say(err, ERR_USAGE,
			       "the container's IPv6 address and its gateway must share a /%d "
			       "network",
			       NET_PREFIX6);
	if (same6(&options->container6, &options->gateway6))
		return err_say(err, ERR_USAGE,
			       "the container's IPv6 address is its gateway's, too");
	return 0;
}

/* ---- All ---- */

static int check_rest(const struct net_options *options, struct err *err)
{
	if (!options->ipv4 && !options->ipv6)
		return err_say(err, ERR_USAGE,
			       "IPv4 and IPv6 are both switched off: use --network=none");
	if (options->mtu < NET_MTU_MIN || options->mtu > NET_MTU_MAX)
		return err_say(err, ERR_USAGE, "invalid mtu %u: from %d to %d is expected",
			       options->mtu, NET_MTU_MIN, NET_MTU_MAX);
	if (options->ipv4 && options->map_guest4.s_addr != INADDR_ANY &&
	    options->map_guest4.s_addr == options->container4.s_addr)
		return err_say(err, ERR_USAGE,
			       "the address for the host, %s, is the container's own",
			       inet_ntoa(options->map_guest4));
	if (options->ipv4 && options->map_host4.s_addr != INADDR_ANY &&
	    options->map_host4.s_addr == options->container4.s_addr)
		return err_say(err, ERR_USAGE,
			       "the address for the host's loopback, %s, is the container's own",
			       inet_ntoa(options->map_host4));
	return 0;
}

int net_options_finish(struct net_options *options, struct err *err)
{
	int r = options->ipv4 ? finish4(options, err) : 0;

	if (r == 0 && options->ipv6)
		r = finish6(options, err);
	if (r == 0)
		r = check_rest(options, err);
	if (r < 0)
		return r;
	/* Addresses of a family that is off reach nobody: neither an interface nor a file. */
	if (!options->ipv4)
		options->container4 = options->gateway4 = options->dns4 = (struct in_addr){ 0 };
	if (!options->ipv6)
		options->container6 = options->gateway6 = options->dns6 = in6addr_any;
	return 0;
}

struct in_addr net_gateway4(const struct net_options *options)
{
	return options->gateway4;
}

struct in_addr net_dns4(const struct net_options *options)
{
	return options->dns4;
}

struct in_addr net_container4(const struct net_options *options)
{
	return options->container4;
}

struct in6_addr net_gateway6(const struct net_options *options)
{
	return options->gateway6;
}

struct in6_addr net_dns6(const struct net_options *options)
{
	return options->dns6;
}

struct in6_addr net_container6(const struct net_options *options)
{
	return options->container6;
}

struct in_addr net_loopback4(const struct net_options *options)
{
	return options->map_host4.s_addr != INADDR_ANY ? options->map_host4 : options->gateway4;
}

bool net_mapped4(const struct net_options *options, struct in_addr to, struct in_addr *ret_real)
{
	struct in_addr real = { htonl(INADDR_LOOPBACK) };

	if (options->map_guest4.s_addr != INADDR_ANY && to.s_addr == options->map_guest4.s_addr)
		real = options->own4;
	else if (!options->host_loopback || to.s_addr != net_loopback4(options).s_addr)
		return false;
	if (ret_real)
		*ret_real = real;
	return true;
}

bool net_mapped6(const struct net_options *options, const struct in6_addr *to,
		 struct in6_addr *ret_real)
{
	const struct in6_addr loopback = net_loopback6(options);
	struct in6_addr real = IN6ADDR_LOOPBACK_INIT;

	if (!IN6_IS_ADDR_UNSPECIFIED(&options->map_guest6) && same6(to, &options->map_guest6))
		real = options->own6;
	else if (!options->host_loopback || !same6(to, &loopback))
		return false;
	if (ret_real)
		*ret_real = real;
	return true;
}

struct in6_addr net_loopback6(const struct net_options *options)
{
	return IN6_IS_ADDR_UNSPECIFIED(&options->map_host6) ? options->gateway6
							    : options->map_host6;
}
