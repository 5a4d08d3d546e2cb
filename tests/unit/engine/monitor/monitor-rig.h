/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor with real processes, pipes and terminals:
 *
 *   test ── monitor (forked) ── "container" (sh -c, or a function)
 *     └─ attached client, in the test itself or in another fork
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/monitor/attach.h"
#include "engine/monitor/log.h"
#include "engine/monitor/monitor.h"
#include "engine/monitor/relay.h"

enum rig_flags {
	RIG_STDIN = 1,
	RIG_TTY = 2,
	RIG_LOG = 4,
	RIG_FIRST = 8, /* a client from the beginning */
	RIG_HOOK_FAILS = 16,
	RIG_STDIN_OPEN = 32,
};

struct rig {
	char path[64];
	int dir_fd;
	int listen_fd;
	pid_t monitor;
	int result_fd; /* the monitor writes its struct monitor_exit here */
	unsigned int flags;
	struct attach_peer client;
	struct attach_peer first;
	void (*run)(void); /* the container, instead of a command */
	struct strv texts;
};

static inline int set_up(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));
	struct err err = ERR_INIT;

	(void)snprintf(rig->path, sizeof(rig->path), "/tmp/bryo-test-monitor.XXXXXX");
	if (!mkdtemp(rig->path))
		return -1;
	rig->dir_fd = open(rig->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rig->client = rig->first = ATTACH_PEER_INIT;
	*state = rig;
	return attach_listen(rig->dir_fd, "attach", &rig->listen_fd, &err);
}

static inline int tear_down(void **state)
{
	struct rig *rig = *state;

	/* A test that failed must leave no process behind. */
	if (rig->monitor > 0 && waitpid(rig->monitor, NULL, WNOHANG) == 0) {
		(void)kill(rig->monitor, SIGKILL);
		(void)proc_wait(rig->monitor);
	}
	attach_peer_done(&rig->client);
	strv_done(&rig->texts);
	fd_close(&rig->dir_fd);
	fd_close(&rig->listen_fd);
	fd_close(&rig->result_fd);
	(void)file_remove_tree(AT_FDCWD, rig->path);
	free(rig);
	return 0;
}

/* ---- The monitor's side ---- */

static inline int write_mark(void *data, const struct monitor_exit *exit)
{
	struct rig *rig = data;
	int fd = openat(rig->dir_fd, "on_exit", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)dprintf(fd, "%d", exit->exit.status);
	return rig->flags & RIG_HOOK_FAILS ? 1 : 0;
}

static inline pid_t start_container(struct rig *rig, const char *command, int fds[3], int slave)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	proc_reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (slave >= 0) {
		(void)login_tty(slave);
	} else {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(fds[0] >= 0 ? fds[0] : null, 0);
		(void)dup2(fds[1], 1);
		(void)dup2(fds[2], 2);
	}
	(void)close_range(3, ~0U, 0);
	if (rig->run) {
		rig->run();
		_exit(0);
	}
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static inline void ready(void *data)
{
	struct rig *rig = data;

	if (write(rig->result_fd, "r", 1) != 1)
		_exit(99);
}

/* The forked monitor; never returns. */
static inline void be_monitor(struct rig *rig, const char *command)
{
	static const struct monitor_hooks hooks = { .on_exit = write_mark, .on_ready = ready };
	int in[2] = { -1, -1 };
	int out[2] = { -1, -1 };
	int errors[2] = { -1, -1 };
	int master = -1;
	int slave = -1;
	struct log_writer *log = NULL;
	struct log_config config = { .dir_fd = rig->dir_fd };
	struct monitor_exit exit;
	struct err err = ERR_INIT;
	struct monitor_args args = {
		.hooks = &hooks, .data = rig, .listen_fd = rig->listen_fd, .oom_fd = -1
	};

	if (monitor_prepare() < 0)
		_exit(90);
	if (rig->flags & RIG_TTY)
		(void)openpty(&master, &slave, NULL, NULL, NULL);
	else if (fd_pipe(out) < 0 || fd_pipe(errors) < 0)
		_exit(91);
	if ((rig->flags & RIG_STDIN) && !(rig->flags & RIG_TTY) && fd_pipe(in) < 0)
		_exit(91);
	if ((rig->flags & RIG_LOG) && log_writer_new(&config, &log, &err) < 0)
		_exit(92);
	args.pid = start_container(rig, command, (int[3]){ in[0], out[1], errors[1] }, slave);
	args.pidfd = proc_pidfd(args.pid);
	fd_close(&in[0]);
	fd_close(&out[1]);
	fd_close(&errors[1]);
	fd_close(&slave);
	args.stdin_fd = in[1];
	args.stdout_fd = out[0];
	args.stderr_fd = errors[0];
	args.terminal_fd = master;
	args.first = rig->first;
	args.log = log;
	args.stop_signal = SIGTERM;
	args.stop_timeout_ms = 10000;
	args.stdin_mode = rig->flags & RIG_STDIN_OPEN ? MONITOR_STDIN_OPEN : MONITOR_STDIN_ONCE;
	if (monitor_run(&args, &exit, &err) < 0)
		_exit(93);
	if (write(rig->result_fd, &exit, sizeof(exit)) != sizeof(exit))
		_exit(94);
	_exit(0);
}

