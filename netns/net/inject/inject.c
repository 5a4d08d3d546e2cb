/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The injector's life: see inject.h. Forked by bryo-net before its own lockdown, in the host's
 * network namespace, with CAP_SYS_PTRACE and nothing else. It waits for stopped calls, and for new
 * filters' listeners from bryo-net, whose end of the socket is its reason to live.
 */
#include "netns/net/inject/inject.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/pages.h"
#include "netns/net/inject/epolls.h"
#include "netns/net/inject/inject-internal.h"
#include "netns/net/inject/sockopt.h"
#include "netns/net/lockdown.h"

enum { STOP_MS = 1000 };

/* ---- Calls ---- */

/*
 * On a socket of the host that connects or is connected. Behind Landlock the kernel must not be
 * asked, and neither must we connect it: the address is the container's.
 */
static int reconnect_host(const struct call *call, const struct subject *subject)
{
	if (call->wall != INJECT_WALL_LANDLOCK)
		return CALL_CONTINUE;
	switch (subject_state(subject)) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return -EALREADY;
	case TCP_CLOSE: /* it cannot be replaced either: somebody else holds it */
		return -EADDRNOTAVAIL;
	default:
		return -EISCONN;
	}
}

/* ret_pending is filled in for CALL_WAITS. */
static int handle_connect(struct injector *injector, struct call *call, struct pending *ret_pending)
{
	struct subject subject = { .fd = -1 };
	union address to;
	socklen_t size = 0;
	int r = CALL_CONTINUE;

	/* AF_UNSPEC disconnects, which everybody may. */
	if (call_read_address(call, &to, &size) < 0)
		return CALL_CONTINUE;
	if (subject_take(injector, call, &subject) == 0) {
		if (!injector->off)
			r = outgoing_connect(injector, call, &subject, &to, size, ret_pending);
		if (r == CALL_CONTINUE && subject.host)
			r = reconnect_host(call, &subject);
		else if (r == CALL_CONTINUE && call->wall == INJECT_WALL_LANDLOCK)
			r = local_connect(call, &subject, &to, size, ret_pending);
	}
	fd_close(&subject.fd);
	return r;
}

static int handle_bind(const struct injector *injector, struct call *call)
{
	struct subject subject = { .fd = -1 };
	union address to;
	socklen_t size = 0;
	int r = CALL_CONTINUE;

	if (call_read_address(call, &to, &size) < 0)
		return CALL_CONTINUE;
	if (subject_take(injector, call, &subject) == 0)
		r = subject.host ? -EINVAL : local_bind(injector, call, &subject, &to, size);
	fd_close(&subject.fd);
	return r;
}

/* The kernel's structure as of ABI 4; what a program passes may be shorter. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
};

/*
 * A program that forbids itself and its children connections by Landlock would get them from us
 * nevertheless, since the kernel asks its domain only in calls that it carries out itself. Nobody
 * can tell us who is in such a domain, so from then on nothing is injected any more.
 */
static void note_ruleset(struct injector *injector, const struct call *call)
{
	struct ruleset ruleset = { 0 };

	if (call->args[1] < sizeof(ruleset))
		return;
	if (!call->task || task_copy(call->task, call->args[0], &ruleset, sizeof(ruleset)) < 0 ||
	    ruleset.net != 0)
		injector->off = true;
}

static void handle(struct injector *injector, struct call *call)
{
	struct pending pending;
	int r = CALL_CONTINUE;

	call_decode(call, &injector->tasks);
	switch (call->kind) {
	case CALL_CONNECT:
		r = handle_connect(injector, call, &pending);
		break;
	case CALL_BIND:
		r = handle_bind(injector, call);
		break;
	case CALL_LISTEN:
		r = injector->off ? CALL_CONTINUE : incoming_listen(injector, call);
		break;
	case CALL_RULESET:
		note_ruleset(injector, call);
		break;
	case CALL_EPOLL:
		tasks_forget_epolls(&injector->tasks);
		break;
	case CALL_OTHER:
		break;
	}
	/* A call that is over meanwhile needs no answer. */
	if (r == CALL_WAITS)
		pending_add(injector, &pending);
	else if (r == CALL_CONTINUE)
		(void)notify_continue(call->listener, call->notif.id);
	else
		(void)notify_answer(call->listener, call->notif.id, r);
}

/* False: no process is left behind this filter. */
static bool serve(struct injector *injector, size_t index, short events)
{
	struct call call = { .listener = injector->listeners[index].fd,
			     .wall = injector->listeners[index].wall };

	if (!(events & POLLIN))
		return !(events & (POLLHUP | POLLERR | POLLNVAL));
	if (notify_receive(call.listener, &call.notif) == 0)
		handle(injector, &call);
	return true;
}

/* ---- The loop ---- */

/* Takes one new listener. False: bryo-net is gone. */
static bool receive(struct injector *injector)
{
	uint8_t wall = 0;
	int fd = -1;
	size_t count = 1;
	size_t size = 0;

	if (fd_recv(injector->control, &wall, 1, &size, &fd, &count) < 0)
		return false;
	if (count == 0) {
		injector->off = true; /* inject_off() */
		return true;
	}
	if (injector->listener_count == INJECT_LISTENERS_MAX) {
		(void)close(fd); /* its process gets ENOSYS: said in docs/network.md */
		return true;
	}
	notify_tune(fd);
	epolls_move_up(&fd);
	injector->listeners[injector->listener_count].fd = fd;
	injector->listeners[injector->listener_count++].wall = (enum inject_wall)wall;
	return true;
}

