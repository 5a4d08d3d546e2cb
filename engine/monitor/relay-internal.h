/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attached clients and exec sessions have in common: three channels between the caller's
 * streams and the container's, a descriptor that tells of the end, and signals.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "engine/monitor/attach.h"

/* One direction. Data moves by splice(2) where the kernel can, else through `data`. */
struct relay_channel {
	int from; /* -1: nothing more comes */
	int to;
	bool copy;    /* splice does not serve here */
	bool blocked; /* `to` is full: wait for it instead of `from` */
	char *data;
	size_t begin; /* data[begin..end) waits for `to` */
	size_t end;
	struct detach_keys *keys; /* of input: NULL for none */
};

enum relay_state {
	RELAY_RUNNING,
	RELAY_DRAINING, /* the other side has ended: write what is there, then stop */
	RELAY_DETACH,
	RELAY_PIPE_BROKE,
	RELAY_KILLED, /* by a signal that is not proxied: restore the terminal and die of it */
};

struct relay {
	struct relay_channel in;
	struct relay_channel out;
	struct relay_channel err;
	bool close_in; /* in.to is a pipe that ends with the input (not a terminal) */
	int watch_fd;  /* readable at the end, or at news; -1 not watched any more */
	bool sig_proxy;
	int size_fd; /* the caller's terminal whose size the container's follows; -1: none */
	/* Called when watch_fd is readable. A negative errno ends the loop with it. */
	int (*on_watch)(struct relay *relay);
	void (*on_signal)(struct relay *relay, int signal); /* one to pass on */
	void (*on_size)(struct relay *relay, unsigned int rows, unsigned int columns);
	void *data;

	enum relay_state state;
	int killed_by;

	/* Set by the loop. */
	int signal_fd;
	int own_out; /* terminals opened anew so that they need not block */
	int own_err;
	int raw_fd; /* the terminal that was made raw; -1 none */
	struct termios saved_termios;
	struct termios raw_termios;
	bool signals_taken;
	sigset_t saved_mask;
	struct sigaction saved_pipe;
	struct detach_keys keys;
};

/* What relay_loop_start() needs besides: which streams are the caller's. */
struct relay_caller {
	int stdin_fd;
	int stdout_fd;
	int stderr_fd;
	bool tty; /* the container has a terminal */
	const struct detach_keys *keys;
};

/* Fills in the caller's ends of the channels, blocks signals, makes the terminal raw. */
int relay_loop_start(struct relay *relay, const struct relay_caller *caller);
/* Until relay->state is none of running and draining. */
int relay_loop(struct relay *relay);
/* Puts everything back. A signal that killed us is raised last. */
void relay_loop_done(struct relay *relay);
