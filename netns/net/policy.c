/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Isolation of the host, frame by frame: see policy.h. Runs in bryo-net; allocates nothing. It does
 * not rely on the translator behind it, which connects to wherever a frame is for.
 */
#include "netns/net/policy.h"

#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/tcp.h>
#include <string.h>

#include "netns/net/outside.h"

enum { TCP_FLAGS = 13 }; /* offset in the header */

/* ---- Answers to clients on the host's loopback ---- */

static size_t flow_index(uint16_t container_port, uint16_t client_port)
{
	return ((size_t)container_port * 31 + client_port) % POLICY_FLOWS;
}

void policy_saw(struct policy *policy, const struct packet *packet)
{
	const struct in_addr gateway4 = net_gateway4(policy->options);
	const struct in6_addr gateway6 = net_gateway6(policy->options);
	const void *const gateway =
		packet->family == AF_INET ? (const void *)&gateway4 : (const void *)&gateway6;

	if (packet->family == 0 || packet->proto != IPPROTO_UDP || packet->fragment ||
	    memcmp(packet->frame + packet->from, gateway, packet_address_size(packet)) != 0)
		return;
	policy->flows[flow_index(packet->to_port, packet->from_port)] = (struct policy_flow){
		.container_port = packet->to_port,
		.client_port = packet->from_port,
		.family = (uint8_t)packet->family,
	};
}

/*
 * TCP on a connection that began outside: only a lone SYN makes the stack open a socket, all else
 * must belong to one that is there.
 */
static bool is_later_tcp(const struct packet *packet)
{
	return packet->to_port != 0 &&
	       (packet->frame[packet->transport + TCP_FLAGS] & (TH_SYN | TH_ACK)) != TH_SYN;
}

static bool is_answer(const struct policy *policy, const struct packet *packet)
{
	const struct policy_flow *flow =
		&policy->flows[flow_index(packet->from_port, packet->to_port)];

	if (packet->proto == IPPROTO_TCP)
		return is_later_tcp(packet);
	return packet->proto == IPPROTO_UDP && flow->family == packet->family &&
	       flow->container_port == packet->from_port && flow->client_port == packet->to_port;
}

/*
 * Addresses of the container's own network. To the stack each but the container's is the host's
 * loopback; the forwarder's is a resolver, which may be on the loopback, too.
 */
static enum policy_verdict judge_own_net(const struct policy *policy, const struct packet *packet,
					 bool is_gateway, bool is_dns)
{
	if (is_dns && policy->options->dns && packet->to_port == 53)
		return POLICY_PASS;
	if (is_gateway && is_answer(policy, packet))
		return POLICY_PASS;
	return POLICY_REFUSE;
}

/* ---- IPv4 ---- */

static enum policy_verdict judge_ip4(const struct policy *policy, const struct packet *packet)
{
	const struct net_options *options = policy->options;
	const struct in_addr gateway = net_gateway4(options);
	const struct in_addr dns = net_dns4(options);
	const uint32_t mask = ~0U << (32 - options->prefix4);
	struct in_addr to;
	uint32_t host = 0;

	memcpy(&to, packet->frame + packet->to, sizeof(to));
	host = ntohl(to.s_addr);
	/* "This host", loopback, multicast, reserved and broadcast: all would mean the host itself.
	 */
	if (!options->ipv4 || host >> 24 == 0 || host >> 24 == 127 || host >> 28 >= 0xe)
		return POLICY_DROP;
	if (packet->proto != IPPROTO_ICMP && net_mapped4(options, to, NULL))
		return POLICY_PASS;
	if (outside_is_metadata4(to) && !options->metadata)
		return POLICY_REFUSE;
	if ((host & mask) != ntohl(options->net4.s_addr))
		return POLICY_PASS;
	/* The stack answers an echo to the gateway by itself, without the host. */
	if (packet->proto == IPPROTO_ICMP)
		return to.s_addr == gateway.s_addr ? POLICY_PASS : POLICY_DROP;
	return judge_own_net(policy, packet, to.s_addr == gateway.s_addr, to.s_addr == dns.s_addr);
}

/* ---- IPv6 ---- */

/* The container is no router; with these it could try to be the stack's. */
static bool is_forged_icmp6(const struct packet *packet)
{
	return packet->size <= packet->transport ||
	       packet->frame[packet->transport] == ND_ROUTER_ADVERT ||
	       packet->frame[packet->transport] == ND_REDIRECT;
}

static enum policy_verdict judge_ip6(const struct policy *policy, const struct packet *packet)
{
	const struct net_options *options = policy->options;
	const struct in6_addr gateway = net_gateway6(options);
	const struct in6_addr dns = net_dns6(options);
	struct in6_addr to;

	memcpy(&to, packet->frame + packet->to, sizeof(to));
	if (!options->ipv6 || (packet->proto == IPPROTO_ICMPV6 && is_forged_icmp6(packet)))
		return POLICY_DROP;
	/* Neighbour discovery is all that multicast and link-local addresses are for here. */
	if (IN6_IS_ADDR_MULTICAST(&to) || IN6_IS_ADDR_LINKLOCAL(&to))
		return packet->proto == IPPROTO_ICMPV6 ? POLICY_PASS : POLICY_DROP;
	/* A socket for ::ffff:127.0.0.1 reaches IPv4 loopback; ::127.0.0.1 is its old form. */
	if (IN6_IS_ADDR_LOOPBACK(&to) || IN6_IS_ADDR_V4MAPPED(&to) || IN6_IS_ADDR_V4COMPAT(&to) ||
	    IN6_IS_ADDR_UNSPECIFIED(&to))
		return POLICY_DROP;
	if (packet->proto != IPPROTO_ICMPV6 && net_mapped6(options, &to, NULL))
		return POLICY_PASS;
	if (outside_is_metadata6(&to) && !options->metadata)
		return POLICY_REFUSE;
	if (memcmp(&to, &options->net6, 8) != 0)
		return POLICY_PASS;
	if (packet->proto == IPPROTO_ICMPV6)
		return POLICY_PASS;
	return judge_own_net(policy, packet, memcmp(&to, &gateway, sizeof(to)) == 0,
			     memcmp(&to, &dns, sizeof(to)) == 0);
}

/* Switched off by the options: gone without a word, as with pasta. Neighbours are still found. */
static bool is_switched_off(const struct net_options *options, const struct packet *packet)
{
	switch (packet->proto) {
	case IPPROTO_TCP:
		return !options->tcp;
	case IPPROTO_UDP:
		return !options->udp;
	case IPPROTO_ICMP:
		return !options->icmp;
	case IPPROTO_ICMPV6:
		return !options->icmp && packet->size > packet->transport &&
		       packet->frame[packet->transport] == ICMP6_ECHO_REQUEST;
	default:
		return false;
	}
}

enum policy_verdict policy_judge(const struct policy *policy, const struct packet *packet)
{
	if (packet->family != 0 && is_switched_off(policy->options, packet))
		return POLICY_DROP;
	if (packet->family == AF_INET)
		return judge_ip4(policy, packet);
	if (packet->family == AF_INET6)
		return judge_ip6(policy, packet);
	return packet->ethertype == ETHERTYPE_ARP ? POLICY_PASS : POLICY_DROP;
}
