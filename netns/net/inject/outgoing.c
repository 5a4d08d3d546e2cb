/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect(2) of the container, made on a socket of the host. Runs in the injector.
 *
 * The host's socket never blocks here. A program that does not block either gets it at once, still
 * connecting, and EINPROGRESS. One that blocks waits (pending.c) until it is connected; only then
 * the socket is put in its place, so that one that fails leaves the program's own as it was; or
 * when a signal ends the waiting (pending.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "netns/net/inject/epolls.h"
#include "netns/net/inject/inject-internal.h"
#include "netns/net/inject/sockopt.h"
#include "netns/net/outside.h"

/* Is bound to an address or a port of the container's network. */
static bool is_bound(const struct subject *subject)
{
	union address own = { .any.sa_family = AF_UNSPEC };
	socklen_t size = sizeof(own);

	if (getsockname(subject->fd, &own.any, &size) < 0)
		return true;
	if (own.any.sa_family == AF_INET)
		return own.four.sin_port != 0 || own.four.sin_addr.s_addr != INADDR_ANY;
	return own.six.sin6_port != 0 || !IN6_IS_ADDR_UNSPECIFIED(&own.six.sin6_addr);
}

/* The IPv4 address of a destination in either form, or NULL. */
static const void *ip4_of(const union address *to)
{
	if (to->any.sa_family == AF_INET)
		return &to->four.sin_addr;
	return IN6_IS_ADDR_V4MAPPED(&to->six.sin6_addr) ? to->six.sin6_addr.s6_addr + 12 : NULL;
}

/*
 * Where the host's socket has to connect to: the destination itself when it lies outside; the
 * injected server on one of the container's own published ports. False: inside the container, or
 * for the user-mode stack to judge.
 */
static bool find_target(struct injector *injector, const union address *to,
			union address *ret_target)
{
	const struct net_options *options = injector->args->options;
	const void *four = ip4_of(to);
	const in_port_t port = to->any.sa_family == AF_INET ? to->four.sin_port : to->six.sin6_port;
	struct in_addr address4 = { 0 };

	if (port == 0)
		return false;
	if (four)
		memcpy(&address4, four, sizeof(address4));
	*ret_target = *to;
	if (four ? outside_has4(options, address4) : outside_has6(options, &to->six.sin6_addr))
		return true;
	if (four ? !outside_is_own4(options, address4)
		 : !outside_is_own6(options, &to->six.sin6_addr))
		return false;
	if (!incoming_find(injector, four ? AF_INET : AF_INET6, ntohs(port), ret_target))
		return false;
	/* An IPv6 socket reaches IPv4 by mapped addresses. */
	if (four && to->any.sa_family == AF_INET6) {
		const struct sockaddr_in found = ret_target->four;

		*ret_target = *to;
		ret_target->six.sin6_port = found.sin_port;
		memcpy(ret_target->six.sin6_addr.s6_addr + 12, &found.sin_addr,
		       sizeof(found.sin_addr));
	}
	return true;
}

/* outbound_addr: what servers see. Without a port, which connect(2) chooses then (ip(7)). */
static int bind_outbound(const struct net_options *options, int fd, const union address *to)
{
	union address own = { .any.sa_family = to->any.sa_family };
	socklen_t size = sizeof(own.four);

	if (to->any.sa_family == AF_INET && options->outbound4.s_addr != INADDR_ANY) {
		own.four.sin_addr = options->outbound4;
	} else if (to->any.sa_family == AF_INET6 && ip4_of(to) &&
		   options->outbound4.s_addr != INADDR_ANY) {
		own.six.sin6_addr.s6_addr[10] = own.six.sin6_addr.s6_addr[11] = 0xff;
		memcpy(own.six.sin6_addr.s6_addr + 12, &options->outbound4,
		       sizeof(options->outbound4));
		size = sizeof(own.six);
	} else if (to->any.sa_family == AF_INET6 && !ip4_of(to) && options->has_outbound6) {
		own.six.sin6_addr = options->outbound6;
		size = sizeof(own.six);
	} else {
		return 0;
	}
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	return bind(fd, &own.any, size) < 0 ? -errno : 0;
}

/* outbound_if: no privilege is needed for a socket that is bound to none yet (socket(7)). */
static int bind_device(const struct net_options *options, int fd, const union address *to)
{
	const char *name = ip4_of(to) ? options->outbound_if4 : options->outbound_if6;

	if (*name == '\0')
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) < 0
		       ? -errno
		       : 0;
}

