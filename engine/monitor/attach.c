/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a monitor and speaking with it: see attach.h and docs/formats/attach.md. Runs in commands
 * (connect, join, requests) and, for the messages, in the monitor. What arrives is checked for
 * size, version, kind and range before anything looks at it.
 */
#include "engine/monitor/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/time.h"
#include "engine/monitor/attach-internal.h"

/* ---- Messages ---- */

int attach_message_check(const void *data, size_t size, struct attach_message *ret_message)
{
	struct attach_message m = { 0 };

	if (size != sizeof(m))
		return -EPROTO;
	memcpy(&m, data, sizeof(m));
	if (m.magic != ATTACH_MAGIC)
		return -EPROTO;
	switch (m.type) {
	case ATTACH_JOIN:
		if (m.a < 0 || m.a > (ATTACH_STDIN | ATTACH_STDOUT | ATTACH_STDERR))
			return -EPROTO;
		break;
	case ATTACH_RESIZE:
		if (m.a < 0 || m.a > UINT16_MAX || m.b < 0 || m.b > UINT16_MAX)
			return -EPROTO;
		break;
	case ATTACH_KILL:
	case ATTACH_STOP:
		if (m.a < (m.type == ATTACH_KILL) || m.a >= NSIG || m.b < -1)
			return -EPROTO;
		break;
	case ATTACH_REPLY:
		if (m.a > 0 || m.a < -4095)
			return -EPROTO;
		break;
	case ATTACH_EXIT:
		if (m.a < 0 || m.a > 255)
			return -EPROTO;
		break;
	case ATTACH_REOPEN:
	case ATTACH_RELOAD:
	case ATTACH_LISTENER:
	case ATTACH_UNINJECT:
	case ATTACH_WAIT:
		break;
	default:
		return -EPROTO;
	}
	*ret_message = m;
	return 0;
}

int attach_message_send(int control, enum attach_type type, int64_t a, int64_t b)
{
	struct attach_message m = { .magic = ATTACH_MAGIC, .type = type, .a = a, .b = b };

	return fd_send(control, &m, sizeof(m), NULL, 0);
}

void attach_exit_from(const struct attach_message *m, struct attach_exit *ret_exit)
{
	*ret_exit = (struct attach_exit){
		.status = (int)m->a,
		.signal = (int)(m->b & 0x7f),
		.oom = (m->b & ATTACH_EXIT_OOM) != 0,
		.stopped = (m->b & ATTACH_EXIT_STOPPED) != 0,
	};
}

int attach_exit_send(int control, const struct attach_exit *exit)
{
	int64_t b = exit->signal | (exit->oom ? ATTACH_EXIT_OOM : 0) |
		    (exit->stopped ? ATTACH_EXIT_STOPPED : 0);

	return attach_message_send(control, ATTACH_EXIT, exit->status, b);
}

/* Waits for the next message that is an answer; EXIT is one too. timeout_ms -1: for ever. */
static int receive(int control, int64_t timeout_ms, struct attach_message *ret_message)
{
	int64_t deadline = time_monotonic() / 1000000 + timeout_ms;
	char data[sizeof(*ret_message) + 1];
	size_t size = 0;

	if (timeout_ms >= 0) {
		struct pollfd p = { .fd = control, .events = POLLIN };
		int n = 0;

		do {
			int64_t left = deadline - time_monotonic() / 1000000;

			n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : left < 0 ? 0 : (int)left);
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
	}
	for (;;) {
		int r = fd_recv(control, data, sizeof(data), &size, NULL, NULL);

		return r < 0 ? r : attach_message_check(data, size, ret_message);
	}
}

/* The answer to a request that was sent with result r. */
static int take_reply(int control, int r)
{
	struct attach_message m = { 0 };

	/* A monitor about to end hears no more, but its last message is still here. */
	while (r == 0 || r == -EPIPE) {
		r = receive(control, -1, &m);
		if (r == 0 && m.type == ATTACH_REPLY)
			return (int)m.a;
		/* EXIT crossed our request: the container has ended. */
		if (r == 0 && m.type == ATTACH_EXIT)
			return -ESRCH;
	}
	return r;
}

static int request(int control, enum attach_type type, int64_t a, int64_t b)
{
	return take_reply(control, attach_message_send(control, type, a, b));
}

int attach_resize(int control, unsigned int rows, unsigned int columns)
{
	return request(control, ATTACH_RESIZE, rows, columns);
}

int attach_kill(int control, int signal)
{
	return request(control, ATTACH_KILL, signal, 0);
}

int attach_stop(int control, int signal, int64_t timeout_ms)
{
	return request(control, ATTACH_STOP, signal, timeout_ms);
}

int attach_reopen_log(int control)
{
	return request(control, ATTACH_REOPEN, 0, 0);
}

int attach_reload_network(int control)
{
	return request(control, ATTACH_RELOAD, 0, 0);
}

int attach_pass_listener(int control, int listener, int kind)
{
	const struct attach_message m = { .magic = ATTACH_MAGIC,
					  .type = ATTACH_LISTENER,
					  .a = kind };

	return take_reply(control, fd_send(control, &m, sizeof(m), &listener, 1));
}

