/* SPDX-License-Identifier: Apache-2.0 */
/* DNS by address translation: see dns.h. Runs in bryo-net; allocates nothing. */
#include "netns/net/dns.h"

#include <arpa/inet.h>
#include <string.h>

#include "engine/base/time.h"

enum {
	DNS_PORT = 53,
	/* A resolver that left so many queries unanswered for so long gives way to the next one. */
	GIVE_UP_QUERIES = 2,
};
#define GIVE_UP_NS 1500000000LL

void dns_set_servers(struct dns *dns, const struct resolv *resolv)
{
	struct dns_servers four = { .count = 0 };
	struct dns_servers six = { .count = 0 };

	for (size_t i = 0; i < resolv->server_count; i++) {
		if (inet_pton(AF_INET, resolv->servers[i], four.address[four.count]) == 1)
			four.count++;
		else if (inet_pton(AF_INET6, resolv->servers[i], six.address[six.count]) == 1)
			six.count++;
	}
	dns->four = four;
	dns->six = six;
}

static struct dns_servers *servers_of(struct dns *dns, const struct packet *packet)
{
	return packet->family == AF_INET ? &dns->four : &dns->six;
}

static void forwarder_of(const struct dns *dns, const struct packet *packet, uint8_t ret[16])
{
	const struct in_addr four = net_dns4(dns->options);
	const struct in6_addr six = net_dns6(dns->options);

	if (packet->family == AF_INET)
		memcpy(ret, &four, sizeof(four));
	else
		memcpy(ret, &six, sizeof(six));
}

static struct dns_flow *flow_at(struct dns *dns, const struct packet *packet, uint16_t port)
{
	/* Source ports are random already; protocol and family only part equal ones. */
	const size_t hash =
		port ^ ((size_t)packet->proto << 6) ^ (packet->family == AF_INET ? 0 : 512);

	return &dns->flows[hash % DNS_FLOWS];
}

static bool flow_is(const struct dns_flow *flow, const struct packet *packet, uint16_t port)
{
	return flow->server != 0 && flow->port == port && flow->proto == packet->proto &&
	       flow->family == (packet->family == AF_INET ? 4 : 6);
}

/* Counts a query against the current resolver and turns to the next one when it seems dead. */
static void count_query(struct dns_servers *servers)
{
	const int64_t now = time_monotonic();

	if (servers->unanswered == 0)
		servers->since = now;
	servers->unanswered++;
	if (servers->unanswered > GIVE_UP_QUERIES && now - servers->since > GIVE_UP_NS) {
		servers->current = (servers->current + 1) % servers->count;
		servers->unanswered = 1;
		servers->since = now;
	}
}

bool dns_outgoing(struct dns *dns, const struct packet *packet)
{
	struct dns_servers *servers = servers_of(dns, packet);
	uint8_t forwarder[16];
	struct dns_flow *flow = NULL;

	if (packet->family == 0 || packet->to_port != DNS_PORT)
		return true;
	flow = flow_at(dns, packet, packet->from_port);
	forwarder_of(dns, packet, forwarder);
	if (memcmp(packet->frame + packet->to, forwarder, packet_address_size(packet)) != 0) {
		/* The container asks some resolver itself: answers must keep that one's address. */
		if (flow_is(flow, packet, packet->from_port))
			flow->server = 0;
		return true;
	}
	if (servers->count == 0)
		return false;
	/* A TCP connection stays with the resolver it began with. */
	if (packet->proto == IPPROTO_UDP || !flow_is(flow, packet, packet->from_port) ||
	    flow->server > servers->count) {
		if (packet->proto == IPPROTO_UDP)
			count_query(servers);
		*flow = (struct dns_flow){ .port = packet->from_port,
					   .proto = packet->proto,
					   .family = packet->family == AF_INET ? 4 : 6,
					   .server = (uint8_t)(servers->current + 1) };
	}
	packet_set_address(packet, packet->to, servers->address[flow->server - 1]);
	return true;
}

void dns_incoming(struct dns *dns, const struct packet *packet)
{
	struct dns_servers *servers = servers_of(dns, packet);
	const struct dns_flow *flow = NULL;
	uint8_t forwarder[16];

	if (packet->family == 0 || packet->from_port != DNS_PORT)
		return;
	flow = flow_at(dns, packet, packet->to_port);
	if (!flow_is(flow, packet, packet->to_port) || flow->server > servers->count)
		return;
	if (memcmp(packet->frame + packet->from, servers->address[flow->server - 1],
		   packet_address_size(packet)) != 0)
		return;
	servers->unanswered = 0;
	forwarder_of(dns, packet, forwarder);
	packet_set_address(packet, packet->from, forwarder);
}
