/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `wait --condition`: until a container's state is one of those asked for. Runs in the command.
 * Each state is a state.json renamed into place, so a watch on the container's folder wakes us;
 * a look from time to time finds a monitor that died without a word.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/container/internal.h"

/* States whose container has an exit code to tell. */
static bool has_ended(enum container_status status)
{
	return status == CONTAINER_EXITED || status == CONTAINER_REMOVING;
}

static int watch(const struct container *c, int *ret_fd, struct err *err)
{
	auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 ||
	    inotify_add_watch(fd, FD_PATH(c->fd), IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF) < 0)
		return err_set(err, -errno, "cannot watch container %s", c->state.name);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* Sleeps until something was renamed, or interval_ms have passed. */
static void await_change(int notify_fd, int interval_ms)
{
	struct pollfd p = { .fd = notify_fd, .events = POLLIN };
	char events[4096];

	(void)poll(&p, 1, interval_ms); /* cut short by a signal: one look too many */
	while (read(notify_fd, events, sizeof(events)) > 0)
		;
}

static int start_watching(struct engine *engine, const char *id, int *ret_fd, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_load(engine, id, &c, err);

	return r < 0 ? r : watch(&c, ret_fd, err);
}

int container_wait_for(struct engine *engine, const char *id, unsigned int states, int interval_ms,
		       int *ret_status, struct err *err)
{
	auto_close int notify_fd = -1;
	int r = start_watching(engine, id, &notify_fd, err);

	/* Every look comes after the watch began or woke us: no change falls between. */
	while (r == 0) {
		struct container c auto_done(container) = CONTAINER_INIT;

		r = container_load(engine, id, &c, err);
		if (r == 0 && (states & (1U << c.state.status))) {
			*ret_status = has_ended(c.state.status) ? (int)c.state.exit_code : -1;
			return 0;
		}
		if (r == 0)
			await_change(notify_fd, interval_ms);
	}
	return r;
}
