/* SPDX-License-Identifier: Apache-2.0 */
/* DNS by choice of a resolver: see dns.h. Runs in bryo-net; allocates nothing. */
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

void dns_forwarder(const struct dns *dns, bool six, uint8_t ret[16])
{
	const struct in_addr address4 = net_dns4(dns->options);
	const struct in6_addr address6 = net_dns6(dns->options);

	memset(ret, 0, 16);
	if (six)
		memcpy(ret, &address6, sizeof(address6));
	else
		memcpy(ret, &address4, sizeof(address4));
}

bool dns_is_forwarder(const struct dns *dns, const struct tuple *tuple)
{
	uint8_t forwarder[16];

	if (tuple->remote_port != DNS_PORT || !dns->options->dns)
		return false;
	dns_forwarder(dns, tuple->six, forwarder);
	return memcmp(tuple->remote, forwarder, sizeof(forwarder)) == 0;
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

unsigned int dns_resolver(struct dns *dns, const struct tuple *tuple, uint8_t ret[16])
{
	struct dns_servers *const servers = tuple->six ? &dns->six : &dns->four;

	if (servers->count == 0)
		return 0;
	if (tuple->proto == IPPROTO_UDP)
		count_query(servers);
	memcpy(ret, servers->address[servers->current], 16);
	return (unsigned int)servers->current + 1;
}

bool dns_is_resolver(const struct dns *dns, unsigned int number, const struct sockaddr *from)
{
	const bool is_six = from->sa_family == AF_INET6;
	const struct dns_servers *const servers = is_six ? &dns->six : &dns->four;
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	if (number == 0 || number > servers->count)
		return false;
	if (is_six) {
		memcpy(&six, from, sizeof(six));
		return ntohs(six.sin6_port) == DNS_PORT &&
		       memcmp(&six.sin6_addr, servers->address[number - 1], 16) == 0;
	}
	memcpy(&four, from, sizeof(four));
	return ntohs(four.sin_port) == DNS_PORT &&
	       memcmp(&four.sin_addr, servers->address[number - 1], 4) == 0;
}

void dns_answered(struct dns *dns, bool six)
{
	if (six)
		dns->six.unanswered = 0;
	else
		dns->four.unanswered = 0;
}
