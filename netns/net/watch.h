/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of bryo-net: who waits for a descriptor or for a moment embeds a watch or a timer, and
 * is called. epoll(7) keeps the descriptors, so ten thousand idle connections cost nothing, and a
 * heap of the timers themselves (pairing heap) the moments. Nothing is allocated, ever; owners may
 * live in any memory that stays where it is.
 *
 * Single-threaded. Callbacks may add, change and remove any watch or timer, their own included.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

enum { WATCH_BATCH = 64 };

/* One descriptor that is waited for. The descriptor stays the owner's. */
struct watch {
	int fd; /* set by the owner before watch_add() */
	/* events: EPOLLIN, EPOLLOUT, ... It may come once too often: read until EAGAIN. */
	void (*ready)(struct watch *watch, uint32_t events);
};

#define WATCH_NEVER INT64_MAX

/* One moment that is waited for. Zeroed but for expired, it is not set. */
struct watch_timer {
	void (*expired)(struct watch_timer *timer);
	/* The loop's own from here on. */
	int64_t due; /* when expired() is wanted */
	int64_t at;  /* where it is in the heap: at or before due */
	struct watch_timer *child, *next, *previous;
	bool queued;
};

struct watch_loop {
	int epoll;
	int64_t now;		/* nanoseconds, CLOCK_MONOTONIC, as of the last wake-up */
	int64_t (*clock)(void); /* time_monotonic(), or a test's */
	bool ended;		/* by watch_end() */
	struct watch_timer *timers;
	struct epoll_event events[WATCH_BATCH];
	int next, count; /* of events, while they are being told */
};

/* 0 or a negative errno. watch_loop_close() accepts one that was never opened but zeroed. */
int watch_loop_open(struct watch_loop *loop);
void watch_loop_close(struct watch_loop *loop);

/*
 * Waits for events (EPOLLIN | ..., with EPOLLET if wanted) on watch->fd. A watch with a negative fd
 * is left alone. watch_change() also makes epoll look again: with EPOLLET what is ready is told
 * again. 0 or a negative errno.
 */
int watch_add(struct watch_loop *loop, struct watch *watch, uint32_t events);
int watch_change(struct watch_loop *loop, struct watch *watch, uint32_t events);

/* Call it before the descriptor is closed. What was about to be told to the watch is not. */
void watch_remove(struct watch_loop *loop, struct watch *watch);

/*
 * Calls timer->expired() at or soon after due (nanoseconds as loop->now), once; a timer that is set
 * already is moved. Moving it on costs next to nothing, so every packet may do so; the process may
 * wake up once at the earlier moment then. WATCH_NEVER: not any more.
 */
void watch_timer_set(struct watch_loop *loop, struct watch_timer *timer, int64_t due);

/* Forgets it, so that its memory can go. */
void watch_timer_cancel(struct watch_loop *loop, struct watch_timer *timer);

/*
 * One round: waits for at most wait_ns (WATCH_NEVER: for ever), calls timers that are due and
 * watches that are ready. Returns how many were called (0: the time passed), or a negative errno.
 */
int watch_round(struct watch_loop *loop, int64_t wait_ns);

/* No further round is wanted; rounds of the same batch still see their events. */
void watch_end(struct watch_loop *loop);
