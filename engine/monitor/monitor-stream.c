/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's data: output from pipes or a pty to the log and to attached clients, input from
 * clients to the container. Runs in the monitor; nothing here may block but a write to the log
 * file.
 *
 * Output moves in chunks: one read, one addition to the log, one write per client. The next chunk
 * is read when every client has taken this one, so a slow client slows the container, and the log
 * is complete in any case. Without a log and with one client nothing is copied (splice).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/time.h"
#include "engine/monitor/monitor-internal.h"

#define INPUT_SIZE 4096
/* Chunks in a row from one stream before the others are looked at. */
#define TURNS 8
/* A terminal that was hung up is taken anew at most so often. */
#define HOLD_NS 5000000

static bool bytes_waiting(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* ---- Output ---- */

/*
 * What the stream's descriptor is watched for. With no events asked EPOLLHUP is still reported,
 * again and again: EPOLLONESHOT silences a paused one after the first report.
 */
static void watch_stream(struct monitor *m, int stream)
{
	struct stream *s = &m->streams[stream];
	uint32_t events = s->paused ? 0 : EPOLLIN;

	if (m->terminal && m->input_begin < m->input_end)
		events |= EPOLLOUT;
	if (s->fd >= 0)
		(void)loop_change(&m->loop, s->fd, events ? events : EPOLLONESHOT);
}

static void stream_end(struct monitor *m, int stream)
{
	struct stream *s = &m->streams[stream];

	if (s->fd < 0)
		return;
	log_writer_flush(m->args->log, (enum log_stream)stream);
	loop_remove(&m->loop, s->fd);
	fd_close(&s->fd);
	if (m->terminal)
		m->stdin_fd = -1;
}

/* True when no client waits for a part of the present chunk. */
static bool chunk_taken(const struct monitor *m, int stream)
{
	for (const struct client *c = m->clients; c; c = c->next)
		if (c->out[stream] >= 0 && c->sent[stream] < m->streams[stream].size)
			return false;
	return true;
}

static void resume(struct monitor *m, int stream)
{
	struct stream *s = &m->streams[stream];

	if (!s->paused || !chunk_taken(m, stream))
		return;
	s->paused = false;
	s->size = 0;
	watch_stream(m, stream);
}

/* Gives a client what it lacks of the present chunk; false when it has gone. */
static bool push(struct monitor *m, struct client *c, int stream)
{
	const struct stream *s = &m->streams[stream];

	while (c->sent[stream] < s->size) {
		ssize_t n = write(c->out[stream], s->chunk + c->sent[stream],
				  s->size - c->sent[stream]);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->sent[stream] += (size_t)n;
	}
	return true;
}

void stream_leave(struct monitor *m, struct client *c, int stream)
{
	if (c->out[stream] < 0)
		return;
	loop_remove(&m->loop, c->out[stream]);
	fd_close(&c->out[stream]);
	resume(m, stream);
}

/* A client's pipe has room again, or its reader has gone. */
static int on_client_out(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct client *c = data;
	struct monitor *m = c->monitor;
	int stream = fd == c->out[LOG_STDOUT] ? LOG_STDOUT : LOG_STDERR;

	if ((events & EPOLLERR) || !push(m, c, stream)) {
		stream_leave(m, c, stream);
		return 0;
	}
	if (c->sent[stream] >= m->streams[stream].size) {
		(void)loop_change(loop, fd, 0);
		resume(m, stream);
	}
	return 0;
}

/* The only client of this stream, when nobody keeps a log: its pipe can have the data itself. */
static struct client *only_taker(const struct monitor *m, int stream)
{
	struct client *taker = NULL;

	if (m->args->log || m->terminal)
		return NULL;
	for (struct client *c = m->clients; c; c = c->next) {
		if (c->out[stream] < 0)
			continue;
		if (taker)
			return NULL;
		taker = c;
	}
	return taker;
}

/* 1: go on, 0: nothing more now, -1: the stream has ended, -2: read and write instead. */
static int pass_on(struct monitor *m, int stream, struct client *c)
{
	struct stream *s = &m->streams[stream];
	ssize_t n = splice(s->fd, NULL, c->out[stream], NULL, 1 << 20,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n > 0)
		return 1;
	if (n == 0)
		return -1;
	if (errno == EPIPE)
		stream_leave(m, c, stream);
	else if (errno == EINVAL)
		return -2;
	else if (errno == EAGAIN && bytes_waiting(s->fd)) {
		s->paused = true;
		watch_stream(m, stream);
		(void)loop_change(&m->loop, c->out[stream], EPOLLOUT);
	}
	return 0;
}

static void deliver(struct monitor *m, int stream)
{
	struct stream *s = &m->streams[stream];
	struct client *next = NULL;

	log_writer_add(m->args->log, (enum log_stream)stream, s->chunk, s->size);
	for (struct client *c = m->clients; c; c = next) {
		next = c->next;
		if (c->out[stream] < 0)
			continue;
		c->sent[stream] = 0;
		if (!push(m, c, stream)) {
			stream_leave(m, c, stream);
		} else if (c->sent[stream] < s->size) {
			s->paused = true;
			(void)loop_change(&m->loop, c->out[stream], EPOLLOUT);
		}
	}
	if (s->paused)
		watch_stream(m, stream);
	else
		s->size = 0;
}

/* One chunk; same values as pass_on(). */
static int move_chunk(struct monitor *m, int stream)
{
	struct stream *s = &m->streams[stream];
	struct client *taker = only_taker(m, stream);
	int r = taker ? pass_on(m, stream, taker) : -2;
	ssize_t n = 0;

	if (r != -2)
		return r;
	n = read(s->fd, s->chunk, MONITOR_CHUNK);
	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	s->size = (size_t)n;
	deliver(m, stream);
	/* A short read emptied the pipe: ask epoll, not the pipe, when there is more. */
	return s->paused || n < 4096 ? 0 : 1;
}

/*
 * A terminal hangs up when its session leader ends (and so our own hold on its other side with it),
 * though the container may open it again. Taking hold anew makes that work.
 */
static bool hold_terminal(struct monitor *m)
{
	int64_t now = time_monotonic();

	/* Whatever hangs it up again and again must not make us spin. */
	if (now - m->held_at < HOLD_NS)
		(void)usleep(HOLD_NS / 1000);
	m->held_at = now;
	fd_close(&m->peer_fd);
	m->peer_fd = ioctl(m->streams[LOG_STDOUT].fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return m->peer_fd >= 0;
}

static int input_flush(struct monitor *m);

static int on_stream(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct monitor *m = data;
	int stream = fd == m->streams[LOG_STDOUT].fd ? LOG_STDOUT : LOG_STDERR;
	int r = 1;

	(void)loop;
	if (m->terminal && (events & EPOLLOUT))
		(void)input_flush(m);
	if (m->streams[stream].paused || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	monitor_touch(m);
	for (int i = 0; r == 1 && i < TURNS; i++)
		r = move_chunk(m, stream);
	if (r == -1 && !(m->terminal && hold_terminal(m))) {
		stream_end(m, stream);
		for (struct client *c = m->clients, *next = NULL; c; c = next) {
			next = c->next;
			stream_leave(m, c, stream); /* the client sees the end of this stream */
		}
	}
	return 0;
}

/* ---- Input ---- */

static void close_stdin(struct monitor *m)
{
	if (m->stdin_fd >= 0 && !m->terminal) {
		loop_remove(&m->loop, m->stdin_fd);
		fd_close(&m->stdin_fd);
	}
	for (struct client *c = m->clients; c; c = c->next) {
		if (c->in >= 0)
			loop_remove(&m->loop, c->in);
		fd_close(&c->in);
	}
}

void input_leave(struct monitor *m, struct client *c)
{
	if (c->in < 0)
		return;
	loop_remove(&m->loop, c->in);
	fd_close(&c->in);
	if (!m->terminal && m->args->stdin_mode == MONITOR_STDIN_ONCE)
		close_stdin(m);
}

/* The container does not take more now: wait for it, and silence the clients meanwhile. */
static void input_pause(struct monitor *m)
{
	for (struct client *c = m->clients; c; c = c->next) {
		if (c->in < 0)
			continue;
		c->in_paused = true;
		(void)loop_change(&m->loop, c->in, EPOLLONESHOT);
	}
	if (m->terminal)
		watch_stream(m, LOG_STDOUT);
	else
		(void)loop_change(&m->loop, m->stdin_fd, EPOLLOUT);
}

static void input_resume(struct monitor *m)
{
	for (struct client *c = m->clients; c; c = c->next) {
		if (c->in < 0 || !c->in_paused)
			continue;
		c->in_paused = false;
		(void)loop_change(&m->loop, c->in, EPOLLIN);
	}
	if (m->terminal)
		watch_stream(m, LOG_STDOUT);
	else
		(void)loop_change(&m->loop, m->stdin_fd, 0);
}

/* Writes what the terminal has not taken yet. 0: all gone, 1: some waits. */
static int input_flush(struct monitor *m)
{
	while (m->input_begin < m->input_end) {
		ssize_t n = write(m->stdin_fd, m->input + m->input_begin,
				  m->input_end - m->input_begin);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n < 0)
			break; /* hung up: nobody will read this */
		m->input_begin += (size_t)n;
	}
	m->input_begin = m->input_end = 0;
	input_resume(m);
	return 0;
}

/* The container's standard input has room, or its reader has gone. */
static int on_stdin(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct monitor *m = data;

	(void)loop;
	(void)fd;
	if (events & EPOLLERR)
		close_stdin(m);
	else
		input_resume(m);
	return 0;
}

static void type_input(struct monitor *m, struct client *c)
{
	ssize_t n = read(c->in, m->input, INPUT_SIZE);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		input_leave(m, c);
		return;
	}
	m->input_begin = 0;
	m->input_end = (size_t)n;
	if (input_flush(m) != 0)
		input_pause(m);
}

static int on_client_in(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct client *c = data;
	struct monitor *m = c->monitor;
	ssize_t n = 0;

	(void)loop;
	(void)events;
	if (c->in_paused)
		return 0;
	monitor_touch(m);
	if (m->terminal) {
		type_input(m, c);
		return 0;
	}
	n = splice(fd, NULL, m->stdin_fd, NULL, MONITOR_CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n == 0)
		input_leave(m, c);
	else if (n < 0 && errno == EAGAIN && bytes_waiting(fd))
		input_pause(m);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		close_stdin(m);
	return 0;
}

/* ---- Clients come ---- */

int stream_join(struct monitor *m, struct client *c)
{
	int r = 0;

	if (c->in >= 0 && m->stdin_fd < 0)
		fd_close(&c->in);
	if (c->in >= 0)
		r = loop_add(&m->loop, c->in, EPOLLIN, on_client_in, c);
	if (r == 0 && c->in >= 0 && m->input_begin < m->input_end) {
		c->in_paused = true;
		(void)loop_change(&m->loop, c->in, EPOLLONESHOT);
	}
	for (int i = 0; i < LOG_STREAMS && r == 0; i++) {
		if (m->streams[i].fd < 0)
			fd_close(&c->out[i]);
		/* The present chunk was read before it came. */
		c->sent[i] = m->streams[i].size;
		if (c->out[i] >= 0)
			r = loop_add(&m->loop, c->out[i], 0, on_client_out, c);
	}
	return r;
}

/* ---- Life ---- */

static int map(size_t size, char **ret_data)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	*ret_data = p;
	return 0;
}

