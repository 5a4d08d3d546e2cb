/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor with real processes, pipes and terminals:
 *
 *   test ── monitor (forked) ── "container" (sh -c, or a function)
 *     └─ attached client, in the test itself or in another fork
 */
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

static int set_up(void **state)
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

static int tear_down(void **state)
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

static int write_mark(void *data, const struct monitor_exit *exit)
{
	struct rig *rig = data;
	int fd = openat(rig->dir_fd, "on_exit", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)dprintf(fd, "%d", exit->exit.status);
	return rig->flags & RIG_HOOK_FAILS ? 1 : 0;
}

static pid_t start_container(struct rig *rig, const char *command, int fds[3], int slave)
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

static void ready(void *data)
{
	struct rig *rig = data;

	if (write(rig->result_fd, "r", 1) != 1)
		_exit(99);
}

/* The forked monitor; never returns. */
static void be_monitor(struct rig *rig, const char *command)
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
static void start(struct rig *rig, unsigned int flags, const char *command)
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
static struct monitor_exit result(struct rig *rig)
{
	struct monitor_exit exit = { 0 };

	assert_int_equal(read(rig->result_fd, &exit, sizeof(exit)), sizeof(exit));
	assert_int_equal(proc_wait(rig->monitor), 0);
	return exit;
}

static void join(struct rig *rig, unsigned int streams)
{
	struct err err = ERR_INIT;
	int control = -1;

	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_join(control, streams, &rig->client, &err), 0);
}

static struct attach_result relay(struct rig *rig, int in, int out, int errors)
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
static char *slurp(struct rig *rig, const char *name)
{
	char *text = NULL;

	assert_int_equal(file_read_at(rig->dir_fd, name, 1 << 28, &text, NULL), 0);
	strv_add_own(&rig->texts, text);
	return text;
}

