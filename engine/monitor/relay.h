/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay between a caller's standard streams and a process in a container, in the caller's own
 * process: what an attached client and `bryo exec` have in common. No monitor is needed for exec.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct detach_keys;
struct err;

enum relay_end {
	RELAY_EXITED = 1,   /* the process ended; exit_status is filled in */
	RELAY_DETACHED = 2, /* detach keys; the process goes on */
	RELAY_BROKEN = 4,   /* the reader of our standard output has gone; the process goes on */
};

struct relay_args {
	pid_t pid; /* our child, reaped here */
	int pidfd; /* of pid; stays the caller's */
	/*
	 * Our ends, taken over and closed. Pipes: in_fd writable, out_fd and err_fd readable. With
	 * a terminal, tty_fd is the pty's master and the three are -1.
	 */
	int in_fd;
	int out_fd;
	int err_fd;
	int tty_fd;
	/* The caller's streams, -1 where not attached. */
	int stdin_fd;
	int stdout_fd;
	int stderr_fd;
	const struct detach_keys *keys; /* NULL or empty: none */
	bool sig_proxy;
};

struct relay_result {
	enum relay_end end;
	int exit_status; /* 0-255, 128+n for signals */
};

/*
 * Relays until the process has ended and its pipes are drained (a descendant that keeps them open
 * does not hold it up), or until one of the other ends. The terminal's modes are put back.
 * 0, or a negative errno with a sentence.
 */
int exec_relay_run(const struct relay_args *args, struct relay_result *ret_result, struct err *err);