int streams_open(struct monitor *m)
{
	const struct monitor_args *args = m->args;
	int r = map(INPUT_SIZE, &m->input);

	m->terminal = args->terminal_fd >= 0;
	m->streams[LOG_STDOUT].fd = m->terminal ? args->terminal_fd : args->stdout_fd;
	m->streams[LOG_STDERR].fd = m->terminal ? -1 : args->stderr_fd;
	m->stdin_fd = m->terminal ? args->terminal_fd : args->stdin_fd;
	if (m->terminal && !hold_terminal(m))
		return -errno;
	for (int i = 0; i < LOG_STREAMS && r == 0; i++) {
		if (m->streams[i].fd < 0)
			continue;
		r = map(MONITOR_CHUNK, &m->streams[i].chunk);
		if (r == 0)
			r = fd_set_nonblock(m->streams[i].fd, true);
		if (r == 0)
			r = loop_add(&m->loop, m->streams[i].fd, EPOLLIN, on_stream, m);
	}
	if (r == 0 && m->stdin_fd >= 0 && !m->terminal) {
		r = fd_set_nonblock(m->stdin_fd, true);
		if (r == 0)
			r = loop_add(&m->loop, m->stdin_fd, 0, on_stdin, m);
	}
	return r;
}

void streams_close(struct monitor *m)
{
	for (int i = 0; i < LOG_STREAMS; i++) {
		stream_end(m, i);
		if (m->streams[i].chunk)
			(void)munmap(m->streams[i].chunk, MONITOR_CHUNK);
	}
	close_stdin(m);
	fd_close(&m->peer_fd);
	if (m->input)
		(void)munmap(m->input, INPUT_SIZE);
}