static int open_in(const struct rig *rig, const char *name)
{
	return openat(rig->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* ---- Tests ---- */

static void output_and_status_arrive(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	auto_close int errors = open_in(rig, "err");
	struct attach_result r;
	struct monitor_exit exit;

	start(rig, RIG_LOG | RIG_FIRST, "echo one; echo two >&2; printf three; exit 3");
	r = relay(rig, -1, out, errors);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_int_equal(r.exit.status, 3);
	/* on_exit() ran before we were told. */
	assert_string_equal(slurp(rig, "on_exit"), "3");
	assert_string_equal(slurp(rig, "out"), "one\nthree");
	assert_string_equal(slurp(rig, "err"), "two\n");
	exit = result(rig);
	assert_int_equal(exit.exit.status, 3);
	assert_int_equal(exit.exit.signal, 0);
	assert_false(exit.on_exit_failed);
	assert_true(time_now() - exit.finished_at < 10000000000LL);
	assert_non_null(strstr(slurp(rig, "ctr.log"), " stdout P three\n"));
}

#define BIG (200L << 20)

/* Byte number i of a stream that no shift or loss leaves equal; lines of 1 to 255 bytes. */
static void fill(unsigned char *data, size_t size, uint64_t at)
{
	for (size_t i = 0; i < size; i++, at++)
		data[i] = (unsigned char)(at % 101 == 0 ? '\n' : 'a' + (at / 7 + at / 4099) % 26);
}

static void write_big(void)
{
	static unsigned char data[1 << 20];

	for (uint64_t at = 0; at < BIG; at += sizeof(data)) {
		fill(data, sizeof(data), at);
		if (fd_write_all(1, data, sizeof(data)) < 0)
			_exit(1);
	}
}

/* A forked reader of fd that ends with 0 when it got exactly the big stream. */
static pid_t start_comparing(int fd)
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

static void big_output(struct rig *rig, unsigned int flags)
{
	int ends[2];
	pid_t reader = 0;
	struct attach_result r;

	rig->run = write_big;
	start(rig, flags | RIG_FIRST, NULL);
	assert_int_equal(fd_pipe(ends), 0);
	reader = fork();
	if (reader == 0) {
		attach_peer_done(&rig->client);
		(void)close(ends[1]);
		_exit(proc_wait(start_comparing(ends[0])));
	}
	r = relay(rig, -1, ends[1], -1);
	(void)close(ends[1]);
	(void)close(ends[0]);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_int_equal(r.exit.status, 0);
	assert_int_equal(proc_wait(reader), 0);
	(void)result(rig);
}

static void two_hundred_megabytes_arrive_in_log_and_client(void **state)
{
	struct rig *rig = *state;
	struct log_read_args args = { .dir_fd = rig->dir_fd, .err_fd = -1, .tail = LOG_ALL };
	struct err err = ERR_INIT;
	int ends[2];
	pid_t reader = 0;

	big_output(rig, RIG_LOG);
	assert_int_equal(fd_pipe(ends), 0);
	reader = fork();
	if (reader == 0) {
		(void)close(ends[1]);
		_exit(proc_wait(start_comparing(ends[0])));
	}
	args.out_fd = ends[1];
	(void)close(ends[0]);
	assert_int_equal(log_read(&args, &err), 0);
	(void)close(ends[1]);
	assert_int_equal(proc_wait(reader), 0);
}

static void two_hundred_megabytes_arrive_without_a_log(void **state)
{
	big_output(*state, 0);
}

static void input_reaches_the_container(void **state)
{
	struct rig *rig = *state;
	auto_close int in = open_in(rig, "in");
	auto_close int out = open_in(rig, "out");
	size_t size = 20 << 20;
	auto_free char *data = xmalloc(size + 1);
	struct stat st;

	fill((unsigned char *)data, size, 5);
	assert_int_equal(fd_write_all(in, data, size), 0);
	(void)lseek(in, 0, SEEK_SET);
	/* The container ends because its input ends. */
	start(rig, RIG_FIRST | RIG_STDIN, "exec cat");
	assert_int_equal(relay(rig, in, out, -1).exit.status, 0);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_memory_equal(slurp(rig, "out"), data, size);
	(void)result(rig);
}

static void input_may_be_left_unread(void **state)
{
	struct rig *rig = *state;
	auto_close int in = open_in(rig, "in");
	auto_close int out = open_in(rig, "out");

	assert_int_equal(ftruncate(in, 5 << 20), 0);
	start(rig, RIG_FIRST | RIG_STDIN, "exec <&-; sleep 0.1; echo done; exit 4");
	assert_int_equal(relay(rig, in, out, -1).exit.status, 4);
	assert_string_equal(slurp(rig, "out"), "done\n");
	(void)result(rig);
}

static void input_stays_open_when_asked(void **state)
{
	struct rig *rig = *state;
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	auto_close int out = open_in(rig, "out");
	struct err err = ERR_INIT;
	struct attach_result r;
	pid_t first = 0;

	start(rig, RIG_STDIN | RIG_STDIN_OPEN, "read line; echo got $line");
	first = fork();
	if (first == 0) {
		join(rig, ATTACH_STDIN | ATTACH_STDOUT);
		_exit(relay(rig, null, -1, -1).exit.status);
	}
	usleep(100000);
	join(rig, ATTACH_STDIN | ATTACH_STDOUT);
	assert_int_equal(write(rig->client.in, "hey\n", 4), 4);
	r = relay(rig, -1, out, -1);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_string_equal(slurp(rig, "out"), "got hey\n");
	assert_int_equal(proc_wait(first), 0);
	(void)err;
	(void)result(rig);
}

/* What was read from a terminal's master and not looked at yet. */
struct screen {
	int fd;
	char seen[8192];
	size_t used;
};

/* Reads until text was seen, for at most 10 s; what comes behind it stays for the next call. */
static bool expect(struct screen *screen, const char *text)
{
	for (;;) {
		struct pollfd p = { .fd = screen->fd, .events = POLLIN };
		char *found = NULL;
		ssize_t n = 0;

		screen->seen[screen->used] = '\0';
		found = strstr(screen->seen, text);
		if (found) {
			found += strlen(text);
			screen->used -= (size_t)(found - screen->seen);
			memmove(screen->seen, found, screen->used);
			return true;
		}
		if (screen->used >= sizeof(screen->seen) - 1 || poll(&p, 1, 10000) <= 0)
			return false;
		n = read(screen->fd, screen->seen + screen->used,
			 sizeof(screen->seen) - 1 - screen->used);
		if (n <= 0)
			return false;
		screen->used += (size_t)n;
	}
}

static void a_terminal_is_a_terminal(void **state)
{
	struct rig *rig = *state;
	struct winsize size = { .ws_row = 33, .ws_col = 77 };
	struct detach_keys keys;
	struct termios before;
	struct termios after;
	struct screen screen = { .fd = -1 };
	int master = -1;
	int slave = -1;
	pid_t client = 0;
	struct attach_exit exit;
	auto_close int control = -1;
	struct err err = ERR_INIT;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	(void)fcntl(master, F_SETFD, FD_CLOEXEC);
	screen.fd = master;
	assert_int_equal(detach_keys_parse("ctrl-p,ctrl-q", &keys, &err), 0);
	start(rig, RIG_TTY | RIG_STDIN | RIG_LOG,
	      "trap 'stty size' WINCH; trap 'echo int' INT; until [ \"$(stty size)\" = '33 77' ]; "
	      "do sleep 0.05; done; stty size; tty >/dev/null "
	      "&& echo is-tty; "
	      "while ! read l; do :; done; echo got-$l; while :; do sleep 0.05; done");
	assert_int_equal(tcgetattr(slave, &before), 0);
	join(rig, ATTACH_STDIN | ATTACH_STDOUT);
	client = fork();
	if (client == 0) {
		struct attach_result r = { 0 };
		struct attach_args args = { .peer = &rig->client,
					    .stdin_fd = slave,
					    .stdout_fd = slave,
					    .stderr_fd = -1,
					    .tty = true,
					    .keys = &keys };

		(void)login_tty(slave);
		args.stdin_fd = args.stdout_fd = 0;
		(void)attach_client_run(&args, &r, &err);
		_exit((int)r.end);
	}
	attach_peer_done(&rig->client);
	assert_true(expect(&screen, "33 77"));
	assert_true(expect(&screen, "is-tty"));
	assert_int_equal(write(master, "\x03", 1),
			 1); /* raw: the container's terminal makes SIGINT of it */
	assert_true(expect(&screen, "int"));
	assert_int_equal(write(master, "abc\r", 4), 4);
	assert_true(expect(&screen, "got-abc"));
	size.ws_row = 44;
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	assert_true(expect(&screen, "44 77"));
	assert_int_equal(write(master, "\x10\x11", 2), 2);
	assert_int_equal(proc_wait(client), ATTACH_DETACHED);
	/* The terminal is as it was, and the container goes on. */
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_kill(control, SIGKILL), 0);
	assert_int_equal(attach_wait(control, 5000, &exit), 0);
	assert_int_equal(exit.status, 137);
	assert_int_equal(exit.signal, 9);
	(void)close(master);
	(void)close(slave);
	(void)result(rig);
}

static void the_last_words_of_a_terminal_arrive(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	auto_close int joined = open_in(rig, "joined");
	struct log_read_args read_args = {
		.dir_fd = rig->dir_fd, .out_fd = joined, .err_fd = -1, .tail = LOG_ALL
	};
	struct stat st;

	start(rig, RIG_TTY | RIG_FIRST | RIG_LOG,
	      "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done");
	assert_int_equal(relay(rig, -1, out, -1).end, ATTACH_EXITED);
	assert_int_equal(fstat(out, &st), 0);
	assert_non_null(strstr(slurp(rig, "out"), "line 1999\r\n"));
	(void)result(rig);
	/* A read may have cut the line in two entries: the log's reader joins them. */
	assert_int_equal(log_read(&read_args, NULL), 0);
	assert_non_null(strstr(slurp(rig, "joined"), "line 1999\r\n"));
}

static void a_client_that_never_reads_holds_nobody_up_at_the_end(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	struct attach_result r;
	struct stat st;

	/* 64 kB in the client's pipe, 40 kB behind it. */
	start(rig, RIG_FIRST | RIG_LOG, "head -c 106496 /dev/zero | tr '\\0' x; exit 5");
	assert_int_equal(result(rig).exit.status, 5);
	assert_string_equal(slurp(rig, "on_exit"), "5");
	/* The monitor has gone; what the client had not read is still given to it, and the status.
	 */
	r = relay(rig, -1, out, -1);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_int_equal(r.exit.status, 5);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, 106496);
}

