/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's state, shared by monitor.c (life), monitor-stream.c (data) and monitor-client.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/loop.h"
#include "engine/monitor/attach.h"
#include "engine/monitor/log.h"
#include "engine/monitor/monitor.h"

#define MONITOR_CHUNK 65536
#define MONITOR_CLIENTS 64
/* The most that is read after the end: a pipe holds 1 MB at most (pipe-max-size) for its users. */
#define MONITOR_TAIL_MAX (2 << 20)

/* Output of the container. */
struct stream {
	int fd;	     /* pipe or pty master; -1 when it has ended */
	bool paused; /* a client has not taken the present chunk yet */
	char *chunk; /* mapped, MONITOR_CHUNK bytes */
	size_t size; /* of the present chunk */
};

/* What a client has not taken when the container has ended. */
struct rest {
	char *data;
	size_t begin;
	size_t end;
	size_t capacity;
};

struct client {
	struct client *next;
	struct monitor *monitor;
	int control; /* each -1 when closed */
	int in;
	int out[LOG_STREAMS];
	bool joined; /* attached: told of the exit */
	bool in_paused;
	size_t sent[LOG_STREAMS]; /* of the present chunk */
	struct rest rest[LOG_STREAMS];
};

struct monitor {
	const struct monitor_args *args;
	struct loop loop;
	int signal_fd;
	int peer_fd;	 /* the terminal's other side, held open */
	int64_t held_at; /* when that was taken, CLOCK_MONOTONIC */
	int stdin_fd;	 /* pipe; with a terminal its master, a copy of streams[0].fd's number */
	bool terminal;
	struct stream streams[LOG_STREAMS];
	struct client *clients;
	size_t client_count;
	char *input; /* mapped, one page: what the terminal has not taken yet */
	size_t input_begin;
	size_t input_end;

	bool exited;
	int wait_status;
	bool oom;
	bool stopped;
	bool dirty;	   /* buffers were used since the last trim */
	int64_t kill_at;   /* CLOCK_MONOTONIC nanoseconds; 0: no */
	int64_t run_until; /* the same: run_timeout_ms */
	bool timed_out;
	int64_t trim_at;
	const struct monitor_exit *between; /* monitor_pause(): how the last run ended */
};

/* monitor-stream.c */
int streams_open(struct monitor *m);
void streams_close(struct monitor *m);
/* After the end: reads what is left into the log and to the clients, or their rests. */
void streams_drain(struct monitor *m);
void streams_trim(struct monitor *m);
/* A client joined or left: its pipes begin or cease to count. */
int stream_join(struct monitor *m, struct client *c);
void stream_leave(struct monitor *m, struct client *c, int stream);
void input_leave(struct monitor *m, struct client *c);

/* monitor-client.c */
int clients_listen(struct monitor *m);
/* Takes peer's descriptors over, also when it fails. */
int client_add(struct monitor *m, const struct attach_peer *peer, bool joined);
void client_drop(struct client *c);
/* Frees clients that have gone: between two rounds of the loop. */
void clients_sweep(struct monitor *m);
/* Tells all of the end; those with a rest get it from a forked child. Frees all. */
void clients_finish(struct monitor *m, const struct attach_exit *exit);
void clients_close(struct monitor *m);

/* monitor.c */
void monitor_stop(struct monitor *m, int signal, int64_t timeout_ms);
void monitor_touch(struct monitor *m);
