/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop that keeps a container: it relays terminal or pipes to log and attached clients, obeys
 * small requests, reaps, and tells how the container's first process ended. It knows no container:
 * what lies above comes as a table of functions.
 *
 * It runs in a process that the engine forked, that has called proc_stay() and is the parent of the
 * container's first process. There is one such process per container, so it is kept small: no
 * stdio, no growing heap; buffers are mapped before the container starts and their pages given back
 * when output pauses. It asks for no memory after on_ready() but a small block per attached client.
 * It never prints.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/monitor/attach.h"

struct err;
struct log_writer;

enum monitor_stdin {
	MONITOR_STDIN_ONCE, /* closed when an attached client's input ends (-i; as conmon) */
	MONITOR_STDIN_OPEN, /* stays open whatever clients do */
};

struct monitor_exit {
	struct attach_exit exit;
	int64_t finished_at; /* nanoseconds since 1970 */
	bool timed_out;	     /* run_timeout_ms was over: exit.status is MONITOR_TIMED_OUT */
	bool on_exit_failed; /* on_exit() did not return 0 */
};

/* The exit status of a container that was ended by its time limit, as conmon's. */
#define MONITOR_TIMED_OUT 255

/* All may be NULL. data is monitor_args.data. */
struct monitor_hooks {
	/* In the monitor, once: everything it needs has been taken, the loop starts now. */
	void (*on_ready)(void *data);
	/*
	 * In the monitor, once, after output was drained into the log and before anybody is told
	 * of the exit; signals that would end the monitor are blocked. 0, or not 0 on failure.
	 * What may take long belongs after monitor_run(): the client waits for this.
	 */
	int (*on_exit)(void *data, const struct monitor_exit *exit);
	/* In the monitor, when oom_fd is readable (it has been read empty) and at the exit: was
	 * there an OOM kill? Once true it is not asked again. Must not block. */
	bool (*was_oom)(void *data);
	/*
	 * In the monitor: attach_reload_network() was asked for. Output waits meanwhile, so it must
	 * be over soon. 0 or a negative errno.
	 */
	int (*on_reload)(void *data);
	/* attach_pass_listener(): fd is closed after this. Must not block. 0 or a negative errno.
	 */
	int (*on_listener)(void *data, int fd, int kind);
	/* attach_stop_injection(). Must not block. 0 or a negative errno. */
	int (*on_uninject)(void *data);
	/* In the monitor: a child other than the container's first process was reaped. status is
	 * waitpid(2)'s. */
	void (*on_child)(void *data, pid_t pid, int status);
};

struct monitor_args {
	pid_t pid; /* the container's first process, a child of this one */
	int pidfd; /* stays the caller's */

	/* Taken over and closed when the container has ended; -1 where there is none. */
	int stdin_fd;  /* write end of a pipe */
	int stdout_fd; /* read ends */
	int stderr_fd;
	int terminal_fd; /* a pty's master; then the three above are -1 */
	struct attach_peer
		first; /* a client from the beginning (attach_pair), or ATTACH_PEER_INIT */

	enum monitor_stdin stdin_mode;
	struct log_writer *log; /* stays the caller's; NULL: no log */
	int listen_fd;		/* attach_listen()'s; stays the caller's; -1: none */
	int oom_fd; /* readable when memory ran out (cgroup_oom_open()); the caller's; -1: none */

	int stop_signal;	 /* for SIGTERM to the monitor and for attach_stop(fd, 0, ...) */
	int64_t stop_timeout_ms; /* until SIGKILL then */
	int64_t run_timeout_ms;	 /* SIGKILL so long after monitor_run() began; 0: never */

	const struct monitor_hooks *hooks;
	void *data;
};

/*
 * Call once after proc_stay() and before forking anything: makes this process the reaper of orphans
 * below it (PR_SET_CHILD_SUBREAPER, as --runtime needs) and blocks the signals that the loop reads
 * by signalfd, so that no SIGCHLD is missed. A child that execs must call proc_reset_signals().
 * 0 or a negative errno.
 */
int monitor_prepare(void);

/*
 * Keeps the container to its end; then everything was drained and logged, on_exit() has run and
 * clients and waiters were told. A client that is still reading gets the rest from a forked child.
 * The caller may start the container again and call this again: listen_fd and log go on.
 *
 * Signals to the monitor: TERM, INT and QUIT stop the container (stop_signal, later SIGKILL), USR1
 * reopens the log, HUP and PIPE are ignored.
 *
 * 0, or a negative errno with a sentence (out of memory or descriptors before on_ready(); then the
 * container runs and the caller must end it). ret_exit is written on success only.
 */
int monitor_run(const struct monitor_args *args, struct monitor_exit *ret_exit, struct err *err);

/* What monitor_pause() may return besides 0 and a negative errno. */
#define MONITOR_STOPPED 1

/*
 * Waits ms milliseconds between two runs (restart back-off) and answers requests meanwhile: a stop
 * or a signal to end gives MONITOR_STOPPED at once; who waits or attaches is told last, the former
 * exit. Uses listen_fd of args only.
 */
int monitor_pause(const struct monitor_args *args, int64_t ms, const struct monitor_exit *last);