static void a_slow_client_slows_the_container(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	const char *log = NULL;
	struct stat st;

	start(rig, RIG_FIRST | RIG_LOG, "head -c 1000000 /dev/zero | tr '\\0' '\\n'");
	usleep(300000);
	log = slurp(rig, "ctr.log");
	/* The pipes and one chunk, at 46 bytes of log a byte. */
	assert_true(strlen(log) < 46 * (65536 * 3));
	assert_int_equal(relay(rig, -1, out, -1).end, ATTACH_EXITED);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, 1000000);
	(void)result(rig);
}

static void a_killed_client_is_dropped(void **state)
{
	struct rig *rig = *state;
	pid_t client = 0;

	start(rig, RIG_LOG,
	      "sleep 0.3; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end; exit 6");
	client = fork();
	if (client == 0) {
		join(rig, ATTACH_STDOUT | ATTACH_STDERR);
		pause();
		_exit(0);
	}
	usleep(600000);
	assert_int_equal(kill(client, SIGKILL), 0);
	assert_int_equal(proc_wait(client), 137);
	assert_int_equal(result(rig).exit.status, 6);
	assert_non_null(strstr(slurp(rig, "ctr.log"), " stdout F end\n"));
}

static void a_killed_monitor_is_noticed(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	struct attach_result r;

	start(rig, RIG_FIRST, "echo before; sleep 0.4");
	usleep(100000);
	assert_int_equal(kill(rig->monitor, SIGKILL), 0);
	r = relay(rig, -1, out, -1);
	assert_int_equal(r.end, ATTACH_LOST);
	assert_string_equal(slurp(rig, "out"), "before\n");
	assert_int_equal(proc_wait(rig->monitor), 137);
}

