/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a running container, its end, its restarts: see keeper-internal.h. Runs in the keeper. */
#include "engine/container/keeper-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/container/foreign.h"
#include "engine/container/internal.h"
#include "engine/monitor/monitor.h"
#include "netns/net.h"

static bool wants_restart(const struct container_spec *spec, const struct container_state *state,
			  const struct monitor_exit *exit)
{
	if (exit->exit.stopped)
		return false;
	switch (spec->restart) {
	case SPEC_RESTART_ALWAYS:
	case SPEC_RESTART_UNLESS_STOPPED:
		return true;
	case SPEC_RESTART_ON_FAILURE:
		return exit->exit.status != 0 &&
		       (spec->restart_retries == 0 || state->restarts < spec->restart_retries);
	case SPEC_RESTART_NO:
		return false;
	}
	return false;
}

/* What must be done before anybody is told of the end. */
static int on_exit_hook(void *data, const struct monitor_exit *exit)
{
	struct keeper *k = data;
	struct container *c = k->container;
	struct err err = ERR_INIT;

	/*
	 * Its ports must be free by now. The process itself takes 20 ms and more to give its
	 * interface up, which nobody has to wait for.
	 */
	net_stop(&k->net);
	bridge_stop(&k->bridge);
	/* What it keeps beyond that is removed with the container at the latest. */
	if (container_is_foreign(c))
		(void)container_foreign_delete(k->engine, c, NULL);
	keeper_cgroup_remove(&k->cgroup);
	/* What may run again must not find its layers mounted still. */
	if (!c->spec.rm || wants_restart(&c->spec, &c->state, exit))
		fd_close(&k->mounts_fd);
	/* Between two runs it counts as running: `wait` and `ps` look at the policy's end alone. */
	if (wants_restart(&c->spec, &c->state, exit))
		return 0;
	c->state.status = CONTAINER_EXITED;
	c->state.exit_code = exit->exit.status;
	c->state.finished_at = exit->finished_at;
	c->state.oom = exit->exit.oom;
	c->state.stopped_by_user = exit->exit.stopped;
	container_forget_address(&c->state);
	c->state.pid = 0;
	c->state.monitor_pid = 0;
	if (c->spec.rm) {
		(void)unlinkat(k->engine->run_fd, k->socket_name,
			       0); /* nobody can attach any more */
		k->gone = container_discard(k->engine, c, true, &err) == 0;
		/* One that others use stays; the command tells so. */
		if (k->gone && c->spec.rmi)
			(void)container_remove_image(k->engine, &c->spec, NULL);
		return !k->gone;
	}
	return container_save_state(c, &err) < 0;
}

static bool oom_hook(void *data)
{
	struct keeper *k = data;

	return cgroup_oom_count(&k->cgroup.cgroup) > 0;
}

enum { RELOAD_MS = 2000 }; /* bryo-net answers at once; one that hangs must not hang us */

static int reload_hook(void *data)
{
	struct keeper *k = data;

	return k->net.fd < 0 ? -EOPNOTSUPP : net_reload(&k->net, RELOAD_MS, NULL);
}

static int listener_hook(void *data, int fd, int kind)
{
	struct keeper *k = data;

	if (!k->injection.on || kind != (int)k->injection.wall)
		return -EOPNOTSUPP;
	return keeper_pass_listener(k, fd);
}

static int uninject_hook(void *data)
{
	struct keeper *k = data;

	return k->net.fd < 0 ? -EOPNOTSUPP : net_stop_injection(&k->net);
}

/* Beyond 68 years there is no difference. */
static int64_t timeout_ms_of(const struct container_spec *spec)
{
	return (spec->timeout < INT32_MAX ? spec->timeout : INT32_MAX) * 1000;
}

static struct monitor_args monitor_args_of(struct keeper *k, const struct monitor_hooks *hooks)
{
	bool tty = k->container->spec.tty;
	struct monitor_args args = { .pid = k->process.pid,
				     .pidfd = k->process.pidfd,
				     .stdin_fd = tty ? -1 : fd_take(&k->pipes[0][1]),
				     .stdout_fd = tty ? -1 : fd_take(&k->pipes[1][0]),
				     .stderr_fd = tty ? -1 : fd_take(&k->pipes[2][0]),
				     .terminal_fd = tty ? fd_take(&k->process.console_fd) : -1,
				     .first = k->first,
				     .stdin_mode = MONITOR_STDIN_ONCE,
				     .log = k->log,
				     .listen_fd = k->listen_fd,
				     .oom_fd = k->cgroup.oom_fd,
				     .stop_signal = (int)k->container->spec.stop_signal,
				     .stop_timeout_ms = k->container->spec.stop_timeout * 1000,
				     .run_timeout_ms = timeout_ms_of(&k->container->spec),
				     .hooks = hooks,
				     .data = k };

	k->first = ATTACH_PEER_INIT;
	return args;
}

/*
 * Taking seventeen mounts down takes a third of a millisecond. With the namespace in our hand that
 * is not done by the container's first process before its end is told of, but by us when we let go:
 * of a --rm container after that. Nothing is lost where it cannot be had.
 */
static void hold_mounts(struct keeper *k)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)k->process.pid);
	k->mounts_fd = open(path, O_RDONLY | O_CLOEXEC);
}

int keeper_keep(struct keeper *k, struct err *err)
{
	static const struct monitor_hooks hooks = { .on_exit = on_exit_hook,
						    .was_oom = oom_hook,
						    .on_reload = reload_hook,
						    .on_listener = listener_hook,
						    .on_uninject = uninject_hook };
	int64_t pause_ms = 100;

	for (;;) {
		struct monitor_args args = monitor_args_of(k, &hooks);
		struct monitor_exit exit;
		int r = 0;

		hold_mounts(k);
		r = monitor_run(&args, &exit, err);
		fd_close(&k->process.pidfd);
		runtime_container_done(&k->process);
		net_stop(&k->net);
		bridge_stop(&k->bridge);
		if (r < 0 || !wants_restart(&k->container->spec, &k->container->state, &exit))
			return r;
		net_reap(&k->net); /* a restarted container's monitor stays: leave it no zombie */
		bridge_reap(&k->bridge);
		/* A container that dies at once must not keep a processor busy. */
		if (exit.finished_at - k->container->state.started_at > 10 * 1000000000LL)
			pause_ms = 100;
		if (monitor_pause(&args, pause_ms, &exit) == MONITOR_STOPPED)
			return 0;
		if (pause_ms < 60000)
			pause_ms *= 2;
		k->container->state.restarts++;
		r = keeper_start(k, NULL, err);
		if (r < 0)
			return r;
	}
}
