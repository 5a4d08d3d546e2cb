/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's clients: connections, requests, the word of the end. Runs in the monitor. A
 * client belongs to the same user (the socket has mode 0600), but may be killed, stuck or of
 * another version at any moment: nothing waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/monitor/attach-internal.h"
#include "engine/monitor/monitor-internal.h"

static void control_leave(struct client *c)
{
	if (c->control < 0)
		return;
	loop_remove(&c->monitor->loop, c->control);
	fd_close(&c->control);
}

void client_drop(struct client *c)
{
	struct monitor *m = c->monitor;
	struct client **link = &m->clients;

	control_leave(c);
	for (int i = 0; i < LOG_STREAMS; i++)
		stream_leave(m, c, i);
	input_leave(m, c);
	while (*link && *link != c)
		link = &(*link)->next;
	if (*link)
		*link = c->next;
	m->client_count--;
	free(c->rest[LOG_STDOUT].data);
	free(c->rest[LOG_STDERR].data);
	free(c);
}

/*
 * The client has gone, killed perhaps: what it had written is input all the same, so it lives on
 * until that was taken. clients_sweep() frees it, when no handler holds it.
 */
static void client_gone(struct client *c)
{
	control_leave(c);
	for (int i = 0; i < LOG_STREAMS; i++)
		stream_leave(c->monitor, c, i);
}

void clients_sweep(struct monitor *m)
{
	for (struct client *c = m->clients, *next = NULL; c; c = next) {
		next = c->next;
		if (c->control < 0 && c->in < 0)
			client_drop(c);
	}
}

/* ---- Requests ---- */

static bool is_pipe(int fd, int access)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) == access;
}

/* Takes the pipes that came with a JOIN; fds that are not taken stay in fds[]. */
static int join(struct client *c, unsigned int streams, int *fds, size_t count)
{
	int *const ends[] = { &c->in, &c->out[LOG_STDOUT], &c->out[LOG_STDERR] };
	size_t next = 0;
	int r = c->joined ? -EALREADY : 0;

	for (size_t i = 0; i < 3 && r == 0; i++) {
		if (!(streams & (1U << i)))
			continue;
		if (next >= count || !is_pipe(fds[next], i == 0 ? O_RDONLY : O_WRONLY))
			return -EINVAL;
		r = fd_set_nonblock(fds[next], true);
		*ends[i] = fd_take(&fds[next]);
		next++;
	}
	if (r == 0)
		r = stream_join(c->monitor, c);
	c->joined = c->joined || r == 0;
	return r;
}

