/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte streams between two sockets: see splice.h. Runs in bryo-net's sandbox. It looks at no byte;
 * either end may be hostile, and can do no more than end its own connection.
 *
 * Edges: every socket is watched once, for everything, with EPOLLET. After each event both
 * directions run until neither moves: then each waits for an edge that is certain to come, as an
 * empty pipe means an empty source, and bytes in the pipe mean a full sink.
 */
#include "netns/net/splice.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/fd.h"

#define RETRY_NS 100000000LL

static const uint32_t events_wanted = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/* ---- Pipes ---- */

static int pipe_take(struct splice *splice, struct splice_pipe *ret)
{
	int ends[2];

	if (splice->pipe_count > 0) {
		*ret = splice->pipes[--splice->pipe_count];
		return 0;
	}
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	/* Beyond the user's share (pipe(7), pipe-user-pages-soft) it stays as small as it is. */
	(void)fcntl(ends[0], F_SETPIPE_SZ, SPLICE_PIPE_BYTES);
	*ret = (struct splice_pipe){ ends[0], ends[1] };
	return 0;
}

static void pipe_close(struct splice_pipe *pipe)
{
	fd_close(&pipe->read);
	fd_close(&pipe->write);
}

/* An empty pipe goes back; one with bytes in it would give them to somebody else. */
static void pipe_give(struct splice *splice, struct splice_way *way)
{
	if (way->pipe.read < 0)
		return;
	if (way->held == 0 && splice->pipe_count < SPLICE_PIPES)
		splice->pipes[splice->pipe_count++] = way->pipe;
	else
		pipe_close(&way->pipe);
	way->pipe = (struct splice_pipe){ -1, -1 };
}

/* ---- Pairs ---- */

/* Clients that waited for a place or a descriptor may come. */
static void resume(struct splice *splice)
{
	if (!splice->paused)
		return;
	splice->paused = false;
	for (uint32_t i = 0; i < splice->listener_count; i++)
		(void)watch_change(splice->loop, &splice->listeners[i].watch, EPOLLIN);
}

static void pause_clients(struct splice *splice)
{
	splice->paused = true;
	for (uint32_t i = 0; i < splice->listener_count; i++)
		(void)watch_change(splice->loop, &splice->listeners[i].watch, 0);
	watch_timer_set(splice->loop, &splice->again, splice->loop->now + RETRY_NS);
}

/* The edges have passed; epoll tells what is ready again. */
static void look_again(struct splice_pair *pair)
{
	for (int i = 0; i < 2; i++)
		(void)watch_change(pair->splice->loop, &pair->end[i].watch, events_wanted);
}

static void on_again(struct watch_timer *timer)
{
	struct splice *splice =
		(struct splice *)(void *)((char *)timer - offsetof(struct splice, again));

	for (uint32_t i = 0; i < splice->touched; i++) {
		if (!splice->pairs[i].starved)
			continue;
		splice->pairs[i].starved = false;
		look_again(&splice->pairs[i]);
	}
	resume(splice);
}

static bool table_full(const struct splice *splice)
{
	return splice->first_free == 0 && splice->touched == SPLICE_PAIRS;
}

static struct splice_pair *pair_take(struct splice *splice)
{
	struct splice_pair *pair = NULL;

	if (table_full(splice))
		return NULL;
	splice->used++;
	if (splice->first_free == 0)
		return &splice->pairs[splice->touched++];
	pair = &splice->pairs[splice->first_free - 1];
	splice->first_free = pair->next_free;
	return pair;
}