void streams_trim(struct monitor *m)
{
	for (int i = 0; i < LOG_STREAMS; i++)
		if (m->streams[i].chunk && m->streams[i].size == 0)
			(void)madvise(m->streams[i].chunk, MONITOR_CHUNK, MADV_DONTNEED);
	if (m->input_begin == m->input_end)
		(void)madvise(m->input, INPUT_SIZE, MADV_DONTNEED);
	log_writer_trim(m->args->log);
}

/* ---- The end ---- */

static void rest_add(struct rest *rest, const char *data, size_t size)
{
	if (rest->end + size > rest->capacity) {
		size_t capacity = (rest->end + size) * 2;
		char *bigger = realloc(rest->data, capacity);

		if (!bigger)
			return; /* this client loses the tail; the log has it */
		rest->data = bigger;
		rest->capacity = capacity;
	}
	memcpy(rest->data + rest->end, data, size);
	rest->end += size;
}

/* Turns what a client lacks of the present chunk into its rest, and pushes the rest. */
static void keep_rest(struct monitor *m, struct client *c, int stream)
{
	struct stream *s = &m->streams[stream];
	struct rest *rest = &c->rest[stream];

	if (c->out[stream] < 0)
		return;
	if (rest->end == 0 && !push(m, c, stream)) {
		stream_leave(m, c, stream);
		return;
	}
	if (c->sent[stream] < s->size)
		rest_add(rest, s->chunk + c->sent[stream], s->size - c->sent[stream]);
	c->sent[stream] = s->size;
}

static void drain(struct monitor *m, int stream)
{
	struct stream *s = &m->streams[stream];
	size_t total = 0;

	for (;;) {
		ssize_t n = 0;

		for (struct client *c = m->clients, *next = NULL; c; c = next) {
			next = c->next;
			keep_rest(m, c, stream);
		}
		s->size = 0;
		if (s->fd < 0 || total >= MONITOR_TAIL_MAX)
			break;
		do
			n = read(s->fd, s->chunk, MONITOR_CHUNK);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			break; /* empty, or the end: other holders of a pipe do not keep us */
		s->size = (size_t)n;
		total += (size_t)n;
		log_writer_add(m->args->log, (enum log_stream)stream, s->chunk, s->size);
		for (struct client *c = m->clients; c; c = c->next)
			c->sent[stream] = 0;
	}
	log_writer_flush(m->args->log, (enum log_stream)stream);
}

void streams_drain(struct monitor *m)
{
	for (int i = 0; i < LOG_STREAMS; i++) {
		/* From here on the loop does not run; nothing resumes. */
		m->streams[i].paused = true;
		drain(m, i);
	}
}
