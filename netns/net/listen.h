/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports, bound on the host before the container starts. A listener owns its socket; who
 * accepts from it is set apart from that (stack_listen()), and may be stopped and go on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "netns/net/watch.h"
#include "netns/port/port.h"

struct err;
struct relay;
struct stack;

/* One socket: listening for TCP, bound for UDP. */
struct listener {
	struct watch watch; /* first: ready() gets the whole */
	struct watch_timer rest;
	struct watch_loop *loop;
	struct stack *stack; /* of who takes what comes */
	struct port_map map; /* count 1, host_ip never empty */
	int family;
	bool watched;
	bool inherited; /* shared with whoever started us: must not be shut down */
	bool missing;	/* could not be bound yet: this host has no such address; fd is -1 */
};

/* Sockets that the command inherited, bound already; an entry that was taken is -1. */
struct listen_inherited {
	int *fds;
	size_t count;
};

/*
 * Listens on every port of the list, into relay->listeners: an entry for all addresses on 0.0.0.0
 * and [::]. A port that an inherited socket is bound to is served by that instead. Nothing is
 * accepted yet. The error is in Podman's words and names the port and the fix.
 */
int listen_open(struct relay *relay, const struct port_list *ports,
		const struct listen_inherited *inherited, struct err *err);

/* Binds what could not be bound before, and accepts. Fails with the first port that is in use. */
int listen_reload(struct relay *relay, struct err *err);

/* Closes them all: they can be bound by others when this returns. */
void listen_close(struct relay *relay);

/* Begins, or goes on, to tell watch.ready() of what comes; and stops it. 0 or a negative errno. */
int listener_resume(struct listener *listener);
void listener_pause(struct listener *listener);

/* The host is out of descriptors or memory: a pause of a tenth of a second. */
void listener_rest(struct listener *listener);

/*
 * Puts another descriptor in the place of the listener's, which the caller gets; -1 is none. One
 * that is watched stays so.
 */
int listener_swap(struct listener *listener, int fd);
