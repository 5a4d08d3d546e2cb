/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the keeper share. */
#pragma once

#include "engine/base/err.h"
#include "engine/container/container.h"
#include "engine/container/injection.h"
#include "engine/container/keeper-cgroup.h"
#include "engine/container/listen-fds.h"
#include "engine/monitor/attach.h"
#include "engine/runtime/runtime.h"
#include "netns/bridge/bridge.h"
#include "netns/net.h"

struct log_writer;

struct keeper {
	struct engine *engine;
	struct container *container;
	struct attach_peer first;
	int report_fd;
	int alive_lock;
	int listen_fd;
	char socket_name[STATE_ID_SIZE];
	struct log_writer *log;
	struct keeper_cgroup cgroup;
	struct net_process net; /* bryo-net, or */
	struct bridge bridge;	/* what it has in a bridged network */
	struct injection injection;
	char injected_by[STATE_ID_SIZE]; /* the container whose bryo-net does it; "": our own */
	struct runtime_container process;
	int pipes[3][2]; /* in, out, err: ours is [0] for reading ends, [1] for in's writing end */
	int init_fd, seccomp_fd;
	struct listen_fds listen;     /* all that were inherited; for each start anew */
	struct listen_fds net_listen; /* those of them that serve published ports, */
	struct listen_fds pass;	      /* and those that the container gets */
	int mounts_fd; /* the container's mount namespace: the last one out takes it down */
	bool gone;     /* --rm has taken the container away */
};

/* What the monitor needs and the start does not: the log, the socket of clients. Once. */
int keeper_open_ends(struct keeper *k, struct err *err);

/*
 * One start: network, preparation, clone, set-up side by side, then the exec and the record. What
 * fails is undone. warnings may be NULL.
 */
int keeper_start(struct keeper *k, struct strv *warnings, struct err *err);

/* The listener of a process' filter, to whoever makes its connections. 0 or a negative errno. */
int keeper_pass_listener(struct keeper *k, int listener);

/* The container runs: keeps it, and starts it again as long as its policy says so. */
int keeper_keep(struct keeper *k, struct err *err);
