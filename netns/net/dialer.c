/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections made in the container's network namespace: see dialer.h. dialer_start() runs in
 * bryo-net before its sandbox, dialer_connect() in it, the rest in the dialer: forked from
 * bryo-net, single-threaded, nothing of the heap, no descriptor but its socket.
 */
#include "netns/net/dialer.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/mark.h"
#include "netns/net/lockdown.h"

#define DIALER_MARK 0x6272796fU /* "bryo" */
enum { DIALER_TABLE = 98 };

struct request {
	union dialer_address from;
	union dialer_address to;
};

static socklen_t address_size(const union dialer_address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->four) : sizeof(address->six);
}

/* ---- In the dialer ---- */

static int set_foreign(int fd, int family)
{
	static const int on = 1;
	static const uint32_t mark = DIALER_MARK;
	const int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	const int option = family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT;

	if (setsockopt(fd, level, option, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return -errno;
	return 0;
}

static int bind_from(int fd, const union dialer_address *from)
{
	union dialer_address any_port = *from;

	if (bind(fd, &from->any, address_size(from)) == 0)
		return 0;
	/* A port below the unprivileged ones, or one that such a connection has: any will do. */
	if (errno != EADDRINUSE && errno != EACCES)
		return -errno;
	any_port.four.sin_port = 0; /* sin6_port lies at the same place */
	return bind(fd, &any_port.any, address_size(from)) < 0 ? -errno : 0;
}

static int dial(const struct request *request, int *ret_fd)
{
	const int family = request->from.any.sa_family;
	auto_close int fd = -1;
	int r = 0;

	if ((family != AF_INET && family != AF_INET6) || request->to.any.sa_family != family)
		return -EINVAL;
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = set_foreign(fd, family);
	if (r == 0)
		r = bind_from(fd, &request->from);
	if (r < 0)
		return r;
	if (connect(fd, &request->to.any, address_size(&request->to)) < 0 && errno != EINPROGRESS)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

__attribute__((noreturn)) static void serve(int sock)
{
	for (;;) {
		struct request request;
		ssize_t n = recv(sock, &request, sizeof(request), 0);
		int fd = -1;
		int answer = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(request))
			_exit(0);
		answer = dial(&request, &fd);
		if (fd_send(sock, &answer, sizeof(answer), &fd, fd >= 0) < 0)
			_exit(0);
		fd_close(&fd);
	}
}

/* What could be missing is found out before the container starts, not with the first client. */
static int try_foreign(struct err *err)
{
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : set_foreign(fd, AF_INET);

	return r < 0 ? err_set(err, r,
			       "port_handler=splice needs Linux 5.17: cannot mark a socket with "
			       "CAP_NET_RAW alone")
		     : 0;
}

/*
 * Stage: dialer. Runs with root's capabilities in the container's user namespace, enters its
 * network namespace, prepares it, keeps CAP_NET_RAW, and makes sockets for as long as bryo-net
 * lives. It must not return, nor look at what a connection carries: it gives each away at once.
 */
static int prepare(int netns_fd, const struct net_options *options, int sock, struct err *err)
{
	static const char *const no_folders[] = { NULL };
	int keep[] = { sock };
	int r = 0;

	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_set(err, -errno, "cannot enter the container's network namespace");
	r = mark_returns(DIALER_MARK, DIALER_TABLE, options->ipv6, err);
	if (r == 0 && fd_close_all_but(keep, 1) < 0)
		r = err_set(err, -errno, "cannot close descriptors");
	(void)prctl(PR_SET_NAME, "bryo-dialer");
	if (r == 0)
		r = lockdown_enter_dialer(no_folders, err);
	return r < 0 ? r : try_foreign(err);
}

/* ---- In bryo-net ---- */

int dialer_start(int netns_fd, const struct net_options *options, struct dialer *ret_dialer,
		 struct err *err)
{
	struct err report = ERR_INIT;
	int ends[2] = { -1, -1 };
	pid_t pid = 0;
	ssize_t n = 0;
	int r = fd_socketpair(SOCK_SEQPACKET, ends);

	if (r < 0)
		return err_set(err, r, "cannot make a socket for the dialer");
	/* Nobody waits for it: it is gone when its socket is. */
	(void)signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		(void)prepare(netns_fd, options, ends[1], &report);
		if (send(ends[1], &report, sizeof(report), MSG_NOSIGNAL) < 0 || report.code < 0)
			_exit(1);
		serve(ends[1]);
	}
	r = pid < 0 ? -errno : 0;
	fd_close(&ends[1]);
	if (r == 0) {
		n = recv(ends[0], &report, sizeof(report), 0);
		r = n == (ssize_t)sizeof(report) ? report.code : -ECONNRESET;
	}
	if (r < 0) {
		fd_close(&ends[0]);
		if (report.code < 0 && err)
			*err = report;
		return report.code < 0 ? r : err_set(err, r, "cannot start the dialer");
	}
	ret_dialer->fd = ends[0];
	return 0;
}

int dialer_connect(const struct dialer *dialer, const union dialer_address *from,
		   const union dialer_address *to, int *ret_fd)
{
	const struct request request = { .from = *from, .to = *to };
	int answer = 0;
	int fd = -1;
	size_t size = 0;
	size_t count = 1;
	int r = fd_send(dialer->fd, &request, sizeof(request), NULL, 0);

	if (r == 0)
		r = fd_recv(dialer->fd, &answer, sizeof(answer), &size, &fd, &count);
	if (r == 0 && size != sizeof(answer))
		r = -EPROTO;
	if (r == 0 && answer < 0)
		r = answer;
	if (r == 0 && (count != 1 || answer > 0))
		r = -EPROTO;
	if (r < 0) {
		fd_close(&fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}