int attach_stop_injection(int control)
{
	return request(control, ATTACH_UNINJECT, 0, 0);
}

int attach_wait(int control, int64_t timeout_ms, struct attach_exit *ret_exit)
{
	struct attach_message m = { 0 };
	int r = attach_message_send(control, ATTACH_WAIT, 0, 0);

	/* A monitor that is about to end may have closed its side; its last message is still here.
	 */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		return r;
	do
		r = receive(control, timeout_ms, &m);
	while (r == 0 && m.type != ATTACH_EXIT);
	if (r < 0)
		return r;
	attach_exit_from(&m, ret_exit);
	return 0;
}

/* ---- Both sides at once, and pipes ---- */

void attach_peer_done(struct attach_peer *peer)
{
	fd_close(&peer->control);
	fd_close(&peer->in);
	fd_close(&peer->out);
	fd_close(&peer->err);
}

/* Makes the pipes of streams; each side gets its ends. The monitor's must never block. */
static int make_pipes(unsigned int streams, struct attach_peer *client, struct attach_peer *monitor)
{
	int *const ends[][2] = {
		{ &monitor->in, &client->in },
		{ &client->out, &monitor->out },
		{ &client->err, &monitor->err },
	};
	const unsigned int bits[] = { ATTACH_STDIN, ATTACH_STDOUT, ATTACH_STDERR };

	for (size_t i = 0; i < 3; i++) {
		int pipe_ends[2];

		if (!(streams & bits[i]))
			continue;
		if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) < 0)
			return -errno;
		*ends[i][0] = pipe_ends[0];
		*ends[i][1] = pipe_ends[1];
	}
	return 0;
}

int attach_pair(unsigned int streams, struct attach_peer *ret_client,
		struct attach_peer *ret_monitor, struct err *err)
{
	struct attach_peer client auto_done(attach_peer) = ATTACH_PEER_INIT;
	struct attach_peer monitor auto_done(attach_peer) = ATTACH_PEER_INIT;
	int ends[2];
	int r = fd_socketpair(SOCK_SEQPACKET | SOCK_NONBLOCK, ends);

	if (r == 0) {
		client.control = ends[0];
		monitor.control = ends[1];
		r = make_pipes(streams, &client, &monitor);
	}
	/* Our side's requests wait for their answers. */
	if (r == 0)
		r = fd_set_nonblock(client.control, false);
	if (r < 0)
		return err_set(err, r, "cannot make the pipes of a container's output");
	*ret_client = client;
	*ret_monitor = monitor;
	client = monitor = ATTACH_PEER_INIT;
	return 0;
}

int attach_join(int control, unsigned int streams, struct attach_peer *ret_peer, struct err *err)
{
	struct attach_peer client auto_done(attach_peer) = ATTACH_PEER_INIT;
	struct attach_peer monitor auto_done(attach_peer) = ATTACH_PEER_INIT;
	struct attach_message m = { .magic = ATTACH_MAGIC, .type = ATTACH_JOIN, .a = streams };
	int fds[3];
	size_t count = 0;
	int r = 0;

	client.control = control;
	r = make_pipes(streams, &client, &monitor);
	if (r < 0)
		return err_set(err, r, "cannot make pipes");
	if (monitor.in >= 0)
		fds[count++] = monitor.in;
	if (monitor.out >= 0)
		fds[count++] = monitor.out;
	if (monitor.err >= 0)
		fds[count++] = monitor.err;
	r = fd_send(control, &m, sizeof(m), fds, count);
	if (r == 0)
		r = receive(control, -1, &m);
	if (r == 0 && m.type == ATTACH_REPLY)
		r = (int)m.a;
	else if (r == 0)
		r = -ECONNRESET;
	if (r < 0)
		return err_set(err, r, "cannot attach to the container");
	*ret_peer = client;
	client = ATTACH_PEER_INIT;
	return 0;
}

/* ---- The socket in the file system ---- */

/* A path through the folder's descriptor: short whatever the folder is called (unix(7): 108). */
static int make_address(int dir_fd, const char *name, struct sockaddr_un *ret_address)
{
	int n = 0;

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/%s",
		     dir_fd, name);
	return n < 0 || (size_t)n >= sizeof(ret_address->sun_path) ? -ENAMETOOLONG : 0;
}

int attach_listen(int dir_fd, const char *name, int *ret_fd, struct err *err)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r = fd < 0 ? -errno : make_address(dir_fd, name, &address);

	if (r < 0)
		return err_set(err, r, "cannot make the socket %s", name);
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot replace the socket %s", name);
	/* The mode given here becomes that of the file, less the umask: nobody can slip in between.
	 */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 64) < 0)
		return err_set(err, -errno, "cannot listen on the socket %s", name);
	*ret_fd = fd_take(&fd);
	return 0;
}

int attach_connect(int dir_fd, const char *name, int *ret_control, struct err *err)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r = fd < 0 ? -errno : make_address(dir_fd, name, &address);

	if (r < 0)
		return err_set(err, r, "cannot make a socket");
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "cannot reach the container's monitor");
	*ret_control = fd_take(&fd);
	return 0;
}
