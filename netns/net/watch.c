/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: see watch.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/watch.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/time.h"

/* Timers called in one round: one that sets itself anew at once must not keep descriptors out. */
enum { TIMERS_A_ROUND = 256 };

int watch_loop_open(struct watch_loop *loop)
{
	*loop = (struct watch_loop){ .epoll = epoll_create1(EPOLL_CLOEXEC),
				     .clock = time_monotonic };
	if (loop->epoll < 0)
		return -errno;
	loop->now = loop->clock();
	return 0;
}

void watch_loop_close(struct watch_loop *loop)
{
	if (loop->epoll > 0)
		fd_close(&loop->epoll);
}

/* ---- Descriptors ---- */

static int control(const struct watch_loop *loop, int what, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->fd < 0)
		return 0;
	return epoll_ctl(loop->epoll, what, watch->fd, &event) < 0 ? -errno : 0;
}

int watch_add(struct watch_loop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, watch, events);
}

int watch_change(struct watch_loop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

void watch_remove(struct watch_loop *loop, struct watch *watch)
{
	/* One that is not there is what was wanted. */
	(void)control(loop, EPOLL_CTL_DEL, watch, 0);
	for (int i = loop->next; i < loop->count; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

void watch_end(struct watch_loop *loop)
{
	loop->ended = true;
}

/* ---- Timers: a pairing heap, the earliest on top ---- */

static struct watch_timer *merge(struct watch_timer *a, struct watch_timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->at < a->at) {
		struct watch_timer *const swap = a;

		a = b;
		b = swap;
	}
	b->next = a->child;
	if (b->next)
		b->next->previous = b;
	b->previous = a;
	a->child = b;
	return a;
}

/* Siblings become one heap: in pairs first, which is what keeps the heap flat. */
static struct watch_timer *merge_all(struct watch_timer *first)
{
	struct watch_timer *pairs = NULL;
	struct watch_timer *root = NULL;

	while (first) {
		struct watch_timer *const a = first;
		struct watch_timer *const b = a->next;
		struct watch_timer *pair = NULL;

		first = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		pair = merge(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct watch_timer *const pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		root = merge(root, pair);
	}
	return root;
}

static void insert(struct watch_loop *loop, struct watch_timer *timer, int64_t at)
{
	timer->at = at;
	timer->child = timer->next = timer->previous = NULL;
	timer->queued = true;
	loop->timers = merge(loop->timers, timer);
	loop->timers->previous = NULL;
}

static void take_out(struct watch_loop *loop, struct watch_timer *timer)
{
	struct watch_timer *const below = merge_all(timer->child);

	if (loop->timers == timer) {
		loop->timers = below;
	} else {
		if (timer->previous->child == timer)
			timer->previous->child = timer->next;
		else
			timer->previous->next = timer->next;
		if (timer->next)
			timer->next->previous = timer->previous;
		loop->timers = merge(loop->timers, below);
	}
	if (loop->timers)
		loop->timers->previous = NULL;
	timer->child = timer->next = timer->previous = NULL;
	timer->queued = false;
}

void watch_timer_set(struct watch_loop *loop, struct watch_timer *timer, int64_t due)
{
	timer->due = due;
	/* Later than it stands: it moves when that earlier moment comes. */
	if (timer->queued && timer->at <= due)
		return;
	if (timer->queued)
		take_out(loop, timer);
	if (due != WATCH_NEVER)
		insert(loop, timer, due);
}

void watch_timer_cancel(struct watch_loop *loop, struct watch_timer *timer)
{
	timer->due = WATCH_NEVER;
	if (timer->queued)
		take_out(loop, timer);
}

static int run_timers(struct watch_loop *loop)
{
	int called = 0;

	while (loop->timers && loop->timers->at <= loop->now && called < TIMERS_A_ROUND) {
		struct watch_timer *const timer = loop->timers;

		take_out(loop, timer);
		if (timer->due > loop->now) {
			if (timer->due != WATCH_NEVER)
				insert(loop, timer, timer->due);
			continue;
		}
		timer->due = WATCH_NEVER;
		called++;
		timer->expired(timer);
	}
	return called;
}

/* ---- Rounds ---- */

/* Milliseconds until the earliest timer, rounded up: woken too early we would spin. */
static int timeout_ms(const struct watch_loop *loop, int64_t wait_ns)
{
	int64_t ms = 0;

	if (loop->timers && loop->timers->at - loop->now < wait_ns)
		wait_ns = loop->timers->at - loop->now;
	if (wait_ns == WATCH_NEVER)
		return -1;
	if (wait_ns <= 0)
		return 0;
	ms = wait_ns / 1000000 + (wait_ns % 1000000 != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int watch_round(struct watch_loop *loop, int64_t wait_ns)
{
	int called = 0;
	int n = epoll_wait(loop->epoll, loop->events, WATCH_BATCH, timeout_ms(loop, wait_ns));

	if (n < 0 && errno != EINTR)
		return -errno;
	loop->now = loop->clock();
	loop->count = n < 0 ? 0 : n;
	for (loop->next = 0; loop->next < loop->count;) {
		const struct epoll_event event = loop->events[loop->next++];
		struct watch *const watch = event.data.ptr;

		if (!watch)
			continue;
		called++;
		watch->ready(watch, event.events);
	}
	loop->next = loop->count = 0;
	return called + run_timers(loop);
}
