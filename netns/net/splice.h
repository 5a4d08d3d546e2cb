/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte streams carried between two sockets by splice(2), through pipes: nothing is copied into this
 * process, and no frame is built. For connections whose ends the user-mode stack need not see: what
 * the container sends to a port of its own that is really the host's, and published ports under
 * port_handler=splice.
 *
 * Everything is bounded and taken at open: a table of pairs, a table of listening sockets, a pool
 * of pipes. A pipe belongs to a direction only while bytes are in it, so an idle connection costs
 * two descriptors and no memory. Single-threaded, edge-triggered, no heap.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "netns/net/watch.h"

enum {
	SPLICE_PAIRS = 2048,	/* connections at once; further ones wait in the backlog */
	SPLICE_LISTENERS = 256, /* listening sockets */
	SPLICE_PIPES = 32,	/* empty pipes that are kept for the next bytes */
	SPLICE_PIPE_BYTES = 256 << 10,
	SPLICE_TURN = 1 << 20, /* bytes moved before others get their turn */
};

struct splice;
struct splice_pair;

struct splice_pipe {
	int read, write; /* -1: none */
};

/* One of the two sockets. */
struct splice_end {
	struct watch watch; /* first */
	struct splice_pair *pair;
};

/* From one end to the other. */
struct splice_way {
	struct splice_pipe pipe; /* only while bytes are held */
	uint32_t held;		 /* bytes in the pipe */
	bool ended;		 /* the source has sent its last byte */
	bool shut;		 /* and the sink has been told */
};

struct splice_pair {
	struct splice *splice;
	struct splice_end end[2];
	struct splice_way way[2]; /* way[i] begins at end[i] */
	bool connecting;	  /* end[1] is not connected yet */
	bool starved;		  /* no pipe was to be had */
	uint32_t next_free;	  /* of the free list: index + 1 */
};

union splice_address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

struct splice_listener;

/*
 * Gives the socket to which a new client is carried: non-blocking, connected or on its way there.
 * The client is closed with a reset where this fails. 0 or a negative errno.
 */
typedef int splice_target(struct splice_listener *listener, int client, int *ret_fd);

struct splice_listener {
	struct watch watch; /* first; fd is -1 where the entry is free */
	struct splice *splice;
	splice_target *target;
	union splice_address address; /* for the default target */
	socklen_t size;
	void *data; /* for others */
};

struct splice {
	struct watch_loop *loop;
	struct splice_pair pairs[SPLICE_PAIRS];
	uint32_t first_free; /* index + 1; 0: none but those that were never used */
	uint32_t touched;    /* entries that were ever used: the rest costs no memory */
	uint32_t used;
	struct splice_listener listeners[SPLICE_LISTENERS];
	uint32_t listener_count; /* entries that were ever used */
	struct splice_pipe pipes[SPLICE_PIPES];
	uint32_t pipe_count;
	bool paused;		  /* no descriptor or no pair: clients wait */
	struct watch_timer again; /* when it is tried again */
};

/* The storage is the caller's, large, and must stay where it is until splice_close(). */
void splice_open(struct splice *splice, struct watch_loop *loop);

/* Ends all connections at once, closes all sockets and pipes. */
void splice_close(struct splice *splice);

/*
 * Clients of a listening socket (of whichever network namespace: a socket belongs to the one that
 * it was made in) are carried to target, an address in this process's own namespace. The listener
 * belongs to splice when this returns 0. 0, -ENOSPC, or a negative errno.
 */
int splice_listen(struct splice *splice, int listener, const struct sockaddr *target,
		  socklen_t size);

/* The same with a function that makes the other socket. */
int splice_listen_to(struct splice *splice, int listener, splice_target *target, void *data);

/* Stops listening and closes the socket; connections go on. False: it is not there. */
bool splice_unlisten(struct splice *splice, int listener);

/*
 * Carries bytes between two stream sockets, both made non-blocking; connecting: connect(2) of b has
 * not come back yet. Both belong to splice, also on failure: -ENOSPC or another negative errno, and
 * both are closed.
 */
int splice_add(struct splice *splice, int a, int b, bool connecting);
