/* SPDX-License-Identifier: Apache-2.0 */
/* ICMPv6 echo over ping sockets: see ping6.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/ping6.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/time.h"

#define SILENT_NS (60 * 1000000000LL)

enum { ICMP_HEADER = 8, ICMP_ID = 4 };

void ping6_init(struct ping6 *ping6)
{
	for (size_t i = 0; i < PING6_FLOWS; i++)
		ping6->flows[i] = (struct ping6_flow){ .fd = -1 };
}

static struct ping6_flow *find(struct ping6 *ping6, uint16_t id, const uint8_t *to)
{
	for (size_t i = 0; i < PING6_FLOWS; i++) {
		struct ping6_flow *flow = &ping6->flows[i];

		if (flow->fd >= 0 && flow->id == id && memcmp(flow->to, to, sizeof(flow->to)) == 0)
			return flow;
	}
	return NULL;
}

/* A free place, or the one that was used longest ago. */
static struct ping6_flow *make_room(struct ping6 *ping6)
{
	struct ping6_flow *oldest = &ping6->flows[0];

	for (size_t i = 0; i < PING6_FLOWS; i++) {
		if (ping6->flows[i].fd < 0)
			return &ping6->flows[i];
		if (ping6->flows[i].used < oldest->used)
			oldest = &ping6->flows[i];
	}
	fd_close(&oldest->fd);
	return oldest;
}

/* A connected socket hears answers of its destination only. */
static int open_socket(const uint8_t *to)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	auto_close int fd =
		socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);

	memcpy(&address.sin6_addr, to, sizeof(address.sin6_addr));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return fd_take(&fd);
}

bool ping6_outgoing(struct ping6 *ping6, const struct packet *packet)
{
	const uint8_t *const icmp = packet->frame + packet->transport;
	const uint8_t *const to = packet->frame + packet->to;
	struct ping6_flow *flow = NULL;
	size_t size = 0;
	uint16_t id = 0;

	if (packet->family != AF_INET6 || packet->proto != IPPROTO_ICMPV6 ||
	    packet->size - packet->transport < ICMP_HEADER || icmp[0] != ICMP6_ECHO_REQUEST)
		return false;
	/* What the IP header says; the frame may be padded. parse_ip6() checked that it fits. */
	size = (size_t)(packet->frame[PACKET_ETHERNET + 4] << 8 |
			packet->frame[PACKET_ETHERNET + 5]);
	if (size < ICMP_HEADER || size > PING6_BODY)
		return true;
	memcpy(&id, icmp + ICMP_ID, sizeof(id));
	flow = find(ping6, id, to);
	if (!flow) {
		flow = make_room(ping6);
		flow->fd = open_socket(to);
		flow->id = id;
		memcpy(flow->to, to, sizeof(flow->to));
	}
	if (flow->fd < 0) {
		flow->fd = -1;
		return true;
	}
	memcpy(flow->headers, packet->frame, sizeof(flow->headers));
	flow->used = time_monotonic();
	/* The kernel puts its own identifier and checksum there. An unreachable host: no answer. */
	(void)send(flow->fd, icmp, size, MSG_NOSIGNAL);
	return true;
}

size_t ping6_fill(const struct ping6 *ping6, struct pollfd *fds)
{
	size_t count = 0;

	for (size_t i = 0; i < PING6_FLOWS; i++)
		if (ping6->flows[i].fd >= 0)
			fds[count++] =
				(struct pollfd){ .fd = ping6->flows[i].fd, .events = POLLIN };
	return count;
}

size_t ping6_dispatch(struct ping6 *ping6, const struct pollfd *ready, uint8_t *frame)
{
	uint8_t icmp[PING6_BODY];
	ssize_t n = 0;

	for (size_t i = 0; i < PING6_FLOWS; i++) {
		struct ping6_flow *flow = &ping6->flows[i];

		if (flow->fd != ready->fd)
			continue;
		n = recv(flow->fd, icmp, sizeof(icmp), 0);
		if (n < ICMP_HEADER || icmp[0] != ICMP6_ECHO_REPLY)
			return 0;
		memcpy(icmp + ICMP_ID, &flow->id, sizeof(flow->id));
		return reply_icmp6(flow->headers, flow->to, icmp, (size_t)n, frame);
	}
	return 0;
}

size_t ping6_expire(struct ping6 *ping6)
{
	const int64_t now = time_monotonic();
	size_t left = 0;

	for (size_t i = 0; i < PING6_FLOWS; i++) {
		struct ping6_flow *flow = &ping6->flows[i];

		if (flow->fd >= 0 && now - flow->used > SILENT_NS)
			fd_close(&flow->fd);
		left += flow->fd >= 0;
	}
	return left;
}
