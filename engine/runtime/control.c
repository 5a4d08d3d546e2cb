/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and freezing of running containers; runs in any of our processes. */
#include "engine/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/base/time.h"

#define LIST_MAX (4U << 20)
#define FREEZE_TIMEOUT (INT64_C(10) * 1000 * 1000 * 1000)

/* Every process that cgroup.procs lists; those that fork meanwhile are found the next round. */
static int signal_group(int cgroup_fd, int signal)
{
	auto_free char *text = NULL;
	size_t size = 0;
	char *rest = NULL;
	int r = file_read_at(cgroup_fd, "cgroup.procs", LIST_MAX, &text, &size);

	if (r < 0)
		return r;
	rest = text;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		uint32_t pid = 0;

		if (str_to_u32(line, &pid) < 0 || pid == 0)
			continue; /* 0: a process that our pid namespace does not show */
		if (kill((pid_t)pid, signal) < 0 && errno != ESRCH)
			r = -errno;
	}
	return r;
}

int runtime_kill(int pidfd, int cgroup_fd, int signal, bool all, struct err *err)
{
	int r = 0;

	if (all && cgroup_fd >= 0) {
		/* In one step, against fork bombs too (cgroup v2, Linux 5.14). */
		if (signal == SIGKILL && file_poke_at(cgroup_fd, "cgroup.kill", "1") == 0)
			return 0;
		r = signal_group(cgroup_fd, signal);
		return r < 0 ? err_set(err, r, "cannot signal the container's processes") : 0;
	}
	r = proc_kill(pidfd, signal);
	if (r == -ESRCH)
		return err_say(err, ERR_STATE, "the container's first process has ended");
	return r < 0 ? err_set(err, r, "cannot send signal %d", signal) : 0;
}

/* cgroup.events: "populated 1\nfrozen 0\n"; a change wakes poll with POLLPRI. */
static int wait_frozen_v2(int cgroup_fd, bool frozen)
{
	auto_close int fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	const char *wanted = frozen ? "frozen 1" : "frozen 0";
	int64_t deadline = time_monotonic() + FREEZE_TIMEOUT;

	if (fd < 0)
		return -errno;
	while (time_monotonic() < deadline) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		char text[256] = { 0 };

		if (pread(fd, text, sizeof(text) - 1, 0) < 0)
			return -errno;
		if (strstr(text, wanted))
			return 0;
		(void)poll(&p, 1, 50);
	}
	return -ETIMEDOUT;
}

/* freezer.state: FREEZING until every task stands still, then FROZEN (freezer-subsystem.rst). */
static int wait_frozen_v1(int cgroup_fd, bool frozen)
{
	int64_t deadline = time_monotonic() + FREEZE_TIMEOUT;

	while (time_monotonic() < deadline) {
		auto_free char *text = NULL;
		size_t size = 0;
		int r = file_read_at(cgroup_fd, "freezer.state", 64, &text, &size);

		if (r < 0)
			return r;
		if (str_starts(text, frozen ? "FROZEN" : "THAWED"))
			return 0;
		/* A task that forks while the group freezes can be missed: asked again it is not.
		 */
		if (frozen)
			(void)file_poke_at(cgroup_fd, "freezer.state", "FROZEN");
		(void)poll(NULL, 0, 2);
	}
	return -ETIMEDOUT;
}

int runtime_freeze(int cgroup_fd, bool frozen, struct err *err)
{
	const char *verb = frozen ? "pause" : "resume";
	int r = cgroup_fd < 0 ? -ENOENT
			      : file_poke_at(cgroup_fd, "cgroup.freeze", frozen ? "1" : "0");

	if (r == 0) {
		r = wait_frozen_v2(cgroup_fd, frozen);
		return r < 0 ? err_set(err, r, "cannot %s the container", verb) : 0;
	}
	if (r == -ENOENT && cgroup_fd >= 0)
		r = file_poke_at(cgroup_fd, "freezer.state", frozen ? "FROZEN" : "THAWED");
	if (r == 0)
		r = wait_frozen_v1(cgroup_fd, frozen);
	if (r == -ENOENT)
		return err_say(err, ERR_UNSUPPORTED,
			       "cannot %s the container: it has no cgroup with a freezer", verb);
	return r < 0 ? err_set(err, r, "cannot %s the container", verb) : 0;
}
