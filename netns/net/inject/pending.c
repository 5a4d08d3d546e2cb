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
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/time.h"
#include "netns/net/inject/inject-internal.h"

enum {
	LOOK_MS = 100,	   /* between two looks for signals */
	PARK_MS = 2000,	   /* a program repeats the call after its handler, or never */
	ERESTARTSYS = 512, /* the kernel's own: repeat the call, or EINTR if the handler wants so */
};

int pending_put(const struct pending *pending)
{
	/* Its own flags: what is put there was made for us, without blocking. */
	if (!(pending->flags & O_NONBLOCK) && fcntl(pending->fd, F_SETFL, 0) < 0)
		return -errno;
	return notify_replace(pending->listener, pending->id, pending->fd, pending->number,
			      (pending->flags & O_CLOEXEC) != 0);
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
			.fd = injector->pending[i].parked_until ? -1 : injector->pending[i].fd,
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

/* The caller's handler runs; most then repeat the call (sigaction(2), SA_RESTART). */
static void give_back(struct pending *pending)
{
	(void)notify_answer(pending->listener, pending->id, -ERESTARTSYS); /* or it is over */
	pending->parked_until = time_monotonic() + PARK_MS * 1000000LL;
}

bool pending_resume(struct injector *injector, const struct pending *call, int *ret_fd)
{
	for (size_t i = 0; i < injector->pending_count; i++) {
		struct pending *parked = &injector->pending[i];

		if (parked->parked_until == 0 || parked->fd < 0 || parked->tid != call->tid ||
		    parked->number != call->number || parked->size != call->size ||
		    memcmp(&parked->to, &call->to, call->size) != 0)
			continue;
		*ret_fd = fd_take(&parked->fd);
		parked->parked_until = 1; /* swept with the next round */
		return true;
	}
	return false;
}

/* True: the call has its answer, or needs none any more. */
static bool settle(struct injector *injector, struct pending *pending, bool ready)
{
	int r = 1;

	if (pending->parked_until != 0)
		return pending->parked_until <= time_monotonic();
	if (ready)
		r = find_end(pending);
	if (!notify_valid(pending->listener, pending->id))
		return true;
	if (r == 0 && pending->number >= 0)
		r = pending_put(pending);
	if (r == 1 && pending->due <= time_monotonic())
		r = -EINPROGRESS; /* socket(7), SO_SNDTIMEO */
	if (r == 1) {
		if (task_has_signal(&injector->tasks, pending->tid))
			give_back(pending);
		return false;
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
