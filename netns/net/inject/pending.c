/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that wait in connect(2) until their socket is connected. Runs in the injector.
 *
 * While a call waits for its answer the kernel lets only deadly signals through to it
 * (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), so whether a signal is pending is looked up a few times
 * a second, and the call is given back for it, as the kernel's own connect(2) would be.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/time.h"
#include "netns/net/inject/inject-internal.h"

enum {
	LOOK_MS = 100,	   /* between two looks for signals */
	ERESTARTSYS = 512, /* the kernel's own: repeat the call, or EINTR if the handler wants so */
};

static int pending_put(const struct pending *pending)
{
	/* Its own flags: what is put there was made for us, without blocking. */
	if (!(pending->flags & O_NONBLOCK) && fcntl(pending->fd, F_SETFL, 0) < 0)
		return -errno;
	return notify_replace(pending->listener, pending->id, pending->fd, pending->number,
			      (pending->flags & O_CLOEXEC) != 0);
}

int64_t pending_due(int fd)
{
	struct timeval limit = { 0 };
	socklen_t size = sizeof(limit);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &size) < 0 ||
	    (limit.tv_sec == 0 && limit.tv_usec == 0))
		return INT64_MAX;
	return time_monotonic() + limit.tv_sec * 1000000000LL + limit.tv_usec * 1000LL;
}

void pending_add(struct injector *injector, const struct pending *pending)
{
	struct pending copy = *pending;

	if (injector->pending_count < INJECT_PENDING_MAX) {
		injector->pending[injector->pending_count++] = copy;
		return;
	}
	fd_close(&copy.fd);
	(void)notify_answer(copy.listener, copy.id, -EAGAIN); /* over already: nobody waits */
}

size_t pending_fill(const struct injector *injector, struct pollfd *fds, int *timeout_ms)
{
	for (size_t i = 0; i < injector->pending_count; i++)
		fds[i] = (struct pollfd){
			.fd = injector->pending[i].fd,
			.events = POLLOUT,
		};
	if (injector->pending_count > 0)
		*timeout_ms = LOOK_MS;
	return injector->pending_count;
}

/*
 * connect(2) once more tells how it ended and makes the socket's own state "connected"; the address
 * is the one that was judged. 1: still connecting.
 */
static int find_end(const struct pending *pending)
{
	const int flags = fcntl(pending->fd, F_GETFL);
	int r = 0;

	if (pending->number < 0 && fcntl(pending->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	r = connect(pending->fd, &pending->to.any, pending->size) < 0 ? -errno : 0;
	if (pending->number < 0)
		(void)fcntl(pending->fd, F_SETFL, flags);
	if (r == -EALREADY || r == -EINPROGRESS)
		return 1;
	return r == -EISCONN ? 0 : r;
}

/*
 * The caller's handler runs. The connection goes on behind its back, as after EINTR on any socket
 * (connect(2)): so the socket that connects has to be in its place, for a program that waits for it
 * by poll(2) then, as Python does, and for one that repeats the call (outgoing_connect()). The
 * kernel repeats none that has a time limit (signal(7)).
 */
static void give_back(const struct pending *pending)
{
	if (pending->number >= 0)
		(void)pending_put(pending); /* else a repeated call begins anew */
	(void)notify_answer(pending->listener, pending->id,
			    pending->due == INT64_MAX ? -ERESTARTSYS : -EINTR); /* or it is over */
}

/* True: the call has its answer, or needs none any more. */
static bool settle(struct injector *injector, const struct pending *pending, bool ready)
{
	int r = 1;

	if (ready)
		r = find_end(pending);
	if (!notify_valid(pending->listener, pending->id))
		return true;
	if (r == 0 && pending->number >= 0)
		r = pending_put(pending);
	if (r == 1 && pending->due <= time_monotonic())
		r = -EINPROGRESS; /* socket(7), SO_SNDTIMEO */
	if (r == 1) {
		if (!task_has_signal(&injector->tasks, pending->tid))
			return false;
		give_back(pending);
		return true;
	}
	(void)notify_answer(pending->listener, pending->id, r); /* it may just have been killed */
	return true;
}

void pending_run(struct injector *injector, const struct pollfd *fds, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < injector->pending_count; i++) {
		struct pending *pending = &injector->pending[i];

		if (i >= count || !settle(injector, pending, fds[i].revents != 0))
			injector->pending[left++] = *pending;
		else
			fd_close(&pending->fd);
	}
	injector->pending_count = left;
}
