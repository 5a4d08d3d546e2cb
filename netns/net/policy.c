/* SPDX-License-Identifier: Apache-2.0 */
/* Isolation of the host, frame by frame: see policy.h. Runs in bryo-net. */
#include "netns/net/policy.h"

#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <string.h>

/* AWS, Azure, GCP and most others, and Amazon's over IPv6. */
static const uint32_t metadata4 = 0xa9fea9fe; /* 169.254.169.254 */
static const struct in6_addr metadata6 = { { { 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					       0x02, 0x54 } } };

static bool allows_ip4(const struct net_options *options, const struct packet *packet)
{
	const struct in_addr dns = net_dns4(options);
	struct in_addr to;
	uint32_t host = 0;

	memcpy(&to, packet->frame + packet->to, sizeof(to));
	host = ntohl(to.s_addr);
	/* "This host", loopback, multicast, reserved and broadcast: all would mean the host itself.
	 */
	if (host >> 24 == 0 || host >> 24 == 127 || host >> 28 >= 0xe)
		return false;
	if (host == metadata4 && !options->metadata)
		return false;
	/* The forwarder is a resolver of the host, maybe on its loopback: nothing but DNS goes
	 * there. */
	if (to.s_addr == dns.s_addr)
		return options->dns && packet->to_port == 53;
	return true;
}

static bool allows_icmp6(const struct packet *packet)
{
	/* The container is no router; without this it could try to be the stack's. */
	return packet->size > packet->transport &&
	       packet->frame[packet->transport] != ND_ROUTER_ADVERT &&
	       packet->frame[packet->transport] != ND_REDIRECT;
}

static bool allows_ip6(const struct net_options *options, const struct packet *packet)
{
	const struct in6_addr dns = net_dns6(options);
	struct in6_addr to;

	if (!options->ipv6)
		return false;
	memcpy(&to, packet->frame + packet->to, sizeof(to));
	if (packet->proto == IPPROTO_ICMPV6 && !allows_icmp6(packet))
		return false;
	/* Neighbour discovery is all that multicast and link-local addresses are for here. */
	if (IN6_IS_ADDR_MULTICAST(&to) || IN6_IS_ADDR_LINKLOCAL(&to))
		return packet->proto == IPPROTO_ICMPV6;
	/* A socket bound for ::ffff:127.0.0.1 reaches IPv4 loopback; ::127.0.0.1 is its old form.
	 */
	if (IN6_IS_ADDR_LOOPBACK(&to) || IN6_IS_ADDR_V4MAPPED(&to) || IN6_IS_ADDR_V4COMPAT(&to) ||
	    IN6_IS_ADDR_UNSPECIFIED(&to))
		return false;
	if (memcmp(&to, &metadata6, sizeof(to)) == 0 && !options->metadata)
		return false;
	if (memcmp(&to, &dns, sizeof(to)) == 0)
		return packet->proto == IPPROTO_ICMPV6 || (options->dns && packet->to_port == 53);
	return true;
}

bool policy_allows(const struct net_options *options, const struct packet *packet)
{
	if (packet->family == AF_INET)
		return allows_ip4(options, packet);
	if (packet->family == AF_INET6)
		return allows_ip6(options, packet);
	return packet->ethertype == ETHERTYPE_ARP;
}