/* The other side must see that this was no orderly end: a reset instead of a FIN (socket(7)). */
static void set_reset(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void pair_end(struct splice_pair *pair, bool reset)
{
	struct splice *splice = pair->splice;

	for (int i = 0; i < 2; i++) {
		struct splice_end *end = &pair->end[i];

		if (reset)
			set_reset(end->watch.fd);
		watch_remove(splice->loop, &end->watch);
		fd_close(&end->watch.fd);
		pipe_give(splice, &pair->way[i]);
	}
	pair->starved = false;
	pair->next_free = splice->first_free;
	splice->first_free = (uint32_t)(pair - splice->pairs) + 1;
	splice->used--;
	resume(splice);
}

/* ---- Bytes ---- */

enum { MOVED_NOTHING = 0, MOVED = 1 };

static ssize_t move_bytes(int from, int to, size_t size)
{
	ssize_t n = 0;

	do
		n = splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* From the source into the pipe. MOVED..., or a negative errno that ends the pair. */
static int fill(struct splice *splice, struct splice_way *way, int source)
{
	ssize_t n = 0;
	int r = 0;

	if (way->ended)
		return MOVED_NOTHING;
	if (way->pipe.read < 0)
		r = pipe_take(splice, &way->pipe);
	if (r < 0)
		return r;
	n = move_bytes(source, way->pipe.write, SPLICE_PIPE_BYTES);
	if (n < 0)
		return n == -EAGAIN ? MOVED_NOTHING : (int)n;
	way->ended = n == 0;
	way->held += (uint32_t)n;
	return MOVED;
}

/* From the pipe into the sink; tells it the end when that is all. */
static int drain(struct splice_way *way, int sink)
{
	ssize_t n = 0;

	if (way->held > 0)
		n = move_bytes(way->pipe.read, sink, way->held);
	if (n < 0)
		return n == -EAGAIN ? MOVED_NOTHING : (int)n;
	way->held -= (uint32_t)n;
	if (way->ended && way->held == 0 && !way->shut) {
		way->shut = true;
		if (shutdown(sink, SHUT_WR) < 0)
			return -errno;
	}
	return n > 0 ? MOVED : MOVED_NOTHING;
}

/*
 * One direction until neither end moves. 0, a negative errno, or 1 when the turn was used up and
 * more may be there.
 */
static int run_way(struct splice *splice, struct splice_way *way, int source, int sink)
{
	int64_t left = SPLICE_TURN;
	int in = 0;
	int out = 0;

	do {
		const uint32_t before = way->held;

		in = fill(splice, way, source);
		left -= way->held - before;
		out = in < 0 ? in : drain(way, sink);
	} while (out >= 0 && (in == MOVED || out == MOVED) && !way->shut && left > 0);
	if (way->held == 0)
		pipe_give(splice, way);
	if (out < 0)
		return out;
	return left <= 0;
}

static bool out_of_descriptors(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOBUFS || code == -ENOMEM;
}

/* No pipe: the bytes wait in their socket until it is tried again. */
static void starve(struct splice_pair *pair)
{
	struct splice *splice = pair->splice;

	pair->starved = true;
	watch_timer_set(splice->loop, &splice->again, splice->loop->now + RETRY_NS);
}

static void run_pair(struct splice_pair *pair)
{
	int more = 0;

	for (int i = 0; i < 2; i++) {
		int r = run_way(pair->splice, &pair->way[i], pair->end[i].watch.fd,
				pair->end[1 - i].watch.fd);

		if (out_of_descriptors(r)) {
			starve(pair);
			return;
		}
		if (r < 0) {
			pair_end(pair, true);
			return;
		}
		more |= r;
	}
	if (pair->way[0].shut && pair->way[1].shut)
		pair_end(pair, false);
	else if (more)
		look_again(pair);
}

/* ---- Connecting ---- */

static int socket_error(int fd)
{
	int code = 0;
	socklen_t size = sizeof(code);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		return -errno;
	return -code;
}

static void on_end(struct watch *watch, uint32_t events)
{
	struct splice_pair *pair = ((struct splice_end *)(void *)watch)->pair;
	const bool target = watch == &pair->end[1].watch;

	if (pair->connecting && target && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
		if (socket_error(watch->fd) < 0) {
			pair_end(pair, true);
			return;
		}
		pair->connecting = false;
	}
	if (pair->connecting && !(events & EPOLLERR))
		return; /* what the client has to say waits in its socket */
	/* A reset is an end at once, whatever else is still on its way. */
	if (events & EPOLLERR) {
		pair_end(pair, true);
		return;
	}
	run_pair(pair);
}

int splice_add(struct splice *splice, int a, int b, bool connecting)
{
	struct splice_pair *pair = pair_take(splice);
	const int fds[2] = { a, b };
	int r = 0;

	if (!pair) {
		(void)close(a);
		(void)close(b);
		return -ENOSPC;
	}
	*pair = (struct splice_pair){ .splice = splice, .connecting = connecting };
	for (int i = 0; i < 2; i++) {
		pair->way[i].pipe = (struct splice_pipe){ -1, -1 };
		pair->end[i] = (struct splice_end){ .watch = { .fd = fds[i], .ready = on_end },
						    .pair = pair };
	}
	for (int i = 0; i < 2 && r == 0; i++) {
		r = fd_set_nonblock(fds[i], true);
		/* Small answers must not wait for acknowledgements; no TCP: no matter. */
		(void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		if (r == 0)
			r = watch_add(splice->loop, &pair->end[i].watch, events_wanted);
	}
	if (r < 0)
		pair_end(pair, true);
	return r;
}

/* ---- Listening ---- */

static int connect_target(struct splice_listener *listener, int client, int *ret_fd)
{
	auto_close int fd = socket(listener->address.any.sa_family,
				   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)client;
	if (fd < 0)
		return -errno;
	if (connect(fd, &listener->address.any, listener->size) < 0 && errno != EINPROGRESS)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static void drop(int client)
{
	set_reset(client);
	(void)close(client);
}

static void take_client(struct splice_listener *listener, int client)
{
	int target = -1;
	int r = listener->target(listener, client, &target);

	if (r < 0) {
		drop(client);
		if (out_of_descriptors(r))
			pause_clients(listener->splice);
		return;
	}
	(void)splice_add(listener->splice, client, target, true); /* it has closed them */
}

static void on_client(struct watch *watch, uint32_t events)
{
	struct splice_listener *listener = (struct splice_listener *)(void *)watch;
	struct splice *splice = listener->splice;

	(void)events;
	/* Level-triggered: who is not taken in this turn is told of again. */
	for (int i = 0; i < 64 && !splice->paused; i++) {
		int client = -1;

		if (table_full(splice)) {
			pause_clients(splice);
			return;
		}
		client = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client >= 0)
			take_client(listener, client);
		else if (out_of_descriptors(-errno))
			pause_clients(splice);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static int add_listener(struct splice *splice, int fd, const struct splice_listener *wanted)
{
	for (uint32_t i = 0; i < SPLICE_LISTENERS; i++) {
		struct splice_listener *listener = &splice->listeners[i];
		int r = 0;

		if (i < splice->listener_count && listener->watch.fd >= 0)
			continue;
		if (i == splice->listener_count)
			splice->listener_count++;
		r = fd_set_nonblock(fd, true);
		*listener = *wanted;
		listener->splice = splice;
		listener->watch = (struct watch){ .fd = fd, .ready = on_client };
		if (r == 0)
			r = watch_add(splice->loop, &listener->watch, splice->paused ? 0 : EPOLLIN);
		if (r < 0)
			listener->watch.fd = -1;
		return r;
	}
	return -ENOSPC;
}

int splice_listen(struct splice *splice, int listener, const struct sockaddr *target,
		  socklen_t size)
{
	struct splice_listener wanted = { .target = connect_target, .size = size };

	if (size > sizeof(wanted.address))
		return -EINVAL;
	memcpy(&wanted.address, target, size);
	return add_listener(splice, listener, &wanted);
}

int splice_listen_to(struct splice *splice, int listener, splice_target *target, void *data)
{
	const struct splice_listener wanted = { .target = target, .data = data };

	return add_listener(splice, listener, &wanted);
}

bool splice_unlisten(struct splice *splice, int listener)
{
	for (uint32_t i = 0; i < splice->listener_count; i++) {
		struct watch *watch = &splice->listeners[i].watch;

		if (watch->fd != listener || listener < 0)
			continue;
		watch_remove(splice->loop, watch);
		fd_close(&watch->fd);
		return true;
	}
	return false;
}

/* ---- Life ---- */

void splice_open(struct splice *splice, struct watch_loop *loop)
{
	splice->loop = loop;
	splice->used = splice->touched = splice->first_free = 0;
	splice->listener_count = 0;
	splice->pipe_count = 0;
	splice->paused = false;
	splice->again = (struct watch_timer){ .expired = on_again };
}

void splice_close(struct splice *splice)
{
	for (uint32_t i = 0; i < splice->listener_count; i++)
		(void)splice_unlisten(splice, splice->listeners[i].watch.fd);
	splice->listener_count = 0;
	for (uint32_t i = 0; i < splice->touched; i++)
		if (splice->pairs[i].end[0].watch.fd >= 0)
			pair_end(&splice->pairs[i], true);
	while (splice->pipe_count > 0)
		pipe_close(&splice->pipes[--splice->pipe_count]);
	watch_timer_cancel(splice->loop, &splice->again);
}
