/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line between the caller and the container's first process while it is set up: small
 * messages over a SOCK_SEQPACKET pair, each maybe with a descriptor. Internal to the folder.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "engine/base/err.h"

enum sync_kind {
	/* caller to child */
	SYNC_MAPPED = 1, /* the id maps are written */
	SYNC_GO,	 /* it is in its cgroup; hooks of the runtime have run */
	SYNC_START,	 /* exec */
	/* child to caller */
	SYNC_PID,	  /* from the go-between: the real child's pid in value */
	SYNC_MOUNTED,	  /* the namespaces and mounts are there: time for createRuntime hooks */
	SYNC_CONSOLE,	  /* a descriptor: the terminal's master */
	SYNC_READY,	  /* set up, waits for SYNC_START */
	SYNC_EXEC,	  /* the next thing is execve: end of file means that it succeeded */
	SYNC_EXEC_FAILED, /* from the sealed stub: -errno of its execve in value */
	SYNC_ERROR,	  /* err tells; the child ends */
	SYNC_LISTENER,	  /* a descriptor: the listener of the caller's own filter */
};

struct sync_message {
	uint32_t kind;
	int64_t value;
	struct err err;
};

/* Sends one message, with a descriptor unless fd is -1. 0 or a negative errno. */
int sync_send(int sock, enum sync_kind kind, int64_t value, int fd);
int sync_send_error(int sock, const struct err *err);

/*
 * Receives one message; *ret_fd (may be NULL) gets its descriptor or -1. 0, -ECONNRESET at end
 * of file, -EPROTO for nonsense.
 */
int sync_recv(int sock, struct sync_message *ret_message, int *ret_fd);

/* Receives and asks for this kind: 0, or the error that came instead, in err. */
int sync_expect(int sock, enum sync_kind kind, struct err *err);