static int resize(const struct monitor *m, const struct attach_message *message)
{
	struct winsize size = { .ws_row = (unsigned short)message->a,
				.ws_col = (unsigned short)message->b };

	if (!m->terminal || m->streams[LOG_STDOUT].fd < 0)
		return -ENOTTY;
	return ioctl(m->streams[LOG_STDOUT].fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/* Between two runs there is nothing to attach to: the answer is how the last one ended. */
static int obey_between(struct client *c, const struct attach_message *message)
{
	struct monitor *m = c->monitor;

	switch (message->type) {
	case ATTACH_JOIN:
	case ATTACH_WAIT:
		(void)attach_exit_send(c->control,
				       &m->between->exit); /* gone: dropped at the next event */
		return 1;
	case ATTACH_STOP:
		m->stopped = true;
		return 0;
	case ATTACH_REOPEN:
		return log_writer_reopen(m->args->log);
	default:
		return -ESRCH;
	}
}

/* Returns the answer's errno, or 1 when none is due. */
static int obey(struct client *c, const struct attach_message *message, int *fds, size_t count)
{
	struct monitor *m = c->monitor;

	if (m->between)
		return obey_between(c, message);
	switch (message->type) {
	case ATTACH_JOIN:
		return join(c, (unsigned int)message->a, fds, count);
	case ATTACH_RESIZE:
		return resize(m, message);
	case ATTACH_KILL:
		return proc_kill(m->args->pidfd, (int)message->a);
	case ATTACH_STOP:
		monitor_stop(m, (int)message->a, message->b);
		return 0;
	case ATTACH_REOPEN:
		return log_writer_reopen(m->args->log);
	case ATTACH_RELOAD:
		return m->args->hooks->on_reload ? m->args->hooks->on_reload(m->args->data)
						 : -EOPNOTSUPP;
	case ATTACH_LISTENER:
		if (count != 1 || !m->args->hooks->on_listener)
			return -EOPNOTSUPP;
		return m->args->hooks->on_listener(m->args->data, fds[0], (int)message->a);
	case ATTACH_UNINJECT:
		return m->args->hooks->on_uninject ? m->args->hooks->on_uninject(m->args->data)
						   : -EOPNOTSUPP;
	case ATTACH_WAIT:
		return 1; /* the word of the end is for every client */
	default:
		return -EPROTO; /* a monitor's own words, sent to a monitor */
	}
}

/* Takes one request. -EAGAIN: there is none now; another error: the client has gone or is none. */
static int take_request(struct client *c)
{
	char bytes[sizeof(struct attach_message) + 1];
	struct attach_message message;
	int fds[3] = { -1, -1, -1 };
	size_t count = ARRAY_SIZE(fds);
	size_t size = 0;
	int r = fd_recv(c->control, bytes, sizeof(bytes), &size, fds, &count);

	if (r == 0)
		r = attach_message_check(bytes, size, &message);
	if (r == 0) {
		int answer = obey(c, &message, fds, count);

		/* A client that never reads its answers is no client: its socket fills up. */
		if (answer <= 0)
			r = attach_message_send(c->control, ATTACH_REPLY, answer, 0);
		if (r == -EAGAIN)
			r = -EPIPE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(&fds[i]);
	return r;
}

static int on_control(struct loop *loop, int fd, uint32_t events, void *data)
{
	int r = take_request(data);

	(void)loop;
	(void)fd;
	(void)events;
	if (r < 0 && r != -EAGAIN)
		client_gone(data);
	return 0;
}

/* ---- Coming ---- */

int client_add(struct monitor *m, const struct attach_peer *peer, bool joined)
{
	struct client *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c) {
		struct attach_peer gone = *peer;

		attach_peer_done(&gone);
		return -ENOMEM;
	}
	*c = (struct client){ .next = m->clients,
			      .monitor = m,
			      .control = peer->control,
			      .in = peer->in,
			      .out = { peer->out, peer->err },
			      .joined = joined };
	m->clients = c;
	m->client_count++;
	r = loop_add(&m->loop, c->control, EPOLLIN, on_control, c);
	if (r == 0)
		r = stream_join(m, c);
	if (r < 0)
		client_drop(c);
	return r;
}

static int on_listen(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct monitor *m = data;

	(void)loop;
	(void)events;
	for (;;) {
		struct attach_peer peer = ATTACH_PEER_INIT;

		peer.control = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer.control < 0)
			return 0;
		if (m->client_count >= MONITOR_CLIENTS)
			fd_close(&peer.control);
		else
			(void)client_add(m, &peer,
					 false); /* no memory: the client sees a closed socket */
	}
}

int clients_listen(struct monitor *m)
{
	return m->args->listen_fd < 0
		       ? 0
		       : loop_add(&m->loop, m->args->listen_fd, EPOLLIN, on_listen, m);
}

/* ---- Going ---- */

static bool has_rest(const struct client *c)
{
	for (int i = 0; i < LOG_STREAMS; i++)
		if (c->out[i] >= 0 && c->rest[i].begin < c->rest[i].end)
			return true;
	return false;
}

/* Writes one rest as far as it goes; closes the pipe when nothing is left or its reader has gone.
 */
static void push_rest(struct client *c, int stream)
{
	struct rest *rest = &c->rest[stream];

	while (rest->begin < rest->end) {
		ssize_t n =
			write(c->out[stream], rest->data + rest->begin, rest->end - rest->begin);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			rest->begin += (size_t)n;
	}
	fd_close(&c->out[stream]);
}

/*
 * The child that feeds clients which were slow when the container ended. It has the monitor's ids;
 * holds the clients' descriptors only (no lock, no log, no listening socket), so the monitor's end
 * and a restart do not wait for it. It gains nothing after. Ends when each client has all, or has
 * gone.
 */
__attribute__((noreturn)) static void feed_rests(struct monitor *m, const struct attach_exit *exit)
{
	int keep[MONITOR_CLIENTS * 3];
	size_t count = 0;
	bool more = true;

	for (struct client *c = m->clients; c; c = c->next) {
		if (!has_rest(c))
			continue;
		keep[count++] = c->control;
		for (int i = 0; i < LOG_STREAMS; i++)
			if (c->out[i] >= 0)
				keep[count++] = c->out[i];
	}
	if (fd_close_all_but(keep, count) < 0)
		_exit(1);
	proc_set_title("bryo: last output");
	while (more) {
		struct pollfd p[MONITOR_CLIENTS * LOG_STREAMS];
		nfds_t n = 0;

		more = false;
		for (struct client *c = m->clients; c; c = c->next) {
			for (int i = 0; i < LOG_STREAMS && c->control >= 0; i++) {
				if (c->out[i] < 0)
					continue;
				push_rest(c, i);
				if (c->out[i] >= 0)
					p[n++] = (struct pollfd){ .fd = c->out[i],
								  .events = POLLOUT };
			}
			if (c->control >= 0 && !has_rest(c)) {
				(void)attach_exit_send(c->control, exit); /* gone: nobody to tell */
				fd_close(&c->control);
			}
			more = more || c->control >= 0;
		}
		if (more)
			(void)poll(p, n, -1);
	}
	_exit(0);
}

/*
 * Obeys what a client had said until now, and shuts its mouth first: were a request left unread,
 * closing the socket would make the client's next recv fail with ECONNRESET (unix(7)) in place of
 * the word of the end. A later request fails with EPIPE, and the word is there to be read.
 */
static void hear_out(struct client *c)
{
	if (c->control < 0)
		return;
	(void)shutdown(c->control, SHUT_RD);
	while (take_request(c) == 0)
		;
}

void clients_finish(struct monitor *m, const struct attach_exit *exit)
{
	bool rests = false;
	pid_t pid = -1;

	/* Who has connected meanwhile is told as well. */
	if (m->args->listen_fd >= 0)
		(void)on_listen(&m->loop, m->args->listen_fd, EPOLLIN, m);
	for (struct client *c = m->clients; c; c = c->next)
		hear_out(c);
	for (struct client *c = m->clients, *next = NULL; c; c = next) {
		next = c->next;
		if (c->control >= 0 && has_rest(c)) {
			rests = true;
			continue;
		}
		if (c->control >= 0)
			(void)attach_exit_send(c->control, exit); /* gone: nobody to tell */
		client_drop(c);
	}
	if (rests)
		pid = fork();
	if (rests && pid == 0)
		feed_rests(m, exit);
	clients_close(m); /* no fork: these clients see their socket closed and read the record */
}

void clients_close(struct monitor *m)
{
	while (m->clients)
		client_drop(m->clients);
}