/*
 * A socket of the host like the container's, that begins to connect. 0 or -EINPROGRESS; the
 * connection's error, which is the call's; or CALL_CONTINUE.
 */
static int begin(const struct injector *injector, const struct subject *subject,
		 const union address *target, socklen_t size, int *ret_fd)
{
	auto_close int fd =
		socket(subject->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int r = 0;

	if (fd < 0 || sockopt_copy(subject->family, subject->fd, fd, subject->host) < 0 ||
	    bind_device(injector->args->options, fd, target) < 0 ||
	    bind_outbound(injector->args->options, fd, target) < 0)
		return CALL_CONTINUE;
	r = connect(fd, &target->any, size) < 0 ? -errno : 0;
	epolls_move_up(&fd);
	if (r == 0 || r == -EINPROGRESS)
		*ret_fd = fd_take(&fd);
	return r;
}

/* In an event set, and blocking: while it waits its program can change the set. */
static bool is_blocking_in_epoll(const struct injector *injector, const struct call *call,
				 const struct subject *subject, int flags)
{
	struct epolls epolls __attribute__((cleanup(epolls_done))) = EPOLLS_INIT;

	if (flags & O_NONBLOCK)
		return false;
	return epolls_find(&injector->tasks, call->task, subject->number, subject->inode, &epolls) <
		       0 ||
	       epolls.count > 0;
}

/* Whether and how the container's socket can be given up for another. Its flags, or negative. */
static int may_replace(struct injector *injector, const struct call *call,
		       const struct subject *subject)
{
	int flags = 0;

	if (!subject->host && (is_bound(subject) || sockopt_is_special(subject->fd)))
		return -EBUSY;
	flags = subject_flags(injector, call, subject);
	return flags >= 0 && is_blocking_in_epoll(injector, call, subject, flags) ? -EBUSY : flags;
}

int outgoing_connect(struct injector *injector, const struct call *call,
		     const struct subject *subject, const union address *to, socklen_t size,
		     struct pending *ret_pending)
{
	struct pending wait = { .listener = call->listener,
				.id = call->notif.id,
				.fd = -1,
				.number = subject->number,
				.due = INT64_MAX,
				.size = size };
	int state = 0;
	int r = 0;

	if ((!subject->host && !subject->own) || to->any.sa_family != subject->family ||
	    !find_target(injector, to, &wait.to))
		return CALL_CONTINUE;
	state = subject_state(subject);
	/* It was put in its place for a signal. Without a wall the kernel itself waits. */
	if (state == TCP_SYN_SENT && subject->host && call->wall == INJECT_WALL_LANDLOCK)
		return local_connect(call, subject, &wait.to, size, ret_pending);
	if (state != TCP_CLOSE)
		return CALL_CONTINUE;
	wait.tid = call->task->tid;
	wait.flags = may_replace(injector, call, subject);
	if (wait.flags < 0)
		return CALL_CONTINUE;
	r = begin(injector, subject, &wait.to, size, &wait.fd);
	if (r != 0 && r != -EINPROGRESS)
		return r;
	if (r == -EINPROGRESS && !(wait.flags & O_NONBLOCK))
		r = connect(wait.fd, &wait.to.any, size) < 0 ? -errno : 0;
	/* On this machine's own addresses the handshake is over by now. */
	if (r == -EALREADY) {
		wait.due = pending_due(subject->fd);
		*ret_pending = wait;
		return CALL_WAITS;
	}
	if (r == 0 || r == -EINPROGRESS) {
		if (subject_replace(injector, call, subject, wait.fd, wait.flags) < 0)
			r = CALL_CONTINUE;
	}
	fd_close(&wait.fd);
	return r;
}
