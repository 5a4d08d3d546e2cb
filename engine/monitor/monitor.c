/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a monitor: see monitor.h. Runs in the process that is the container's parent. Must
 * not block but for the log file and for on_exit(); must not end while the container runs.
 */
#include "engine/monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/pages.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/monitor/monitor-internal.h"

#define MS 1000000LL
/*
 * After a pause of so long, of output or since the start, memory that is not needed is given back.
 * Not at the start itself: a container that ends at once would only have it faulted in again.
 */
#define IDLE_NS (200 * MS)

static void signal_set(sigset_t *ret_set)
{
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGUSR1 };

	(void)sigemptyset(ret_set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaddset(ret_set, signals[i]);
}

int monitor_prepare(void)
{
	sigset_t set;

	signal_set(&set);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	proc_ignore_signal(SIGHUP);
	proc_ignore_signal(SIGPIPE);
	return 0;
}

/* ---- Memory ---- */

static void trim(struct monitor *m)
{
	streams_trim(m);
	pages_give_back();
	m->dirty = false;
	m->trim_at = 0;
}

void monitor_touch(struct monitor *m)
{
	m->dirty = true;
}

/* ---- Timers ---- */

/* The earlier of two moments, of which 0 is none. */
static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Milliseconds until the next one, -1 for none. */
static int next_timeout(struct monitor *m)
{
	int64_t at = earlier(m->kill_at, m->run_until);
	int64_t now = 0;

	if (!m->dirty && at == 0)
		return -1;
	now = time_monotonic();
	if (m->dirty) {
		m->trim_at = now + IDLE_NS;
		if (at == 0 || m->trim_at < at)
			at = m->trim_at;
	}
	return at <= now ? 0
			 : (int)((at - now + MS - 1) / MS > INT32_MAX ? INT32_MAX
								      : (at - now + MS - 1) / MS);
}

static void run_timers(struct monitor *m, int handled)
{
	int64_t now = 0;

	if (m->kill_at == 0 && m->run_until == 0 && (handled > 0 || !m->dirty))
		return;
	now = time_monotonic();
	if (m->run_until > 0 && now >= m->run_until) {
		m->run_until = 0;
		m->timed_out = true;
		m->kill_at = now;
	}
	if (m->kill_at > 0 && now >= m->kill_at) {
		m->kill_at = 0;
		(void)proc_kill(m->args->pidfd,
				SIGKILL); /* it has just ended: SIGCHLD is on its way */
	}
	if (handled == 0 && m->dirty && now >= m->trim_at)
		trim(m);
}

void monitor_stop(struct monitor *m, int signal, int64_t timeout_ms)
{
	int64_t wait = timeout_ms >= 0 ? timeout_ms : m->args->stop_timeout_ms;
	int64_t now = time_monotonic();

	m->stopped = true;
	(void)proc_kill(m->args->pidfd, signal ? signal : m->args->stop_signal); /* as above */
	if (wait > INT64_MAX / MS - now / MS - 1)
		return; /* "wait for ever" in practice */
	/* A second, more patient stop does not take back the first one's deadline. */
	if (m->kill_at == 0 || now + wait * MS < m->kill_at)
		m->kill_at = now + wait * MS > 0 ? now + wait * MS : 1;
}

/* ---- Signals and children ---- */

static void reap(struct monitor *m)
{
	const struct monitor_hooks *hooks = m->args->hooks;
	int status = 0;
	pid_t pid = 0;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == m->args->pid) {
			m->exited = true;
			m->wait_status = status;
		} else if (hooks && hooks->on_child) {
			hooks->on_child(m->args->data, pid, status);
		}
	}
}

static int on_signal(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct monitor *m = data;
	struct signalfd_siginfo info;

	(void)loop;
	(void)events;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD && !m->between)
			reap(m);
		else if (info.ssi_signo == SIGUSR1)
			(void)log_writer_reopen(
				m->args->log); /* the old file goes on being written */
		else if (info.ssi_signo != SIGCHLD && m->between)
			m->stopped = true;
		else if (info.ssi_signo != SIGCHLD)
			monitor_stop(m, 0, -1);
	}
	return 0;
}

static void ask_oom(struct monitor *m)
{
	const struct monitor_hooks *hooks = m->args->hooks;

	if (!m->oom && hooks && hooks->was_oom)
		m->oom = hooks->was_oom(m->args->data);
}

static int on_oom(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct monitor *m = data;
	char bytes[512];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)events;
	if (n <= 0 && errno != EAGAIN && errno != EINTR)
		loop_remove(loop, fd); /* the group has gone; do not spin */
	ask_oom(m);
	return 0;
}

