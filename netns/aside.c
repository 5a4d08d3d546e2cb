/* SPDX-License-Identifier: Apache-2.0 */
/* A network out of the host's way: see aside.h. Runs in the monitor, before a start. */
#include "netns/aside.h"

#include <arpa/inet.h>

#include "netns/options/options.h"
#include "netns/route.h"

enum { LAST = 254, STEP = 256 };

/* True when the options have the default IPv4 network and addresses. */
static bool is_default(const struct net_options *options)
{
	const struct net_options usual = net_options_default();

	return options->ipv4 && options->net4.s_addr == usual.net4.s_addr &&
	       options->prefix4 == usual.prefix4 &&
	       options->container4.s_addr == usual.container4.s_addr &&
	       options->gateway4.s_addr == usual.gateway4.s_addr &&
	       options->dns4.s_addr == usual.dns4.s_addr;
}

static void shift(struct in_addr *address, uint32_t by)
{
	address->s_addr = htonl(ntohl(address->s_addr) + by);
}

void aside_move(struct net_options *options)
{
	struct route_list routes __attribute__((cleanup(route_list_done))) = ROUTE_LIST_INIT;
	const uint32_t first = ntohl(options->net4.s_addr);

	if (!is_default(options) || route_list_read("", &routes) < 0)
		return;
	for (uint32_t by = 0; ((first + by) >> 8 & 0xff) <= LAST; by += STEP) {
		const struct in_addr net4 = { htonl(first + by) };

		if (route_list_meets(&routes, net4, options->prefix4))
			continue;
		shift(&options->net4, by);
		shift(&options->container4, by);
		shift(&options->gateway4, by);
		shift(&options->dns4, by);
		return;
	}
}
