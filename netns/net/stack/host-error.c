/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of datagram sockets: see host-error.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/stack/host-error.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "netns/net/bytes.h"

void host_error_enable(int fd, int family)
{
	static const int on = 1;

	if (family == AF_INET)
		(void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
}

static void take_details(const struct cmsghdr *cmsg, struct host_error *error)
{
	struct {
		struct sock_extended_err err;
		union host_address by;
	} told = { 0 };
	const size_t size = cmsg->cmsg_len - CMSG_LEN(0);

	if (cmsg->cmsg_len < CMSG_LEN(sizeof(told.err)))
		return;
	memcpy(&told, CMSG_DATA(cmsg), size < sizeof(told) ? size : sizeof(told));
	if (told.err.ee_origin != SO_EE_ORIGIN_ICMP && told.err.ee_origin != SO_EE_ORIGIN_ICMP6)
		return;
	error->code = (int)told.err.ee_errno;
	error->by = told.by;
	error->has_by = told.by.any.sa_family == error->to.any.sa_family;
}

bool host_error_take(int fd, struct host_error *ret_error)
{
	_Alignas(struct cmsghdr) char control[256];
	struct host_error error = { 0 };
	struct iovec start = { .iov_base = error.start, .iov_len = sizeof(error.start) };
	struct msghdr message = { .msg_name = &error.to,
				  .msg_namelen = sizeof(error.to),
				  .msg_iov = &start,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	const ssize_t n = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return false;
	error.size = (size_t)n;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message); cmsg;
	     cmsg = CMSG_NXTHDR(&message, cmsg))
		if ((cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR) ||
		    (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR))
			take_details(cmsg, &error);
	*ret_error = error;
	return true;
}

void host_error_tell(struct stack *stack, const struct tuple *tuple, const struct host_error *error)
{
	struct tuple by = *tuple;
	/* The identifier's half of an echo message is the container's own; its number is kept. */
	const struct frame_error told = { .code = error->code,
					  .by = error->has_by ? by.remote : NULL,
					  .seq = get16(error->start + 6),
					  .length = (uint16_t)error->size };

	if (error->code == 0)
		return;
	/* A router is named; the host's own loopback is the gateway. */
	if (error->has_by)
		(void)stack_peer_address(stack, &error->by, &by);
	stack_output_error(stack, tuple, &told);
}