/* Starts monitor and container and waits until the loop runs. */
static inline void start(struct rig *rig, unsigned int flags, const char *command)
{
	struct err err = ERR_INIT;
	unsigned int streams = ATTACH_STDOUT | (flags & RIG_STDIN ? ATTACH_STDIN : 0) |
			       (flags & RIG_TTY ? 0 : ATTACH_STDERR);
	int ends[2];
	char c = 0;

	rig->flags = flags;
	if (flags & RIG_FIRST)
		assert_int_equal(attach_pair(streams, &rig->client, &rig->first, &err), 0);
	assert_int_equal(fd_pipe(ends), 0);
	rig->monitor = fork();
	if (rig->monitor == 0) {
		attach_peer_done(&rig->client);
		(void)close(ends[0]);
		rig->result_fd = ends[1];
		be_monitor(rig, command);
	}
	(void)close(ends[1]);
	rig->result_fd = ends[0];
	attach_peer_done(&rig->first);
	assert_int_equal(read(rig->result_fd, &c, 1), 1);
}

/* The monitor's own word; reaps it. */
static inline struct monitor_exit result(struct rig *rig)
{
	struct monitor_exit exit = { 0 };

	assert_int_equal(read(rig->result_fd, &exit, sizeof(exit)), sizeof(exit));
	assert_int_equal(proc_wait(rig->monitor), 0);
	return exit;
}

static inline void join(struct rig *rig, unsigned int streams)
{
	struct err err = ERR_INIT;
	int control = -1;

	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_join(control, streams, &rig->client, &err), 0);
}

static inline struct attach_result relay(struct rig *rig, int in, int out, int errors)
{
	struct attach_result result = { 0 };
	struct err err = ERR_INIT;
	struct attach_args args = {
		.peer = &rig->client, .stdin_fd = in, .stdout_fd = out, .stderr_fd = errors
	};

	assert_int_equal(attach_client_run(&args, &result, &err), 0);
	return result;
}

/* A file's content; the rig owns it. */
static inline char *slurp(struct rig *rig, const char *name)
{
	char *text = NULL;

	assert_int_equal(file_read_at(rig->dir_fd, name, 1 << 28, &text, NULL), 0);
	strv_add_own(&rig->texts, text);
	return text;
}

static inline int open_in(const struct rig *rig, const char *name)
{
	return openat(rig->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* ---- A stream too big for any buffer ---- */

#define BIG (200L << 20)

/* Byte number i of a stream that no shift or loss leaves equal; lines of 1 to 255 bytes. */
static inline void fill(unsigned char *data, size_t size, uint64_t at)
{
	for (size_t i = 0; i < size; i++, at++)
		data[i] = (unsigned char)(at % 101 == 0 ? '\n' : 'a' + (at / 7 + at / 4099) % 26);
}

static inline void write_big(void)
{
	static unsigned char data[1 << 20];

	for (uint64_t at = 0; at < BIG; at += sizeof(data)) {
		fill(data, sizeof(data), at);
		if (fd_write_all(1, data, sizeof(data)) < 0)
			_exit(1);
	}
}

/* A forked reader of fd that ends with 0 when it got exactly the big stream. */
static inline pid_t start_comparing(int fd)
{
	static unsigned char got[1 << 20];
	static unsigned char want[1 << 20];
	uint64_t at = 0;
	ssize_t n = 0;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	while ((n = read(fd, got, sizeof(got))) > 0) {
		fill(want, (size_t)n, at);
		if (memcmp(got, want, (size_t)n) != 0)
			_exit(1);
		at += (uint64_t)n;
	}
	_exit(at == BIG ? 0 : 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