/* ---- The end ---- */

static void describe_exit(struct monitor *m, struct monitor_exit *ret_exit)
{
	int status = m->wait_status;
	bool timed_out = m->timed_out && WIFSIGNALED(status);

	ask_oom(m);
	*ret_exit = (struct monitor_exit){
		.exit.status = timed_out	     ? MONITOR_TIMED_OUT
			       : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
						     : WEXITSTATUS(status),
		.exit.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		.exit.oom = m->oom,
		.exit.stopped = m->stopped,
		.finished_at = time_now(),
		.timed_out = timed_out,
	};
}

static void finish(struct monitor *m, struct monitor_exit *ret_exit)
{
	const struct monitor_hooks *hooks = m->args->hooks;

	describe_exit(m, ret_exit);
	streams_drain(m);
	if (hooks && hooks->on_exit)
		ret_exit->on_exit_failed = hooks->on_exit(m->args->data, ret_exit) != 0;
	clients_finish(m, &ret_exit->exit);
}

/* ---- Life ---- */

static int watch_all(struct monitor *m)
{
	const struct monitor_args *args = m->args;
	sigset_t set;
	int r = loop_init(&m->loop);

	if (r < 0)
		return r;
	signal_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* done by monitor_prepare(); harmless twice */
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0)
		return -errno;
	r = loop_add(&m->loop, m->signal_fd, EPOLLIN, on_signal, m);
	if (r == 0)
		r = clients_listen(m);
	if (r == 0 && args->oom_fd >= 0 && !m->between) {
		r = fd_set_nonblock(args->oom_fd, true);
		if (r == 0)
			r = loop_add(&m->loop, args->oom_fd, EPOLLIN, on_oom, m);
	}
	return r;
}

static void monitor_done(struct monitor *m)
{
	clients_close(m);
	streams_close(m);
	fd_close(&m->signal_fd);
	loop_done(&m->loop);
}

static void keep_container(struct monitor *m)
{
	if (m->args->run_timeout_ms > 0)
		m->run_until = time_monotonic() + m->args->run_timeout_ms * MS;
	/* It may have ended before we looked. */
	reap(m);
	while (!m->exited) {
		int r = loop_once(&m->loop, next_timeout(m));

		if (r < 0) {
			/* Unwatched it must not run on. */
			(void)proc_kill(m->args->pidfd, SIGKILL);
			(void)waitpid(m->args->pid, &m->wait_status, 0);
			break;
		}
		clients_sweep(m);
		run_timers(m, r);
	}
}

int monitor_run(const struct monitor_args *args, struct monitor_exit *ret_exit, struct err *err)
{
	struct monitor m auto_done(monitor) = { .args = args,
						.loop = { .epoll_fd = -1 },
						.signal_fd = -1,
						.peer_fd = -1,
						.stdin_fd = -1,
						.streams = { { .fd = -1 }, { .fd = -1 } } };
	struct attach_peer first = args->first;
	int r = watch_all(&m);

	if (r == 0)
		r = streams_open(&m);
	if (r == 0 && args->first.control >= 0)
		r = client_add(&m, &args->first, true);
	else if (args->first.control >= 0)
		attach_peer_done(&first);
	if (r < 0)
		return err_set(err, r, "cannot set up the container's monitor");
	m.dirty = true;
	if (args->hooks && args->hooks->on_ready)
		args->hooks->on_ready(args->data);
	/* The zone file, for the log: later there may be none, or no memory. Nobody waits now. */
	tzset();
	keep_container(&m);
	finish(&m, ret_exit);
	return 0;
}

int monitor_pause(const struct monitor_args *args, int64_t ms, const struct monitor_exit *last)
{
	struct monitor m auto_done(monitor) = { .args = args,
						.loop = { .epoll_fd = -1 },
						.signal_fd = -1,
						.peer_fd = -1,
						.stdin_fd = -1,
						.streams = { { .fd = -1 }, { .fd = -1 } },
						.between = last };
	int64_t deadline = time_monotonic() + (ms < INT32_MAX ? ms : INT32_MAX) * MS;
	int r = watch_all(&m);

	while (r >= 0 && !m.stopped) {
		int64_t left = deadline - time_monotonic();

		if (left <= 0)
			return 0;
		r = loop_once(&m.loop, (int)((left + MS - 1) / MS));
		clients_sweep(&m);
	}
	return r < 0 ? r : MONITOR_STOPPED;
}
