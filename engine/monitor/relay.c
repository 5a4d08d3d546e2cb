/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams of one process in a container, relayed by its parent: see relay.h. Runs in
 * `bryo exec`.
 */
#include "engine/monitor/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/monitor/relay-internal.h"

struct session {
	const struct relay_args *args;
	int exit_status;
};

static int on_end(struct relay *relay)
{
	struct session *session = relay->data;
	int status = proc_wait(session->args->pid);

	if (status < 0)
		return status;
	session->exit_status = status;
	relay->watch_fd = -1;
	relay->state = RELAY_DRAINING;
	return 0;
}

static void on_signal(struct relay *relay, int signal)
{
	struct session *session = relay->data;

	(void)proc_kill(session->args->pidfd, signal); /* it has just ended: the loop will see it */
}

static void on_size(struct relay *relay, unsigned int rows, unsigned int columns)
{
	struct session *session = relay->data;
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	if (session->args->tty_fd >= 0)
		(void)ioctl(session->args->tty_fd, TIOCSWINSZ, &size);
}

static enum relay_end ending(enum relay_state state)
{
	switch (state) {
	case RELAY_DETACH:
	case RELAY_KILLED:
		return RELAY_DETACHED;
	case RELAY_PIPE_BROKE:
		return RELAY_BROKEN;
	case RELAY_RUNNING:
	case RELAY_DRAINING:
		break;
	}
	return RELAY_EXITED;
}

int exec_relay_run(const struct relay_args *args, struct relay_result *ret_result, struct err *err)
{
	auto_close int in_fd = args->in_fd;
	auto_close int out_fd = args->out_fd;
	auto_close int err_fd = args->err_fd;
	auto_close int tty_fd = args->tty_fd;
	/* The other side held open by us: the terminal never hangs up before the process ends. */
	auto_close __attribute__((unused)) int peer_fd =
		tty_fd < 0 ? -1 : ioctl(tty_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct session session = { .args = args };
	struct relay relay = {
		.in = { .from = -1, .to = tty_fd >= 0 ? tty_fd : in_fd },
		.out = { .from = tty_fd >= 0 ? tty_fd : out_fd, .to = -1 },
		.err = { .from = err_fd, .to = -1 },
		.close_in = tty_fd < 0,
		.watch_fd = args->pidfd,
		.sig_proxy = args->sig_proxy,
		.on_watch = on_end,
		.on_signal = on_signal,
		.on_size = on_size,
		.data = &session,
	};
	struct relay_caller caller = { .stdin_fd = args->stdin_fd,
				       .stdout_fd = args->stdout_fd,
				       .stderr_fd = args->stderr_fd,
				       .tty = tty_fd >= 0,
				       .keys = args->keys };
	int r = 0;

	for (int i = 0; i < 4 && r == 0; i++) {
		const int ours[] = { in_fd, out_fd, err_fd, tty_fd };

		if (ours[i] >= 0)
			r = fd_set_nonblock(ours[i], true);
	}
	if (r == 0)
		r = relay_loop_start(&relay, &caller);
	(void)fd_take(&in_fd); /* the relay closes it when the input ends */
	if (r == 0)
		r = relay_loop(&relay);
	relay_loop_done(&relay);
	if (relay.close_in)
		fd_close(&relay.in.to);
	if (r < 0)
		return err_set(err, r, "cannot relay the process's input and output");
	ret_result->end = ending(relay.state);
	ret_result->exit_status = session.exit_status;
	return 0;
}
