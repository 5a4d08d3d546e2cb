/* SPDX-License-Identifier: Apache-2.0 */
/* Values of network options: see value.h. Runs in the command; touches nothing. */
#include "netns/options/value.h"

#include <arpa/inet.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

int net_value_bool(const char *name, const char *text, bool *ret, struct err *err)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
			*ret = str_eq(text, yes[i]);
			return 0;
		}
	}
	return err_say(err, ERR_USAGE,
		       "invalid value of network option %s: \"%s\" is not a boolean", name,
		       str_or(text, ""));
}

int net_value_mtu(const char *text, struct net_options *options, struct err *err)
{
	uint32_t mtu = 0;

	/* pasta(1): a zero value disables assignment; the interface's own would be the default. */
	if (str_eq(text, "0")) {
		options->mtu = NET_MTU_DEFAULT;
		return 0;
	}
	if (str_to_u32(text, &mtu) < 0 || mtu < NET_MTU_MIN || mtu > NET_MTU_MAX)
		return err_say(err, ERR_USAGE,
			       "invalid mtu \"%s\": a number from %d to %d is expected",
			       str_or(text, ""), NET_MTU_MIN, NET_MTU_MAX);
	options->mtu = mtu;
	return 0;
}

/* ---- The container's network ---- */

static int set_prefix4(struct net_options *options, uint32_t prefix, struct err *err)
{
	if (prefix < NET_PREFIX4_MIN || prefix > NET_PREFIX4_MAX)
		return err_say(err, ERR_USAGE,
			       "invalid network prefix /%u: from /%d to /%d is expected", prefix,
			       NET_PREFIX4_MIN, NET_PREFIX4_MAX);
	options->prefix4 = (uint8_t)prefix;
	return 0;
}

int net_value_cidr(const char *text, struct net_options *options, struct err *err)
{
	auto_free char *copy = xstrdup(str_or(text, ""));
	char *slash = strchr(copy, '/');
	struct in_addr address = { 0 };
	uint32_t prefix = 0;
	int r = 0;

	if (slash)
		*slash = '\0';
	if (!slash || inet_pton(AF_INET, copy, &address) != 1 || str_to_u32(slash + 1, &prefix) < 0)
		return err_say(err, ERR_USAGE, "invalid cidr \"%s\": ADDRESS/BITS is expected",
			       str_or(text, ""));
	r = set_prefix4(options, prefix, err);
	if (r == 0)
		options->net4.s_addr = address.s_addr & htonl(~0U << (32 - prefix));
	return r;
}

static int set_container6(const char *name, struct net_options *options, struct in6_addr address,
			  const char *bits, struct err *err)
{
	uint32_t prefix = NET_PREFIX6;

	if (bits && (str_to_u32(bits, &prefix) < 0 || prefix != NET_PREFIX6))
		return err_say(err, ERR_USAGE,
			       "invalid prefix \"/%s\" for %s: an IPv6 network is always /%d here",
			       bits, name, NET_PREFIX6);
	options->container6 = address;
	options->net6 = address;
	memset(options->net6.s6_addr + NET_PREFIX6 / 8, 0, 16 - NET_PREFIX6 / 8);
	return 0;
}

int net_value_address(const char *name, const char *text, struct net_options *options,
		      struct err *err)
{
	auto_free char *copy = xstrdup(str_or(text, ""));
	char *slash = strchr(copy, '/');
	struct in_addr address4 = { 0 };
	struct in6_addr address6 = { 0 };
	uint32_t prefix = 0;
	int r = 0;

	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET6, copy, &address6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&address6))
		return set_container6(name, options, address6, slash, err);
	if (inet_pton(AF_INET, copy, &address4) != 1 || address4.s_addr == INADDR_ANY ||
	    (slash && str_to_u32(slash, &prefix) < 0))
		return err_say(err, ERR_USAGE,
			       "invalid value of network option %s: \"%s\" is not ADDRESS[/BITS]",
			       name, str_or(text, ""));
	if (slash)
		r = set_prefix4(options, prefix, err);
	if (r < 0)
		return r;
	/* net_options_finish() cuts it down to the network, with whatever prefix comes yet. */
	options->container4 = address4;
	options->net4 = address4;
	return 0;
}

