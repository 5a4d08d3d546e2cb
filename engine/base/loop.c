/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop: see loop.h. */
#include "engine/base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"

struct loop_source {
	struct loop_source *next;
	int fd; /* -1: removed, freed at the end of the round */
	loop_handler handler;
	void *data;
};

int loop_init(struct loop *loop)
{
	*loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_done(struct loop *loop)
{
	while (loop->sources) {
		struct loop_source *next = loop->sources->next;

		free(loop->sources);
		loop->sources = next;
	}
	fd_close(&loop->epoll_fd);
}

static struct loop_source *find(const struct loop *loop, int fd)
{
	struct loop_source *s = loop->sources;

	while (s && s->fd != fd)
		s = s->next;
	return s;
}

int loop_add(struct loop *loop, int fd, uint32_t events, loop_handler handler, void *data)
{
	struct loop_source *s = malloc(sizeof(*s));
	struct epoll_event event = { .events = events, .data.ptr = s };

	if (!s)
		return -ENOMEM;
	*s = (struct loop_source){
		.next = loop->sources, .fd = fd, .handler = handler, .data = data
	};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		int r = -errno;

		free(s);
		return r;
	}
	loop->sources = s;
	return 0;
}

int loop_change(struct loop *loop, int fd, uint32_t events)
{
	struct loop_source *s = find(loop, fd);
	struct epoll_event event = { .events = events, .data.ptr = s };

	if (!s)
		return -ENOENT;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

void loop_remove(struct loop *loop, int fd)
{
	struct loop_source *s = find(loop, fd);

	if (!s)
		return;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* gone already is fine */
	s->fd = -1; /* events of this round may still point at it */
}

/* Frees the sources that handlers removed. */
static void sweep(struct loop *loop)
{
	struct loop_source **link = &loop->sources;

	while (*link) {
		struct loop_source *s = *link;

		if (s->fd >= 0) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		free(s);
	}
}

int loop_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[16];
	int n = epoll_wait(loop->epoll_fd, events, ARRAY_SIZE(events), timeout_ms);
	int r = 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n && r >= 0 && !loop->stopped; i++) {
		struct loop_source *s = events[i].data.ptr;

		if (s->fd >= 0)
			r = s->handler(loop, s->fd, events[i].events, s->data);
	}
	sweep(loop);
	return r < 0 ? r : n;
}

int loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		int r = loop_once(loop, -1);

		if (r < 0)
			return r;
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
