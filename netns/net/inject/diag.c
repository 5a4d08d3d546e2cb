/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether somebody listens on a port of the host: nobody tells when a descriptor that was given
 * away is closed, so the kernel is asked (sock_diag(7)). Runs in the injector.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "netns/net/inject/inject-internal.h"

static void fill_id(struct inet_diag_sockid *id, const union address *address)
{
	id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (address->any.sa_family == AF_INET) {
		id->idiag_sport = address->four.sin_port;
		memcpy(id->idiag_src, &address->four.sin_addr, sizeof(struct in_addr));
	} else {
		id->idiag_sport = address->six.sin6_port;
		memcpy(id->idiag_src, &address->six.sin6_addr, sizeof(struct in6_addr));
	}
}

bool diag_listens(int netlink, const union address *address)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
		.header = { .nlmsg_len = sizeof(message),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST },
		.request = { .sdiag_family = (uint8_t)address->any.sa_family,
			     .sdiag_protocol = IPPROTO_TCP,
			     .idiag_states = 1U << TCP_LISTEN },
	};
	_Alignas(NLMSG_ALIGNTO) char answer[1024];
	const struct nlmsghdr *header = (const void *)answer;
	const struct inet_diag_msg *found = NLMSG_DATA(header);
	ssize_t n = 0;

	fill_id(&message.request.id, address);
	if (send(netlink, &message, sizeof(message), 0) < 0)
		return false;
	n = recv(netlink, answer, sizeof(answer), 0);
	return n >= (ssize_t)NLMSG_LENGTH(sizeof(*found)) &&
	       header->nlmsg_type == SOCK_DIAG_BY_FAMILY && found->idiag_state == TCP_LISTEN;
}
