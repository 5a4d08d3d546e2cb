/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam behind which a user-mode TCP/IP stack stands: ethernet frames of the container on one
 * side, sockets of the host on the other. bryo-net's loop knows only this table, so that libslirp
 * can give way to a translator of our own.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/net-options.h"
#include "netns/port.h"

struct err;
struct stack;

/* What the stack calls: one frame for the container. It may be dropped when the link is busy. */
struct stack_link {
	void (*output)(void *data, const void *frame, size_t size);
	void *data;
};

struct stack_ops {
	const char *name;

	/*
	 * loopback: the gateway's address reaches the host's loopback, whatever the options say.
	 * link must outlive the stack. 0 or a negative errno.
	 */
	int (*open)(const struct net_options *options, bool loopback, const struct stack_link *link,
		    struct stack **ret_stack, struct err *err);
	void (*close)(struct stack *stack);

	/*
	 * Listens on one host port (map->count is not looked at) at one address (map->host_ip is
	 * not empty) and carries what comes to the container. A negative errno: bind(2)'s.
	 */
	int (*publish)(struct stack *stack, const struct port_map *map);
	void (*unpublish)(struct stack *stack, const struct port_map *map);

	/* One frame from the container. */
	void (*input)(struct stack *stack, const void *frame, size_t size);

	/*
	 * Before and after poll(2): fills fds with at most max entries and returns how many;
	 * *timeout_ms (-1: for ever) is lowered where a timer needs it.
	 */
	size_t (*fill)(struct stack *stack, struct pollfd *fds, size_t max, int *timeout_ms);
	void (*dispatch)(struct stack *stack, const struct pollfd *fds, size_t count);
};

extern const struct stack_ops stack_libslirp;