int net_value_netmask(const char *text, struct net_options *options, struct err *err)
{
	struct in_addr mask = { 0 };
	uint32_t prefix = 0;

	if (str_to_u32(text, &prefix) == 0)
		return set_prefix4(options, prefix, err);
	if (inet_pton(AF_INET, str_or(text, ""), &mask) != 1 ||
	    (~ntohl(mask.s_addr) & (~ntohl(mask.s_addr) + 1)) != 0)
		return err_say(err, ERR_USAGE,
			       "invalid netmask \"%s\": bits or a mask are expected",
			       str_or(text, ""));
	return set_prefix4(options, (uint32_t)__builtin_popcount(mask.s_addr), err);
}

/* What the kernel takes is more (any byte but these); it has to travel as JSON and be typed. */
static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text >= 0x7f || strchr("/:%\"\\", *text))
			return false;
	return true;
}

int net_value_ifname(const char *name, const char *text, char ret[IFNAMSIZ], struct err *err)
{
	const size_t size = strlen(str_or(text, ""));

	if (size == 0 || size >= IFNAMSIZ || !is_plain(text) || str_eq(text, ".") ||
	    str_eq(text, "..") || str_eq(text, "lo"))
		return err_say(err, ERR_USAGE, "invalid interface name \"%s\" for %s",
			       str_or(text, ""), name);
	/* What follows the end is zero, too: options are compared byte by byte. */
	memset(ret, 0, IFNAMSIZ);
	memcpy(ret, text, size);
	return 0;
}

/* ---- Addresses ---- */

int net_value_either(const char *name, const char *text, struct in_addr *ret4,
		     struct in6_addr *ret6, struct err *err)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, str_or(text, ""), &four) == 1 && four.s_addr != INADDR_ANY) {
		*ret4 = four;
		return AF_INET;
	}
	if (inet_pton(AF_INET6, str_or(text, ""), &six) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&six)) {
		*ret6 = six;
		return AF_INET6;
	}
	return err_say(err, ERR_USAGE, "invalid value of network option %s: \"%s\" is no address",
		       name, str_or(text, ""));
}

int net_value_outbound(const char *name, const char *text, struct net_options *options,
		       struct err *err)
{
	int r = net_value_either(name, text, &options->outbound4, &options->outbound6, err);

	if (r == AF_INET6)
		options->has_outbound6 = true;
	return r < 0 ? r : 0;
}

/* Packets are turned towards it on their way: it must be nothing that a packet cannot be for. */
static int check_mapped(const char *name, const char *text, const struct in_addr *four,
			const struct in6_addr *six, struct err *err)
{
	const uint32_t host = ntohl(four->s_addr);

	if (host >> 28 < 0xe && host >> 24 != 127 && (host >> 24 != 0 || host == 0) &&
	    !IN6_IS_ADDR_MULTICAST(six) && !IN6_IS_ADDR_LOOPBACK(six) &&
	    !IN6_IS_ADDR_LINKLOCAL(six) && !IN6_IS_ADDR_V4MAPPED(six))
		return 0;
	return err_say(err, ERR_USAGE,
		       "invalid value of network option %s: a container cannot send to %s", name,
		       text);
}

int net_value_map_host(const char *name, const char *text, struct net_options *options,
		       struct err *err)
{
	int r = 0;

	options->host_loopback = !str_eq(text, "none");
	if (!options->host_loopback)
		return 0;
	r = net_value_either(name, text, &options->map_host4, &options->map_host6, err);
	return r < 0 ? r : check_mapped(name, text, &options->map_host4, &options->map_host6, err);
}

int net_value_map_guest(const char *name, const char *text, struct net_options *options,
			struct err *err)
{
	int r = 0;

	if (str_eq(text, "none")) {
		options->map_guest4 = (struct in_addr){ INADDR_ANY };
		options->map_guest6 = in6addr_any;
		return 0;
	}
	r = net_value_either(name, text, &options->map_guest4, &options->map_guest6, err);
	return r < 0 ? r
		     : check_mapped(name, text, &options->map_guest4, &options->map_guest6, err);
}