static void stopping_ends_in_sigkill(void **state)
{
	struct rig *rig = *state;
	auto_close int control = -1;
	struct attach_exit exit;
	struct err err = ERR_INIT;
	int64_t begin = 0;

	start(rig, 0, "trap '' TERM; while :; do sleep 0.05; done");
	usleep(100000);
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	begin = time_monotonic();
	assert_int_equal(attach_stop(control, 0, 300), 0);
	assert_int_equal(attach_wait(control, 100, &exit), -ETIMEDOUT);
	assert_int_equal(attach_wait(control, 5000, &exit), 0);
	assert_in_range(time_monotonic() - begin, 290000000, 2000000000);
	assert_int_equal(exit.status, 137);
	assert_true(exit.stopped);
	assert_true(result(rig).exit.stopped);
}

static void a_signal_to_the_monitor_stops_the_container(void **state)
{
	struct rig *rig = *state;
	struct monitor_exit exit;

	start(rig, RIG_HOOK_FAILS, "trap 'exit 7' TERM; while :; do sleep 0.02; done");
	usleep(100000);
	assert_int_equal(kill(rig->monitor, SIGTERM), 0);
	exit = result(rig);
	assert_int_equal(exit.exit.status, 7);
	assert_true(exit.exit.stopped);
	assert_true(exit.on_exit_failed);
}

static void signals_are_passed_on(void **state)
{
	struct rig *rig = *state;
	pid_t client = 0;

	start(rig, RIG_FIRST, "trap 'exit 9' USR2; while :; do sleep 0.02; done");
	client = fork();
	if (client == 0) {
		struct attach_result r = { 0 };
		struct err err = ERR_INIT;
		struct attach_args args = { .peer = &rig->client,
					    .stdin_fd = -1,
					    .stdout_fd = 1,
					    .stderr_fd = 2,
					    .sig_proxy = true };

		(void)attach_client_run(&args, &r, &err);
		_exit(r.exit.status);
	}
	usleep(200000);
	assert_int_equal(kill(client, SIGUSR2), 0);
	assert_int_equal(proc_wait(client), 9);
	assert_int_equal(result(rig).exit.status, 9);
}

static void a_reader_that_goes_away_is_told(void **state)
{
	struct rig *rig = *state;
	int ends[2];

	start(rig, RIG_FIRST, "while echo y; do :; done 2>/dev/null; sleep 30");
	assert_int_equal(fd_pipe(ends), 0);
	(void)close(ends[0]);
	assert_int_equal(relay(rig, -1, ends[1], -1).end, ATTACH_BROKEN);
	(void)close(ends[1]);
	assert_int_equal(kill(rig->monitor, SIGTERM), 0);
	assert_int_equal(result(rig).exit.signal, SIGTERM);
}

