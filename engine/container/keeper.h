/* SPDX-License-Identifier: Apache-2.0 */
/* The process that starts a container and then keeps it as its monitor. */
#pragma once

#include "engine/base/err.h"
#include "engine/container/container.h"

/* What it tells the command that forked it, once: in one write. */
struct keeper_report {
	struct err err; /* code 0: the container's program runs */
	int64_t pid;
	char warnings[1024]; /* lines, cut where there are more */
};

struct listen_fds;

struct keeper_args {
	struct engine *engine;
	struct container *container; /* with its spec; change lock held by the parent */
	struct attach_peer first;    /* a client from the beginning, or ATTACH_PEER_INIT */
	int report_fd;
	const struct listen_fds *listen; /* inherited sockets, for bryo-net and the container */
};

/*
 * The keeper's life, in a fresh fork: never returns. Gives up all descriptors but those it
 * needs, prepares, starts, reports, keeps, cleans up.
 */
void keeper_main(struct keeper_args *args) __attribute__((noreturn));
