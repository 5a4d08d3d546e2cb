/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event loop on epoll(7), for processes that stay: monitor, holder, bryo-net. Single
 * threaded; allocates only in loop_init() and loop_add().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;

/*
 * Called with the EPOLL* events that are ready. Returning a negative errno ends loop_run() with
 * it, 0 goes on.
 */
typedef int (*loop_handler)(struct loop *loop, int fd, uint32_t events, void *data);

struct loop_source;

struct loop {
	int epoll_fd;
	bool stopped;
	struct loop_source *sources; /* one list; few descriptors each */
};

int loop_init(struct loop *loop);  /* 0 or a negative errno */
void loop_done(struct loop *loop); /* closes no descriptor but its own */

/* Watches fd for EPOLL* events; fd stays the caller's. 0 or a negative errno. */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_handler handler, void *data);
int loop_change(struct loop *loop, int fd, uint32_t events);
/* Call before closing fd. Safe inside its own handler. */
void loop_remove(struct loop *loop, int fd);

/* Runs until loop_stop() or a handler's error. 0 or that error. */
int loop_run(struct loop *loop);
/* One round: waits at most timeout_ms (-1: for ever). Number of events handled, or an error. */
int loop_once(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);
