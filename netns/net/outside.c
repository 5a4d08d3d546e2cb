/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are the container's, which are outside: see outside.h. Runs in bryo-net. */
#include "netns/net/outside.h"

#include <string.h>

bool outside_is_metadata4(struct in_addr address)
{
	return ntohl(address.s_addr) == 0xa9fea9fe; /* AWS, Azure, GCP and most others */
}

bool outside_is_metadata6(const struct in6_addr *address)
{
	static const struct in6_addr amazon = { { { 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0,
						    0, 0, 0x02, 0x54 } } };

	return memcmp(address, &amazon, sizeof(amazon)) == 0;
}

/* The container's network, and what stands for something else than the address itself. */
static bool in_net4(const struct net_options *options, struct in_addr address)
{
	if ((options->dns && address.s_addr == options->dns4.s_addr) ||
	    address.s_addr == options->map_host4.s_addr ||
	    address.s_addr == options->map_guest4.s_addr)
		return true;
	return ((address.s_addr ^ options->net4.s_addr) & htonl(~0U << (32 - options->prefix4))) ==
	       0;
}

static bool in_net6(const struct net_options *options, const struct in6_addr *address)
{
	if ((options->dns && IN6_ARE_ADDR_EQUAL(address, &options->dns6)) ||
	    IN6_ARE_ADDR_EQUAL(address, &options->map_host6) ||
	    IN6_ARE_ADDR_EQUAL(address, &options->map_guest6))
		return true;
	return memcmp(address, &options->net6, 8) == 0;
}

bool outside_has4(const struct net_options *options, struct in_addr address)
{
	const uint32_t host = ntohl(address.s_addr);

	if (!options->ipv4 || !options->tcp || host >> 24 == 0 || host >> 24 == 127 ||
	    host >> 28 >= 0xe)
		return false;
	if (outside_is_metadata4(address) && !options->metadata)
		return false;
	return !in_net4(options, address);
}

bool outside_has6(const struct net_options *options, const struct in6_addr *address)
{
	if (!options->ipv6 || !options->tcp || IN6_IS_ADDR_MULTICAST(address) ||
	    IN6_IS_ADDR_LINKLOCAL(address))
		return false;
	/* The last two would reach IPv4, the loopback among it. */
	if (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address) ||
	    IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address))
		return false;
	if (outside_is_metadata6(address) && !options->metadata)
		return false;
	return !in_net6(options, address);
}

bool outside_is_own4(const struct net_options *options, struct in_addr address)
{
	const struct in_addr own = net_container4(options);
	const uint32_t host = ntohl(address.s_addr);

	return host >> 24 == 127 || host == 0 || address.s_addr == own.s_addr;
}

bool outside_is_own6(const struct net_options *options, const struct in6_addr *address)
{
	const struct in6_addr own = net_container6(options);

	return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address) ||
	       (options->ipv6 && memcmp(address, &own, sizeof(own)) == 0);
}
