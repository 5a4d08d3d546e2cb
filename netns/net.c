/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting, attaching and ending bryo-net: see net.h. Runs in the monitor, which stands in the
 * host's network namespace and is root of the container's user namespace. It must never touch the
 * container's network itself: bryo-net's set-up child does.
 */
#include "netns/net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "netns/net-program.h"
#include "netns/net-message.h"

enum { STOP_MS = 2000 };

int net_program(char **ret_path, struct err *err)
{
	if (proc_libexec("bryo-net", ret_path) == 0)
		return 0;
	(void)err_say(err, ERR_UNSUPPORTED, "cannot find the program bryo-net beside bryo");
	(void)err_hint(err,
		       "Install it with make install, or use --network=none or --network=host");
	return -ENOENT;
}

int net_spawn(const char *program, const int *fds, size_t fd_count, pid_t *ret_pid)
{
	const char *const slash = strrchr(program, '/');
	char *const argv[] = { (char *)(uintptr_t)(slash ? slash + 1 : program), NULL };
	char *const envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	/* dup2 of a descriptor onto itself clears close-on-exec (posix_spawn(3)). */
	for (size_t i = 0; r == 0 && i < fd_count; i++)
		r = posix_spawn_file_actions_adddup2(&actions, fds[i], NET_SOCKET_FD + (int)i);
	for (int fd = 0; r == 0 && fd < 3; fd++)
		r = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&actions,
							     NET_SOCKET_FD + (int)fd_count);
	(void)sigemptyset(&signals);
	(void)posix_spawnattr_setsigmask(&attributes, &signals);
	(void)sigfillset(&signals);
	(void)posix_spawnattr_setsigdefault(&attributes, &signals);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETSID);
	if (r == 0)
		r = posix_spawn(ret_pid, program, &actions, &attributes, argv, envp);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int net_send_settings(int sock, const char *text, const int *fds, size_t count)
{
	const size_t size = strlen(text);

	if (size > NET_MESSAGE_MAX)
		return -EMSGSIZE;
	/* A datagram must fit into the buffer whole; the kernel doubles and caps what we ask for.
	 */
	(void)setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &(int){ NET_MESSAGE_MAX }, sizeof(int));
	return fd_send(sock, text, size, fds, count);
}

int net_start(const struct net_args *args, struct net_process *ret_net, struct err *err)
{
	struct net_process net = NET_PROCESS_INIT;
	auto_free char *found = NULL;
	auto_free char *text = net_message_text(args->options, args->ports, args->host_ports);
	const size_t count = args->inherited_count < NET_INHERITED_MAX ? args->inherited_count
								       : NET_INHERITED_MAX;
	const char *program = args->program;
	int ends[2] = { -1, -1 };
	int r = 0;

	if (!program) {
		r = net_program(&found, err);
		if (r < 0 || !found)
			return r;
		program = found;
	}
	r = fd_socketpair(SOCK_SEQPACKET, ends);
	if (r < 0)
		return err_set(err, r, "cannot make a socket for bryo-net");
	net.fd = ends[0];
	/* Sent before the start: the program finds its settings as it comes up. */
	r = net_send_settings(net.fd, text, args->inherited, count);
	if (r < 0)
		(void)err_set(err, r, "cannot send bryo-net its settings");
	if (r == 0) {
		r = net_spawn(program, &ends[1], 1, &net.pid);
		if (r < 0)
			(void)err_set(err, r, "cannot start %s", program);
	}
	fd_close(&ends[1]);
	if (r < 0) {
		fd_close(&net.fd);
		return r;
	}
	*ret_net = net;
	return 0;
}

int net_attach(struct net_process *net, int netns_fd, int init_pidfd, struct err *err)
{
	const char message = NET_MESSAGE_ATTACH;
	const int fds[2] = { netns_fd, init_pidfd };
	int r = fd_send(net->fd, &message, 1, fds, init_pidfd < 0 ? 1 : 2);

	/* It died already: its last words, if there are any, tell why. */
	if (r == -EPIPE || r == -ECONNRESET)
		return net_wait_ready(net, 0, err);
	if (r < 0)
		return err_set(err, r, "cannot pass bryo-net the container's network namespace");
	return 0;
}

