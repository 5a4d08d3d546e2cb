/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the routes: see route.h. Runs in the monitor; changes nothing. */
#include "netns/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"

void route_list_done(struct route_list *list)
{
	free(list->v);
	*list = ROUTE_LIST_INIT;
}

static uint32_t mask_of(uint8_t prefix)
{
	return htonl(prefix ? ~0U << (32 - prefix) : 0);
}

static void take_default(struct route_list *list, uint32_t out, uint32_t metric)
{
	if (list->default_index != 0 && list->default_metric <= metric)
		return;
	list->default_index = out;
	list->default_metric = metric;
}

static void take_route(const struct nlmsghdr *message, unsigned int but_index,
		       struct route_list *list)
{
	const struct rtmsg *fixed = NLMSG_DATA(message);
	int left = (int)NLMSG_PAYLOAD(message, sizeof(*fixed));
	struct route route = { .prefix = fixed->rtm_dst_len };
	uint32_t table = fixed->rtm_table;
	uint32_t out = 0;
	uint32_t metric = 0;

	if (fixed->rtm_family != AF_INET || route.prefix > 32)
		return;
	for (const struct rtattr *a = RTM_RTA(fixed); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (RTA_PAYLOAD(a) < sizeof(uint32_t))
			continue;
		if (a->rta_type == RTA_DST)
			memcpy(&route.destination, RTA_DATA(a), sizeof(route.destination));
		else if (a->rta_type == RTA_OIF)
			memcpy(&out, RTA_DATA(a), sizeof(out));
		else if (a->rta_type == RTA_PRIORITY)
			memcpy(&metric, RTA_DATA(a), sizeof(metric));
		else if (a->rta_type == RTA_TABLE)
			memcpy(&table, RTA_DATA(a), sizeof(table));
	}
	if (table != RT_TABLE_MAIN || (but_index != 0 && out == but_index))
		return;
	if (route.prefix == 0) {
		take_default(list, out, metric);
		return;
	}
	route.destination.s_addr &= mask_of(route.prefix);
	xgrow(list->v, list->count, list->capacity);
	list->v[list->count++] = route;
}

int route_list_parse(const void *data, size_t size, unsigned int but_index, struct route_list *list)
{
	for (const struct nlmsghdr *h = data; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
		const struct nlmsgerr *error = NLMSG_DATA(h);

		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return h->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) && error->error < 0
				       ? error->error
				       : -EPROTO;
		if (h->nlmsg_type == RTM_NEWROUTE &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)))
			take_route(h, but_index, list);
	}
	return 0;
}

int route_list_read(const char *but_interface, struct route_list *ret_list)
{
	const struct {
		struct nlmsghdr header;
		struct rtmsg fixed;
	} request = { .header = { .nlmsg_len = sizeof(request),
				  .nlmsg_type = RTM_GETROUTE,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		      .fixed = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN } };
	const unsigned int but_index = if_nametoindex(but_interface); /* 0: there is none */
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_Alignas(NLMSG_ALIGNTO) char answer[32768];
	struct route_list list = ROUTE_LIST_INIT;
	int r = 0;

	if (fd < 0)
		return -errno;
	/* The kernel then looks at rtm_table (4.20); before that take_route() does it alone. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &(int){ 1 }, sizeof(int));
	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	while (r == 0) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : route_list_parse(answer, (size_t)n, but_index, &list);
	}
	/* A table that is not there has no routes. */
	if (r < 0 && r != -ENOENT) {
		route_list_done(&list);
		return r;
	}
	*ret_list = list;
	return 0;
}

uint32_t route_list_mtu(const struct route_list *list)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	if (list->default_index == 0 || !if_indextoname(list->default_index, request.ifr_name) ||
	    fd < 0 || ioctl(fd, SIOCGIFMTU, &request) < 0)
		return 0;
	/* IPv6 needs the one (RFC 8200, section 5), no Ethernet has more than the other. */
	return request.ifr_mtu >= 1280 && request.ifr_mtu <= 65535 ? (uint32_t)request.ifr_mtu : 0;
}

bool route_list_meets(const struct route_list *list, struct in_addr net4, uint8_t prefix4)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct route *route = &list->v[i];
		const uint32_t mask = mask_of(prefix4 < route->prefix ? prefix4 : route->prefix);

		if ((route->destination.s_addr & mask) == (net4.s_addr & mask))
			return true;
	}
	return false;
}
