/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay's loop: see relay-internal.h. Runs in the caller's own process (`bryo run`, `attach`,
 * `exec`). The caller's descriptors are shared with its shell: O_NONBLOCK is never set on them, so
 * nothing is written to one that poll(2) did not call writable, and the terminal's modes are put
 * back on every way out.
 */
#include "engine/monitor/relay-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"

#define COPY_SIZE 65536
#define SPLICE_SIZE (1 << 20)
/* Moves in a row before the other descriptors are looked at again. */
#define MOVES 16
/* A blocking pipe that poll() calls writable takes this much without blocking (pipe(7)). */
#define SAFE_WRITE 4096

/* ---- Channels ---- */

static bool channel_pending(const struct relay_channel *c)
{
	return c->begin < c->end;
}

static bool channel_active(const struct relay_channel *c)
{
	return c->to >= 0 && (c->from >= 0 || channel_pending(c));
}

/* Is there anything to read at this moment? */
static bool readable_now(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* Writes what waits in the buffer. 0 (all or some written, or full), or a negative errno. */
static int write_pending(struct relay_channel *c)
{
	while (channel_pending(c)) {
		size_t size = c->end - c->begin;
		int flags = fcntl(c->to, F_GETFL);
		ssize_t n = 0;

		/* Ours are non-blocking. Into the caller's go small bites, one after each poll. */
		if (!(flags & O_NONBLOCK) && size > SAFE_WRITE)
			size = SAFE_WRITE;
		n = write(c->to, c->data + c->begin, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		c->begin += (size_t)n;
		if (!(flags & O_NONBLOCK))
			return 0;
	}
	return 0;
}

/* Reads into the empty buffer. 1: got some, 0: nothing now, RELAY_EOF at the end, else an errno. */
#define RELAY_EOF 2
static int read_some(struct relay *relay, struct relay_channel *c)
{
	char raw[COPY_SIZE / 16];
	bool filter = c->keys && c->keys->count > 0;
	ssize_t n = 0;

	if (!c->data)
		c->data = xmalloc(COPY_SIZE);
	do
		n = filter ? read(c->from, raw, sizeof(raw)) : read(c->from, c->data, COPY_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	/* EIO: the last holder of a terminal's other side has gone (pty(7) leaves it unsaid). */
	if (n == 0 || (n < 0 && errno == EIO))
		return RELAY_EOF;
	if (n < 0)
		return -errno;
	c->begin = 0;
	c->end = (size_t)n;
	if (filter && detach_keys_filter(c->keys, raw, (size_t)n, c->data, &c->end))
		relay->state = RELAY_DETACH;
	return 1;
}

/* One move through the buffer; same values as read_some(). */
static int move_copy(struct relay *relay, struct relay_channel *c)
{
	int got = 1;
	int r = 0;

	if (!channel_pending(c))
		got = read_some(relay, c);
	if (got == 1)
		r = write_pending(c);
	c->blocked = channel_pending(c);
	return r < 0 ? r : c->blocked ? 0 : got;
}

static int move_splice(struct relay *relay, struct relay_channel *c)
{
	ssize_t n = 0;

	do
		n = splice(c->from, NULL, c->to, NULL, SPLICE_SIZE,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return 1;
	if (n == 0)
		return RELAY_EOF;
	if (errno == EAGAIN) {
		c->blocked = readable_now(c->from);
		return 0;
	}
	if (errno != EINVAL)
		return -errno;
	/* Neither side is a pipe, or the target is in append mode (splice(2)). */
	c->copy = true;
	return move_copy(relay, c);
}

/* Moves what goes without blocking. 0, RELAY_EOF, or a negative errno of either side. */
static int channel_move(struct relay *relay, struct relay_channel *c)
{
	int r = 1;

	for (int i = 0; r == 1 && i < MOVES && relay->state != RELAY_DETACH; i++) {
		r = c->copy ? move_copy(relay, c) : move_splice(relay, c);
		/* A caller's descriptor may block on a second read: poll again first. */
		if (c == &relay->in)
			break;
	}
	return r == 1 ? 0 : r;
}

static void channel_stop(struct relay_channel *c)
{
	c->from = -1;
	c->begin = c->end = 0;
	c->blocked = false;
}

static void channel_poll(const struct relay_channel *c, struct pollfd *p)
{
	bool out = c->blocked || channel_pending(c);

	*p = (struct pollfd){ .fd = -1 };
	if (channel_active(c))
		*p = (struct pollfd){ .fd = out ? c->to : c->from,
				      .events = out ? POLLOUT : POLLIN };
}

/* ---- Signals and the terminal ---- */

/* Faults of our own, what only concerns our own children and job control stay with us. */
static bool passed_on(int signal)
{
	static const int ours[] = { SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGURG, SIGWINCH, SIGTTIN,
				    SIGTTOU, SIGSEGV, SIGBUS,  SIGILL,	SIGFPE, SIGTRAP,  SIGSYS };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (ours[i] == signal)
			return false;
	return signal < 32 || signal >= SIGRTMIN; /* 32 and 33 are the C library's */
}

/* A signal that is ignored (nohup) must stay so: a blocked one would reach the signalfd. */
static bool ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int take_signals(struct relay *relay)
{
	static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t mask;

	(void)sigemptyset(&mask);
	for (int s = 1; relay->sig_proxy && s <= SIGRTMAX; s++)
		if (passed_on(s) && !ignored(s))
			(void)sigaddset(&mask, s);
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		if (!ignored(fatal[i]))
			(void)sigaddset(&mask, fatal[i]);
	if (relay->size_fd >= 0) {
		(void)sigaddset(&mask, SIGWINCH);
		(void)sigaddset(&mask, SIGCONT);
	}
	(void)sigaction(SIGPIPE, &ignore, &relay->saved_pipe);
	(void)sigprocmask(SIG_BLOCK, &mask, &relay->saved_mask);
	relay->signals_taken = true;
	relay->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return relay->signal_fd < 0 ? -errno : 0;
}

static void tell_size(struct relay *relay)
{
	struct winsize size;

	if (relay->size_fd >= 0 && ioctl(relay->size_fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
		relay->on_size(relay, size.ws_row, size.ws_col);
}

static void handle_signals(struct relay *relay)
{
	struct signalfd_siginfo info;

	while (read(relay->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int signal = (int)info.ssi_signo;

		if (relay->size_fd >= 0 && (signal == SIGWINCH || signal == SIGCONT)) {
			/* After SIGSTOP the shell has put its own modes in place. */
			if (signal == SIGCONT && relay->raw_fd >= 0)
				(void)tcsetattr(relay->raw_fd, TCSANOW, &relay->raw_termios);
			tell_size(relay);
		} else if (relay->sig_proxy) {
			relay->on_signal(relay, signal);
		} else {
			relay->killed_by = signal;
			relay->state = RELAY_KILLED;
		}
	}
}

/* A terminal is opened anew: non-blocking for us, unchanged for the shell that shares the old one.
 */
static int own_terminal(int fd)
{
	if (fd < 0 || !isatty(fd))
		return -1;
	return open(FD_PATH(fd), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int make_raw(struct relay *relay, int fd)
{
	if (tcgetattr(fd, &relay->saved_termios) < 0)
		return -errno;
	relay->raw_termios = relay->saved_termios;
	cfmakeraw(&relay->raw_termios);
	if (tcsetattr(fd, TCSANOW, &relay->raw_termios) < 0)
		return -errno;
	relay->raw_fd = fd;
	return 0;
}

int relay_loop_start(struct relay *relay, const struct relay_caller *caller)
{
	bool in_tty = caller->stdin_fd >= 0 && isatty(caller->stdin_fd);
	int r = 0;

	relay->signal_fd = relay->own_out = relay->own_err = relay->raw_fd = relay->size_fd = -1;
	relay->in.from = caller->stdin_fd;
	relay->own_out = own_terminal(caller->stdout_fd);
	relay->own_err = own_terminal(caller->stderr_fd);
	relay->out.to = relay->own_out >= 0 ? relay->own_out : caller->stdout_fd;
	relay->err.to = relay->own_err >= 0 ? relay->own_err : caller->stderr_fd;
	/* Output that nobody wants is read all the same, or the process stalls. */
	if (relay->out.from >= 0 && relay->out.to < 0)
		relay->out.to = relay->own_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (relay->err.from >= 0 && relay->err.to < 0)
		relay->err.to = relay->own_err = open("/dev/null", O_WRONLY | O_CLOEXEC);
	relay->out.copy = relay->out.to >= 0 && isatty(relay->out.to);
	relay->err.copy = relay->err.to >= 0 && isatty(relay->err.to);
	if (caller->keys)
		relay->keys = *caller->keys;
	relay->in.keys = &relay->keys;
	relay->in.copy = in_tty || relay->keys.count > 0;
	if (caller->tty && in_tty)
		relay->size_fd = caller->stdin_fd;
	else if (caller->tty && caller->stdout_fd >= 0 && isatty(caller->stdout_fd))
		relay->size_fd = caller->stdout_fd;
	r = take_signals(relay);
	if (r == 0 && caller->tty && in_tty)
		r = make_raw(relay, caller->stdin_fd);
	if (r == 0)
		tell_size(relay);
	return r;
}

void relay_loop_done(struct relay *relay)
{
	if (relay->raw_fd >= 0)
		(void)tcsetattr(relay->raw_fd, TCSADRAIN, &relay->saved_termios);
	free(relay->in.data);
	free(relay->out.data);
	free(relay->err.data);
	fd_close(&relay->own_out);
	fd_close(&relay->own_err);
	fd_close(&relay->signal_fd);
	if (relay->signals_taken) {
		(void)sigaction(SIGPIPE, &relay->saved_pipe, NULL);
		(void)sigprocmask(SIG_SETMASK, &relay->saved_mask, NULL);
	}
	if (relay->state == RELAY_KILLED)
		(void)raise(relay->killed_by);
}

/* ---- The loop ---- */

static void end_input(struct relay *relay)
{
	channel_stop(&relay->in);
	if (relay->close_in)
		fd_close(&relay->in.to);
	else
		relay->in.to = -1;
}

static void move_input(struct relay *relay)
{
	int r = channel_move(relay, &relay->in);

	/* Whatever is wrong with the input or its taker, the container goes on without it. */
	if (r < 0 || r == RELAY_EOF)
		end_input(relay);
}

static void move_output(struct relay *relay, struct relay_channel *c)
{
	int r = channel_move(relay, c);

	if (r == -EPIPE) {
		relay->state = RELAY_PIPE_BROKE;
		channel_stop(c);
	} else if (r < 0) {
		/* A full disk or an I/O error behind our stdout: go on reading, or the container
		 * stalls. */
		c->begin = c->end = 0;
		c->blocked = false;
		c->copy = true;
		fd_close(c == &relay->out ? &relay->own_out : &relay->own_err);
		c->to = c == &relay->out
				? (relay->own_out = open("/dev/null", O_WRONLY | O_CLOEXEC))
				: (relay->own_err = open("/dev/null", O_WRONLY | O_CLOEXEC));
	} else if (r == RELAY_EOF) {
		c->from = -1;
	}
}

/* The other side has ended; all it wrote is in the pipe by now. True when nothing is left. */
static bool drained(struct relay *relay, struct relay_channel *c)
{
	if (!channel_active(c))
		return true;
	if (!c->blocked && !channel_pending(c))
		move_output(relay, c);
	if (c->from >= 0 && !c->blocked && !channel_pending(c) && !readable_now(c->from))
		channel_stop(c);
	return !channel_active(c);
}

int relay_loop(struct relay *relay)
{
	enum { SIGNALS, WATCH, IN, OUT, ERR, COUNT };

	while (relay->state == RELAY_RUNNING || relay->state == RELAY_DRAINING) {
		struct pollfd p[COUNT];
		int r = 0;

		if (relay->state == RELAY_DRAINING) {
			bool out_done = drained(relay, &relay->out);
			bool err_done = drained(relay, &relay->err);

			channel_stop(&relay->in);
			if (out_done && err_done)
				break;
			if (relay->state != RELAY_DRAINING)
				break;
		}
		p[SIGNALS] = (struct pollfd){ .fd = relay->signal_fd, .events = POLLIN };
		p[WATCH] = (struct pollfd){ .fd = relay->watch_fd, .events = POLLIN };
		channel_poll(&relay->in, &p[IN]);
		channel_poll(&relay->out, &p[OUT]);
		channel_poll(&relay->err, &p[ERR]);
		if (poll(p, COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[SIGNALS].revents)
			handle_signals(relay);
		if (p[OUT].revents)
			move_output(relay, &relay->out);
		if (p[ERR].revents)
			move_output(relay, &relay->err);
		if (p[IN].revents)
			move_input(relay);
		if (p[WATCH].revents && relay->watch_fd >= 0)
			r = relay->on_watch(relay);
		if (r < 0)
			return r;
	}
	return 0;
}
