/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen(2) of the container on a published port, made on a socket of the host: what the program
 * accepts then are the clients' own connections. Runs in the injector.
 *
 * bryo-net has bound each published port before the container began, and serves it through the
 * user-mode stack. That listener stays bound, so that nobody else can have the port, and stops
 * listening while the container's own is there; a second socket may be bound beside it since both
 * have SO_REUSEPORT then and one user (socket(7)).
 *
 * One descriptor of the program can stand for one address of the host only. Where more would be
 * needed (two ports of the host for one of the container, two addresses), or where the listener was
 * inherited, all stays with the stack.
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

/* A server of the container, as it asked to be. */
struct server {
	uint16_t port;
	bool four; /* takes IPv4 clients */
	bool six;
};

static int get_int(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) < 0 ? 0 : value;
}

/* False: not bound, or to an address that is not published (its loopback). */
static bool describe(const struct net_options *options, const struct subject *subject,
		     struct server *ret_server)
{
	const struct in_addr own4 = net_container4(options);
	const struct in6_addr own6 = net_container6(options);
	struct server server = { 0 };
	union address at = { .any.sa_family = AF_UNSPEC };
	socklen_t size = sizeof(at);

	if (getsockname(subject->fd, &at.any, &size) < 0)
		return false;
	if (at.any.sa_family == AF_INET) {
		server.port = ntohs(at.four.sin_port);
		server.four = at.four.sin_addr.s_addr == INADDR_ANY ||
			      at.four.sin_addr.s_addr == own4.s_addr;
	} else {
		server.port = ntohs(at.six.sin6_port);
		server.six = IN6_IS_ADDR_UNSPECIFIED(&at.six.sin6_addr) ||
			     memcmp(&at.six.sin6_addr, &own6, sizeof(own6)) == 0;
		server.four = IN6_IS_ADDR_UNSPECIFIED(&at.six.sin6_addr) &&
			      !get_int(subject->fd, IPPROTO_IPV6, IPV6_V6ONLY);
	}
	*ret_server = server;
	return server.port != 0 && (server.four || server.six);
}

static const union address *host_of(const struct injector *injector, size_t port)
{
	return (const void *)&injector->args->ports[port].host;
}

/* The published addresses that the server would serve, one of each family at most. */
struct choice {
	ssize_t four; /* index of the port, or -1 */
	ssize_t six;
};

/* False: there is none, or more than one socket can stand for. */
static bool choose(const struct injector *injector, const struct server *server,
		   struct choice *ret_choice)
{
	struct choice choice = { -1, -1 };

	for (size_t i = 0; i < injector->args->port_count; i++) {
		const bool six = host_of(injector, i)->any.sa_family == AF_INET6;
		ssize_t *const place = six ? &choice.six : &choice.four;

		if (injector->args->ports[i].container_port != server->port ||
		    !(six ? server->six : server->four))
			continue;
		if (*place >= 0 || injector->args->ports[i].shared)
			return false;
		*place = (ssize_t)i;
	}
	if (choice.four >= 0 && choice.six >= 0) {
		const union address *four = host_of(injector, (size_t)choice.four);
		const union address *six = host_of(injector, (size_t)choice.six);

		if (four->four.sin_addr.s_addr != INADDR_ANY ||
		    !IN6_IS_ADDR_UNSPECIFIED(&six->six.sin6_addr) ||
		    four->four.sin_port != six->six.sin6_port)
			return false;
	}
	*ret_choice = choice;
	return choice.four >= 0 || choice.six >= 0;
}

/* Where the program's socket is to be bound on the host, in its own family. */
static socklen_t make_address(const struct injector *injector, int family,
			      const struct choice *choice, union address *ret)
{
	if (choice->six >= 0) {
		*ret = *host_of(injector, (size_t)choice->six);
		return sizeof(ret->six);
	}
	*ret = *host_of(injector, (size_t)choice->four);
	if (family == AF_INET)
		return sizeof(ret->four);
	/* An IPv6 socket for IPv4 clients alone. */
	{
		const struct sockaddr_in four = ret->four;

		memset(ret, 0, sizeof(*ret));
		ret->six.sin6_family = AF_INET6;
		ret->six.sin6_port = four.sin_port;
		ret->six.sin6_addr.s6_addr[10] = ret->six.sin6_addr.s6_addr[11] = 0xff;
		memcpy(ret->six.sin6_addr.s6_addr + 12, &four.sin_addr, sizeof(four.sin_addr));
	}
	return sizeof(ret->six);
}

/* ---- The stack's listeners ---- */

