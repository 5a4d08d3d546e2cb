/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect(2) and bind(2) on the container's own sockets: its loopback, its server ports, and what
 * the user-mode stack carries. Behind Landlock the container may not call them itself. All is done
 * on our copy of the descriptor, which is what was looked at, so nothing can be exchanged in
 * between.
 *
 * Must never be used on a socket of the host, since the address is the container's; but for connect
 * with an address that outgoing.c has judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "netns/net/inject/inject-internal.h"

/* connect(2) without waiting. What is blocking stays so: the flag is everybody's who has the file.
 */
static int begin(int fd, const union address *to, socklen_t size, bool *ret_blocking)
{
	const int flags = fcntl(fd, F_GETFL);
	int r = 0;

	if (flags < 0)
		return -errno;
	*ret_blocking = !(flags & O_NONBLOCK);
	if (*ret_blocking && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	r = connect(fd, &to->any, size) < 0 ? -errno : 0;
	/* On the loopback the handshake is over by now. */
	if (*ret_blocking && r == -EINPROGRESS)
		r = connect(fd, &to->any, size) < 0 ? -errno : 0;
	if (*ret_blocking)
		(void)fcntl(fd, F_SETFL,
			    flags); /* as it was: cannot fail where the other did not */
	return r;
}

int local_connect(const struct call *call, const struct subject *subject, const union address *to,
		  socklen_t size, struct pending *ret_pending)
{
	bool blocking = false;
	int fd = -1;
	int r = begin(subject->fd, to, size, &blocking);

	if (r != -EALREADY || !blocking)
		return r;
	fd = fcntl(subject->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	*ret_pending = (struct pending){ .listener = call->listener,
					 .id = call->notif.id,
					 .tid = call->task->tid,
					 .fd = fd,
					 .number = -1,
					 .due = pending_due(fd),
					 .to = *to,
					 .size = size };
	return CALL_WAITS;
}

/* ---- bind ---- */

/* Gives up or takes back what is needed for ports below 1024, so that the kernel judges as ever. */
static void use_low_ports(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const uint32_t permitted = 1U << CAP_SYS_PTRACE | 1U << CAP_NET_BIND_SERVICE;
	const struct __user_cap_data_struct data[2] = {
		{ .effective = on ? permitted : 1U << CAP_SYS_PTRACE, .permitted = permitted },
		{ 0 },
	};

	(void)syscall(SYS_capset, &header, data); /* both are ours: it cannot fail */
}

int local_bind(const struct injector *injector, const struct call *call,
	       const struct subject *subject, const union address *to, socklen_t size)
{
	const in_port_t port =
		to->any.sa_family == AF_INET6 ? to->six.sin6_port : to->four.sin_port;
	const bool low = port != 0 && ntohs(port) < 1024 &&
			 task_has_capability(&injector->tasks, call->task, CAP_NET_BIND_SERVICE);
	int r = 0;

	if (low)
		use_low_ports(true);
	r = bind(subject->fd, &to->any, size) < 0 ? -errno : 0;
	if (low)
		use_low_ports(false);
	return r;
}