/* Slots: the socket, the listeners, then the pending calls. */
static size_t fill(const struct injector *injector, struct pollfd *fds, int *timeout_ms)
{
	size_t count = 0;

	fds[count++] = (struct pollfd){ .fd = injector->control, .events = POLLIN };
	for (size_t i = 0; i < injector->listener_count; i++)
		fds[count++] = (struct pollfd){ .fd = injector->listeners[i].fd, .events = POLLIN };
	return count + pending_fill(injector, fds + count, timeout_ms);
}

static void serve_listeners(struct injector *injector, const struct pollfd *fds)
{
	const size_t count = injector->listener_count;
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		if (fds[i].revents == 0 || serve(injector, i, fds[i].revents))
			injector->listeners[left++] = injector->listeners[i];
		else
			(void)close(injector->listeners[i].fd);
	}
	injector->listener_count = left;
}

static void run(struct injector *injector)
{
	static struct pollfd fds[1 + INJECT_LISTENERS_MAX + INJECT_PENDING_MAX];

	for (;;) {
		int timeout_ms = -1;
		const size_t waiting = injector->pending_count;
		const size_t first = 1 + injector->listener_count;
		const size_t count = fill(injector, fds, &timeout_ms);

		if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
			return;
		if (waiting > 0)
			pending_run(injector, fds + first, waiting);
		serve_listeners(injector, fds + 1);
		if (fds[0].revents != 0 && !receive(injector))
			return;
	}
}

/* ---- Start ---- */

static int open_diag(void)
{
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

static int prepare(struct injector *injector, const struct inject_args *args)
{
	auto_close int host = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = 0;

	*injector = (struct injector){ .args = args, .control = -1, .diag = -1 };
	if (host < 0)
		return -errno;
	r = subject_net(host, &injector->host_net);
	if (r == 0)
		r = subject_net(args->container_socket, &injector->container_net);
	if (r == 0 && injector->host_net == injector->container_net)
		r = -EEXIST; /* nothing to do between equals */
	if (r == 0)
		r = notify_init();
	if (r == 0)
		r = sockopt_init();
	if (r == 0)
		r = tasks_init(&injector->tasks);
	injector->diag = r < 0 ? -1 : open_diag();
	return r < 0 ? r : injector->diag < 0 ? injector->diag : 0;
}

/* Everything of the parent's but what is needed here goes. */
static int drop_descriptors(const struct injector *injector)
{
	const struct inject_args *args = injector->args;
	static int keep[INJECT_PORTS_MAX + 3];
	size_t count = 0;

	keep[count++] = injector->control;
	keep[count++] = injector->diag;
	keep[count++] = injector->tasks.proc_fd;
	for (size_t i = 0; i < args->port_count; i++)
		keep[count++] = args->ports[i].listener;
	return fd_close_all_but(keep, count);
}

static _Noreturn void injector_main(struct injector *injector, pid_t parent)
{
	struct err err = ERR_INIT;

	(void)prctl(PR_SET_NAME, "bryo-inject"); /* for ps */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	epolls_move_up(&injector->control);
	epolls_move_up(&injector->diag);
	epolls_move_up(&injector->tasks.proc_fd);
	if (drop_descriptors(injector) < 0 || lockdown_enter_injector(&err) < 0)
		_exit(1);
	pages_give_back();
	run(injector);
	_exit(0);
}

int inject_start(const struct inject_args *args, int *ret_socket, struct err *err)
{
	static struct injector injector;
	const pid_t parent = getpid();
	int ends[2] = { -1, -1 };
	pid_t pid = 0;
	int r = args->port_count > INJECT_PORTS_MAX ? -E2BIG : prepare(&injector, args);

	if (r == 0)
		r = fd_socketpair(SOCK_SEQPACKET, ends);
	if (r == 0) {
		injector.control = ends[1];
		pid = fork();
		if (pid == 0)
			injector_main(&injector, parent);
		if (pid < 0)
			r = -errno;
	}
	fd_close(&ends[1]);
	fd_close(&injector.diag);
	fd_close(&injector.tasks.proc_fd);
	if (r < 0) {
		fd_close(&ends[0]);
		return err_set(err, r, "cannot start socket injection");
	}
	*ret_socket = ends[0];
	return 0;
}

void inject_stop(int *socket)
{
	struct inject_notice notice;
	struct pollfd end = { .fd = *socket, .events = POLLIN };

	if (*socket < 0)
		return;
	(void)shutdown(*socket, SHUT_WR);
	/* It never waits for anything; its socket is the last of its descriptors to close. */
	while (poll(&end, 1, STOP_MS) > 0 && recv(*socket, &notice, sizeof(notice), 0) > 0)
		;
	fd_close(socket);
}

int inject_off(int socket)
{
	const uint8_t nothing = 0;

	return fd_send(socket, &nothing, 1, NULL, 0);
}

int inject_add(int socket, int listener, enum inject_wall wall)
{
	const uint8_t byte = (uint8_t)wall;

	return fd_send(socket, &byte, 1, &listener, 1);
}