static void a_pause_can_be_ended(void **state)
{
	struct rig *rig = *state;
	const struct monitor_exit last = { .exit = { .status = 42 } };
	struct monitor_args args = { .listen_fd = rig->listen_fd, .oom_fd = -1, .pid = -1 };
	struct attach_exit exit;
	struct err err = ERR_INIT;
	auto_close int control = -1;
	int64_t begin = time_monotonic();
	pid_t pid = fork();

	if (pid == 0) {
		if (monitor_prepare() < 0 || monitor_pause(&args, 100, &last) != 0)
			_exit(90);
		_exit(monitor_pause(&args, 60000, &last));
	}
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_kill(control, SIGTERM), -ESRCH);
	fd_close(&control);
	usleep(200000);
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_wait(control, 1000, &exit), 0);
	assert_int_equal(exit.status, 42);
	assert_int_equal(attach_stop(control, 0, 100), 0);
	assert_int_equal(proc_wait(pid), MONITOR_STOPPED);
	assert_in_range(time_monotonic() - begin, 100000000, 5000000000);
}

/* ---- exec ---- */

static void exec_sessions_are_relayed(void **state)
{
	struct rig *rig = *state;
	auto_close int in = open_in(rig, "in");
	auto_close int out = open_in(rig, "out");
	struct relay_args args = {
		.tty_fd = -1, .stdin_fd = in, .stdout_fd = out, .stderr_fd = -1
	};
	struct relay_result r = { 0 };
	struct err err = ERR_INIT;
	size_t size = 10 << 20;
	auto_free char *data = xmalloc(size + 1);
	int to[2];
	int from[2];
	int errors[2];
	struct stat st;

	fill((unsigned char *)data, size, 3);
	assert_int_equal(fd_write_all(in, data, size), 0);
	(void)lseek(in, 0, SEEK_SET);
	assert_int_equal(fd_pipe(to) | fd_pipe(from) | fd_pipe(errors), 0);
	/* A descendant that keeps the pipes open must not hold the session up. */
	args.pid = start_container(rig, "cat; sleep 20 & exit 11",
				   (int[3]){ to[0], from[1], errors[1] }, -1);
	args.pidfd = proc_pidfd(args.pid);
	(void)close(to[0]);
	(void)close(from[1]);
	(void)close(errors[1]);
	(void)close(errors[0]);
	args.in_fd = to[1];
	args.out_fd = from[0];
	args.err_fd = -1;
	assert_int_equal(exec_relay_run(&args, &r, &err), 0);
	assert_int_equal(r.end, RELAY_EXITED);
	assert_int_equal(r.exit_status, 11);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_memory_equal(slurp(rig, "out"), data, size);
	(void)close(args.pidfd);
	assert_int_equal(fcntl(to[1], F_GETFD), -1);
	assert_int_equal(fcntl(from[0], F_GETFD), -1);
}

static void exec_sessions_have_terminals(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	struct relay_args args = { .in_fd = -1,
				   .out_fd = -1,
				   .err_fd = -1,
				   .stdin_fd = -1,
				   .stdout_fd = out,
				   .stderr_fd = -1 };
	struct relay_result r = { 0 };
	struct err err = ERR_INIT;
	int slave = -1;

	assert_int_equal(openpty(&args.tty_fd, &slave, NULL, NULL, NULL), 0);
	args.pid =
		start_container(rig, "tty -s && seq 3000; exit 12", (int[3]){ -1, -1, -1 }, slave);
	args.pidfd = proc_pidfd(args.pid);
	(void)close(slave);
	assert_int_equal(exec_relay_run(&args, &r, &err), 0);
	assert_int_equal(r.exit_status, 12);
	assert_non_null(strstr(slurp(rig, "out"), "\r\n3000\r\n"));
	(void)close(args.pidfd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(output_and_status_arrive),
		TEST(two_hundred_megabytes_arrive_in_log_and_client),
		TEST(two_hundred_megabytes_arrive_without_a_log),
		TEST(input_reaches_the_container),
		TEST(input_may_be_left_unread),
		TEST(input_stays_open_when_asked),
		TEST(a_terminal_is_a_terminal),
		TEST(the_last_words_of_a_terminal_arrive),
		TEST(a_client_that_never_reads_holds_nobody_up_at_the_end),
		TEST(a_slow_client_slows_the_container),
		TEST(a_killed_client_is_dropped),
		TEST(a_killed_monitor_is_noticed),
		TEST(stopping_ends_in_sigkill),
		TEST(a_signal_to_the_monitor_stops_the_container),
		TEST(signals_are_passed_on),
		TEST(a_reader_that_goes_away_is_told),
		TEST(a_pause_can_be_ended),
		TEST(exec_sessions_are_relayed),
		TEST(exec_sessions_have_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
