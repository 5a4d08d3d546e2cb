/* SPDX-License-Identifier: Apache-2.0 */
/* Ending, pausing, waiting: requests to the monitor, or straight to the process where it has gone.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/cgroup/cgroup.h"
#include "engine/container/internal.h"

/* A connection to the monitor; -1 with no error where there is none to talk to. */
static int connect_monitor(const struct engine *engine, const struct container *c)
{
	int control = -1;

	return attach_connect(engine->run_fd, c->id, &control, NULL) < 0 ? -1 : control;
}

/*
 * The run folder vanished under the container (logout), or its monitor was killed: the
 * process itself is still reached by pidfd.
 */
static int stop_directly(struct container *c, int signal, int64_t timeout_ms, struct err *err)
{
	auto_close int pidfd = -1;
	struct pollfd wait = { .events = POLLIN };

	if (container_pidfd(c, &pidfd, NULL) < 0)
		return 0; /* it has ended */
	wait.fd = pidfd;
	if (proc_kill(pidfd, signal) < 0)
		return 0;
	if (poll(&wait, 1, (int)timeout_ms) == 0 && proc_kill(pidfd, SIGKILL) == 0 &&
	    poll(&wait, 1, 10000) == 0)
		return err_say(err, ERR_FAILED, "container %s does not end, even killed",
			       c->state.name);
	return 0;
}

/* Until the monitor's lock is free: all that belongs to the end has been done then. */
static void await_end(const struct container *c)
{
	auto_close int lock = -1;

	(void)state_lock(c->fd, STATE_LOCK_ALIVE, true, &lock); /* a removed one is over too */
}

int container_stop(struct engine *engine, struct container *c, int timeout, struct err *err)
{
	auto_close int control = -1;
	int64_t timeout_ms = timeout < 0 ? -1 : (int64_t)timeout * 1000;
	struct attach_exit exit;
	int r = 0;

	if (!container_is_alive(c))
		return 0;
	if (c->state.foreign)
		return err_say(err, ERR_STATE, "container %s runs on another machine, %s",
			       c->state.name, str_or(c->state.host, "unknown"));
	r = container_load_spec(c, err);
	if (r < 0)
		return r;
	if (c->state.status == CONTAINER_PAUSED)
		(void)container_pause(c, false, NULL); /* a frozen process cannot act on a signal */
	if (timeout_ms < 0)
		timeout_ms = c->spec.stop_timeout < 0 ? 10000 : c->spec.stop_timeout * 1000;
	control = connect_monitor(engine, c);
	if (control < 0 || attach_stop(control, timeout_ms == 0 ? SIGKILL : 0, timeout_ms) < 0)
		r = stop_directly(c, timeout_ms == 0 ? SIGKILL : (int)c->spec.stop_signal,
				  timeout_ms, err);
	else
		(void)attach_wait(control, -1, &exit); /* a monitor that died has freed its lock */
	if (r == 0)
		await_end(c);
	return r;
}

int container_kill(struct engine *engine, struct container *c, int signal, struct err *err)
{
	auto_close int control = -1;
	auto_close int pidfd = -1;
	int r = 0;

	if (!container_is_alive(c))
		return err_say(err, ERR_STATE,
			       "can only kill running containers. %s is in state %s: container "
			       "state improper",
			       c->id, container_status_name(c->state.status));
	control = connect_monitor(engine, c);
	if (control >= 0 && attach_kill(control, signal) == 0)
		return 0;
	r = container_pidfd(c, &pidfd, err);
	if (r < 0)
		return r;
	r = proc_kill(pidfd, signal);
	return r < 0 && r != -ESRCH ? err_set(err, r, "cannot signal container %s", c->state.name)
				    : 0;
}

int container_pause(struct container *c, bool pause, struct err *err)
{
	struct cgroup group = CGROUP_INIT;
	enum container_status from = pause ? CONTAINER_RUNNING : CONTAINER_PAUSED;
	int r = 0;

	if (c->state.status != from)
		return err_say(err, ERR_STATE,
			       "\"%s\" is not %s, can't %s: container state improper", c->id,
			       pause ? "running" : "paused", pause ? "pause" : "unpause");
	r = cgroup_open(c->state.cgroup, c->state.cgroup_v1, &group, err);
	if (r == 0)
		r = cgroup_freeze(&group, pause, err);
	cgroup_done(&group);
	if (r < 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "cannot %s container %s: it has no cgroup of its own with a "
			       "freezer. "
			       "See `bryo doctor` for what this host needs",
			       pause ? "pause" : "unpause", c->state.name);
	c->state.status = pause ? CONTAINER_PAUSED : CONTAINER_RUNNING;
	return container_save_state(c, err);
}

int container_wait(struct engine *engine, struct container *c, int *ret_status, struct err *err)
{
	struct container again auto_done(container) = CONTAINER_INIT;
	auto_close int control = -1;
	struct attach_exit exit;

	if (!container_is_alive(c)) {
		*ret_status = (int)c->state.exit_code;
		return 0;
	}
	if (c->state.foreign)
		return err_say(err, ERR_STATE, "container %s runs on another machine, %s",
			       c->state.name, str_or(c->state.host, "unknown"));
	control = connect_monitor(engine, c);
	if (control >= 0 && attach_wait(control, -1, &exit) == 0) {
		*ret_status = exit.status;
		return 0;
	}
	await_end(c);
	if (container_load(engine, c->id, &again, NULL) < 0) {
		/* --rm took it away with its status: only the monitor could have told. */
		*ret_status = 137;
		return 0;
	}
	*ret_status = (int)again.state.exit_code;
	(void)err;
	return 0;
}
