/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket that a stopped call is about, and the address in its arguments: see inject-internal.h.
 * Runs in the injector. All is looked at and done on our copy of the descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>

#include "netns/net/inject/epolls.h"
#include "netns/net/inject/inject-internal.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

/* RFC 2133's sockaddr_in6 ended before the scope; the kernel still takes it. */
enum { SIN6_MIN = 24 };

static int get_int(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

int subject_net(int fd, uint64_t *ret_cookie)
{
	socklen_t size = sizeof(*ret_cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie, &size) < 0 ? -errno : 0;
}

/*
 * A socket of a third network (a program of the container made a namespace of its own) is neither
 * the host's nor the container's. MPTCP, which Go asks for, falls back to TCP with most peers; here
 * always.
 */
static int examine(const struct injector *injector, struct subject *subject)
{
	const int protocol = get_int(subject->fd, SO_PROTOCOL);
	uint64_t net = 0;
	struct stat st;

	subject->family = get_int(subject->fd, SO_DOMAIN);
	if (subject->family != AF_INET && subject->family != AF_INET6)
		return -EAFNOSUPPORT;
	if (get_int(subject->fd, SO_TYPE) != SOCK_STREAM ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP))
		return -EPROTONOSUPPORT;
	if (subject_net(subject->fd, &net) < 0 || fstat(subject->fd, &st) < 0)
		return -errno;
	subject->inode = st.st_ino;
	subject->host = net == injector->host_net;
	subject->own = net == injector->container_net;
	return 0;
}

int subject_take(const struct injector *injector, struct call *call, struct subject *subject)
{
	const int number = (int)call->args[0];
	int fd = call->task ? task_take_fd(call->task, number) : -ESRCH;

	if (fd < 0)
		return fd;
	epolls_move_up(&fd);
	subject->fd = fd;
	subject->number = number;
	return examine(injector, subject);
}

int subject_flags(struct injector *injector, const struct call *call, const struct subject *subject)
{
	int flags = 0;

	if (task_fd_is_held(&injector->tasks, call->task, subject->number, subject->inode))
		return -EBUSY;
	flags = task_fd_flags(&injector->tasks, call->task, subject->number);
	return flags >= 0 && (flags & O_ASYNC) ? -EBUSY : flags;
}

static int exchange_in_epolls(const struct epolls *epolls, const struct subject *subject, int fd)
{
	return epolls->count > 0 ? epolls_exchange(epolls, subject->number, subject->fd, fd) : 0;
}

int subject_replace(const struct injector *injector, const struct call *call,
		    const struct subject *subject, int fd, int flags)
{
	struct epolls epolls __attribute__((cleanup(epolls_done))) = EPOLLS_INIT;
	int r = epolls_find(&injector->tasks, call->task, subject->number, subject->inode, &epolls);

	if (r == 0)
		r = exchange_in_epolls(&epolls, subject, fd);
	if (r == 0 && !(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	r = notify_replace(call->listener, call->notif.id, fd, subject->number,
			   (flags & O_CLOEXEC) != 0);
	if (r < 0) /* its own has to be heard again */
		(void)epolls_exchange(&epolls, subject->number, fd, subject->fd);
	return r;
}

int subject_state(const struct subject *subject)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(subject->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return -errno;
	return info.tcpi_state;
}

int call_read_address(const struct call *call, union address *ret_address, socklen_t *ret_size)
{
	uint64_t size = call->args[2];
	int r = 0;

	memset(ret_address, 0, sizeof(*ret_address));
	if (!call->task || size < sizeof(struct sockaddr_in))
		return -EINVAL;
	if (size > sizeof(ret_address->storage))
		size = sizeof(ret_address->storage);
	r = task_copy(call->task, call->args[1], ret_address, (size_t)size);
	if (r < 0)
		return r;
	*ret_size = (socklen_t)size;
	if (ret_address->any.sa_family == AF_INET)
		return 0;
	return ret_address->any.sa_family == AF_INET6 && size >= SIN6_MIN ? 0 : -EAFNOSUPPORT;
}