/* A listening socket that is shut down only stays bound (tcp_disconnect()). */
static void pause_listener(const struct injector *injector, ssize_t port)
{
	if (port < 0)
		return;
	(void)setsockopt(injector->args->ports[port].listener, SOL_SOCKET, SO_REUSEPORT,
			 &(int){ 1 }, sizeof(int));
	(void)shutdown(injector->args->ports[port].listener, SHUT_RD);
}

static void resume_listener(struct injector *injector, ssize_t port)
{
	struct inject_notice notice;

	if (port < 0)
		return;
	notice.tag = injector->args->ports[port].tag;
	injector->lent[port] = false;
	if (listen(injector->args->ports[port].listener, SOMAXCONN) < 0)
		return;
	(void)send(injector->control, &notice, sizeof(notice), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void pause_listeners(const struct injector *injector, const struct choice *choice)
{
	pause_listener(injector, choice->four);
	pause_listener(injector, choice->six);
}

static void resume_listeners(struct injector *injector, const struct choice *choice)
{
	resume_listener(injector, choice->four);
	resume_listener(injector, choice->six);
}

/* ---- Lent sockets ---- */

/*
 * The container has it. The port is bound by us, so whoever listens there is a socket that we made,
 * or another process of the same user that asked for SO_REUSEPORT itself.
 */
static bool is_lent(const struct injector *injector, ssize_t port)
{
	return port >= 0 && injector->lent[port] &&
	       diag_listens(injector->diag, host_of(injector, (size_t)port));
}

static void note_lent(struct injector *injector, const struct choice *choice)
{
	if (choice->four >= 0)
		injector->lent[choice->four] = true;
	if (choice->six >= 0)
		injector->lent[choice->six] = true;
}

bool incoming_find(struct injector *injector, int family, uint16_t container_port,
		   union address *ret_host)
{
	for (size_t i = 0; i < injector->args->port_count; i++) {
		union address host = *host_of(injector, i);

		if (injector->args->ports[i].container_port != container_port ||
		    host.any.sa_family != family || !is_lent(injector, (ssize_t)i))
			continue;
		if (family == AF_INET && host.four.sin_addr.s_addr == INADDR_ANY)
			host.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&host.six.sin6_addr))
			host.six.sin6_addr = in6addr_loopback;
		*ret_host = host;
		return true;
	}
	return false;
}

/* ---- The call ---- */

static int open_server(const struct injector *injector, const struct subject *subject,
		       const struct choice *choice, int backlog, int *ret_fd)
{
	auto_close int fd =
		socket(subject->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	const int one = 1;
	const int v6only = choice->four < 0;
	union address address;
	const socklen_t size = make_address(injector, subject->family, choice, &address);

	if (fd < 0)
		return -errno;
	if (sockopt_copy(subject->family, subject->fd, fd, subject->host) < 0)
		return -EOPNOTSUPP;
	if (subject->family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, &address.any, size) < 0)
		return -errno;
	if (listen(fd, backlog) < 0)
		return -errno;
	epolls_move_up(&fd);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int serve(struct injector *injector, const struct call *call, const struct subject *subject)
{
	struct server server;
	struct choice choice;
	auto_close int fd = -1;
	int flags = 0;
	int r = 0;

	if (!subject->own || subject_state(subject) == TCP_LISTEN ||
	    !describe(injector->args->options, subject, &server) ||
	    !choose(injector, &server, &choice))
		return CALL_CONTINUE;
	/* Two servers on one port: their own network would have refused the second. */
	if ((is_lent(injector, choice.four) || is_lent(injector, choice.six)) &&
	    !get_int(subject->fd, SOL_SOCKET, SO_REUSEPORT))
		return -EADDRINUSE;
	flags = subject_flags(injector, call, subject);
	if (sockopt_is_special(subject->fd) || flags < 0) {
		resume_listeners(injector, &choice);
		return CALL_CONTINUE;
	}
	pause_listeners(injector, &choice);
	r = open_server(injector, subject, &choice, (int)call->args[1], &fd);
	if (r == 0)
		r = subject_replace(injector, call, subject, fd, flags);
	if (r < 0) {
		resume_listeners(injector, &choice);
		return CALL_CONTINUE;
	}
	note_lent(injector, &choice);
	return 0;
}

int incoming_listen(struct injector *injector, struct call *call)
{
	struct subject subject = { .fd = -1 };
	int r = CALL_CONTINUE;

	if (subject_take(injector, call, &subject) == 0)
		r = serve(injector, call, &subject);
	fd_close(&subject.fd);
	return r;
}