/* Waits for fd with EINTR taken care of. 1: readable, 0: time is up. */
static int wait_readable(int fd, int timeout_ms)
{
	const int64_t end = time_monotonic() + (int64_t)timeout_ms * 1000000;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	for (;;) {
		const int64_t left = (end - time_monotonic()) / 1000000;
		int r = poll(&poll_fd, 1, left > 0 ? (int)left : 0);

		if (r >= 0)
			return r;
		if (errno != EINTR)
			return -errno;
	}
}

int net_read_report(int fd, const char *name, int timeout_ms, struct err *err)
{
	struct err report = ERR_INIT;
	ssize_t n = 0;
	int r = wait_readable(fd, timeout_ms);

	if (r < 0)
		return err_set(err, r, "cannot wait for %s", name);
	if (r == 0)
		return err_set(err, -ETIMEDOUT, "%s did not become ready within %d ms", name,
			       timeout_ms);
	/*
	 * A program that ended with our message unread leaves ECONNRESET on the socket, which the
	 * kernel tells before the report that waits behind it, and once only.
	 */
	for (int tries = 0; tries < 2; tries++) {
		do
			n = recv(fd, &report, sizeof(report), 0);
		while (n < 0 && errno == EINTR);
		if (n >= 0 || errno != ECONNRESET)
			break;
	}
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return err_say(err, ERR_FAILED, "%s ended before the network was ready", name);
	if (n != (ssize_t)sizeof(report))
		return err_set(err, n < 0 ? -errno : -EPROTO, "cannot read the report of %s", name);
	report.text[sizeof(report.text) - 1] = '\0';
	if (report.code == 0)
		return 0;
	if (report.code > 0)
		report.code = -EPROTO;
	if (err)
		*err = report;
	return report.code;
}

int net_add_listener(struct net_process *net, int listener, enum inject_wall wall)
{
	const char message[2] = { NET_MESSAGE_LISTENER, (char)wall };

	return fd_send(net->fd, message, sizeof(message), &listener, 1);
}

int net_stop_injection(struct net_process *net)
{
	const char message = NET_MESSAGE_UNINJECT;

	return fd_send(net->fd, &message, 1, NULL, 0);
}

int net_wait_ready(struct net_process *net, int timeout_ms, struct err *err)
{
	return net_read_report(net->fd, "bryo-net", timeout_ms, err);
}

int net_reload(struct net_process *net, int timeout_ms, struct err *err)
{
	const char message = NET_MESSAGE_RELOAD;
	int r = 0;

	if (net->fd < 0)
		return err_say(err, ERR_STATE, "there is no user-mode network to reload");
	r = fd_send(net->fd, &message, 1, NULL, 0);
	if (r < 0)
		return err_set(err, r, "bryo-net has ended");
	return net_read_report(net->fd, "bryo-net", timeout_ms, err);
}

/* Reads until the other end closes: bryo-net does so when all its ports are free. */
static bool wait_end(int fd, int timeout_ms)
{
	char data[sizeof(struct err)];

	while (wait_readable(fd, timeout_ms) > 0)
		if (recv(fd, data, sizeof(data), 0) <= 0)
			return true;
	return false;
}

void net_stop(struct net_process *net)
{
	const int keep_errno = errno;

	if (net->fd >= 0) {
		(void)shutdown(net->fd, SHUT_WR);
		if (net->pid > 0 && !wait_end(net->fd, STOP_MS))
			(void)kill(net->pid, SIGKILL);
		fd_close(&net->fd);
	}
	if (net->pid > 0 && waitpid(net->pid, NULL, WNOHANG) != 0)
		net->pid = 0;
	errno = keep_errno;
}

void net_reap(struct net_process *net)
{
	const int keep_errno = errno;

	while (net->pid > 0 && waitpid(net->pid, NULL, 0) < 0 && errno == EINTR)
		;
	net->pid = 0;
	errno = keep_errno;
}
