/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs another process in a running container. A pid namespace holds only what is forked after
 * joining it, and the caller joins no other namespace. So there are two ways:
 *
 *   the user namespace is the caller's: it names the pid namespace for its next child (setns(2)
 *   with CLONE_NEWPID moves no one), and the child joins the rest;
 *   it is another one: a go-between joins all and forks once more, a child of the caller
 *   (CLONE_PARENT).
 *
 * The container may be hostile: see process.c for what is done about that.
 */
#include "engine/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/cgroup/cgroup.h"
#include "engine/runtime/clone-internal.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"
#include "engine/runtime/sync-internal.h"

struct exec_plan {
	const struct runtime_exec_args *args;
	struct process_plan process;
	int flags; /* for setns */
	int sync_fd;
};

static void exec_plan_done(struct exec_plan *plan)
{
	process_plan_done(&plan->process);
	fd_close(&plan->sync_fd);
}

static bool same_file(int dir_fd, const char *a, const char *b)
{
	struct stat x;
	struct stat y;

	return fstatat(dir_fd, a, &x, 0) == 0 && fstatat(dir_fd, b, &y, 0) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/*
 * All namespaces in one call (setns(2) with a pidfd). Entering one's own user namespace is an
 * error, so that one is left out where it is the same. The mount namespace costs most, the
 * kernel waits for a grace period there.
 */
static int find_flags(struct exec_plan *plan)
{
	char theirs[48];

	plan->flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
		      CLONE_NEWCGROUP;
	snprintf(theirs, sizeof(theirs), "%d/ns/user", (int)plan->args->pid);
	if (!same_file(plan->process.proc_fd, theirs, "self/ns/user"))
		plan->flags |= CLONE_NEWUSER;
	snprintf(theirs, sizeof(theirs), "%d/ns/time", (int)plan->args->pid);
	if (!same_file(plan->process.proc_fd, theirs, "self/ns/time"))
		plan->flags |= oci_namespace_flag(OCI_NS_TIME);
	return 0;
}

/*
 * Runs with: the container's namespaces, as root of its user namespace with all capabilities.
 * Must: become the process. Must not: be looked into (undumpable from the first moment on).
 */
static _Noreturn void exec_main(struct exec_plan *plan)
{
	auto_close int root = -1;
	struct err err = ERR_INIT;
	int master = -1;
	int r = 0;

	proc_reset_signals();
	if (plan->process.process->terminal) {
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = terminal_make(root, false, &master, &plan->process.slave_fd, &err);
		if (r == 0 && plan->process.process->has_console_size)
			(void)terminal_resize(master, plan->process.process->console_height,
					      plan->process.process->console_width);
		if (r == 0 && plan->args->console_socket >= 0)
			r = fd_send(plan->args->console_socket, "/dev/ptmx", 9, &master, 1);
		else if (r == 0)
			r = sync_send(plan->sync_fd, SYNC_CONSOLE, 0, master);
		fd_close(&master);
	}
	if (plan->process.filter.notifies)
		listener_describe(&plan->process, NULL);
	plan->process.status_fd = fd_take(&plan->sync_fd);
	if (r == 0)
		r = process_prepare(&plan->process, &err);
	if (r == 0)
		r = process_exec(&plan->process, &err);
	if (r < 0 && err.code == 0)
		(void)err_set(&err, r, "cannot set up the process");
	(void)sync_send_error(plan->process.status_fd, &err);
	_exit(err_exit_status(&err));
}

/* The errors of joining a container's namespaces. */
static int join(const struct exec_plan *plan, int flags, struct err *err)
{
	if (setns(plan->args->pidfd, flags) == 0)
		return 0;
	return errno == ESRCH ? err_say(err, ERR_STATE, "the container's first process has ended")
			      : err_set(err, -errno, "cannot enter the container's namespaces");
}

/* With the caller's rights, and before anything of the container's runs: its limits hold from the
 * first moment (cgroup v2's come with clone3(2)). */
static int enter_groups(const struct exec_plan *plan, struct err *err)
{
	const struct cgroup *cgroup = plan->args->cgroup;

	return cgroup && cgroup->v1 ? cgroup_enter(cgroup, 0, err) : 0;
}

/*
 * Runs with: the caller's rights, then those of root in the container's user namespace. Must:
 * enter and fork. It is not in the container's pid namespace itself, so nobody there sees it.
 */
static _Noreturn void exec_between(struct exec_plan *plan, int caller_end)
{
	struct clone_args_internal args = { .flags = CLONE_PARENT,
					    .cgroup_fd = plan->args->cgroup_fd };
	struct err err = ERR_INIT;
	pid_t pid = 0;
	int r = 0;

	(void)close(caller_end);
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		r = err_set(&err, -errno, "cannot hide from the container's processes");
	if (r == 0)
		r = enter_groups(plan, &err);
	if (r == 0)
		r = join(plan, plan->flags, &err);
	if (r == 0 && (plan->flags & CLONE_NEWUSER)) {
		(void)setgroups(0, NULL);
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ||
		    prctl(PR_SET_DUMPABLE, 0) < 0)
			r = err_set(&err, -errno, "cannot become root of the user namespace");
	}
	if (r == 0)
		pid = clone_process(&args, NULL);
	if (r == 0 && pid == 0)
		exec_main(plan);
	if (r == 0 && pid < 0)
		r = err_set(&err, pid, "cannot fork in the container");
	if (r == 0)
		(void)sync_send(plan->sync_fd, SYNC_PID, pid, -1);
	else
		(void)sync_send_error(plan->sync_fd, &err);
	_exit(0);
}

/*
 * Reads the line to its end: the go-between and the process write to it as they come, and both
 * ends are closed when the one has exited and the other has executed its program, or failed.
 */
static int follow(struct runtime_container *process, const char *program, struct err *err)
{
	struct err failure = ERR_INIT;
	bool door = false;

	for (;;) {
		struct sync_message message;
		int fd = -1;
		int r = sync_recv(process->sync_fd, &message, &fd);

		if (r == -ECONNRESET)
			break;
		if (r < 0)
			return err_set(err, r, "cannot hear from the process");
		if (take_descriptor(process, message.kind, fd))
			fd = -1;
		if (message.kind == SYNC_PID && message.value > 0) {
			process->pid = (pid_t)message.value;
			process->pidfd = proc_pidfd(process->pid);
		} else if (message.kind == SYNC_EXEC) {
			door = true;
		} else if (message.kind == SYNC_EXEC_FAILED) {
			(void)start_failed(message.value, program, &failure);
		} else if (message.kind == SYNC_ERROR) {
			failure = message.err;
		}
		fd_close(&fd);
	}
	if (failure.code == 0 && (!door || process->pid == 0))
		return err_say(err, ERR_FAILED, "the process ended before its program started");
	if (failure.code != 0 && err)
		*err = failure;
	return failure.code;
}

/*
 * Runs with: the caller's rights, in the container's pid namespace, undumpable, and its memory
 * belongs to the user namespace that the program was executed in: nobody in the container can look
 * into it (ptrace(2)). Must: join the rest before anything else.
 */
static _Noreturn void exec_child(struct exec_plan *plan, int caller_end)
{
	struct err err = ERR_INIT;

	(void)close(caller_end);
	if (enter_groups(plan, &err) == 0 && join(plan, plan->flags & ~CLONE_NEWPID, &err) == 0)
		exec_main(plan);
	(void)sync_send_error(plan->sync_fd, &err);
	_exit(0);
}

static int clone_into_pids(struct exec_plan *plan, struct runtime_container *process,
			   struct err *err)
{
	struct clone_args_internal args = { .cgroup_fd = plan->args->cgroup_fd };
	int dumpable = prctl(PR_GET_DUMPABLE);
	pid_t pid = 0;
	int r = 0;

	if (prctl(PR_SET_DUMPABLE, 0) < 0) /* the child's from its first moment */
		return err_set(err, -errno, "cannot hide from the container's processes");
	/* There is no way back: that would need rights over the caller's own pid namespace. */
	r = join(plan, CLONE_NEWPID, err);
	if (r < 0)
		return r;
	pid = clone_process(&args, &process->pidfd);
	if (pid == 0)
		exec_child(plan, process->sync_fd);
	if (dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1); /* undumpable is the safe side */
	if (pid < 0)
		return err_set(err, pid, "cannot fork into the container");
	process->pid = pid;
	return 0;
}

static int run_direct(struct exec_plan *plan, struct runtime_container *process, struct err *err)
{
	int r = clone_into_pids(plan, process, err);

	fd_close(&plan->sync_fd); /* or its end would never be seen */
	return r < 0 ? r : follow(process, plan->args->process->args.v[0], err);
}

static int run_between(struct exec_plan *plan, struct runtime_container *process, struct err *err)
{
	const struct runtime_exec_args *args = plan->args;
	struct clone_args_internal fork_args = { .cgroup_fd = -1 };
	pid_t between = clone_process(&fork_args, NULL);
	int r = 0;

	if (between == 0)
		exec_between(plan, process->sync_fd);
	fd_close(&plan->sync_fd); /* or its end would never be seen */
	if (between < 0)
		return err_set(err, between, "cannot fork");
	r = follow(process, args->process->args.v[0], err);
	(void)proc_wait(between);
	return r;
}

int runtime_exec(const struct runtime_exec_args *args, struct runtime_container *ret_process,
		 struct err *err)
{
	struct runtime_container process = RUNTIME_CONTAINER_INIT;
	auto_done(exec_plan) struct exec_plan plan = { .args = args,
						       .process = { PROCESS_PLAN_INIT },
						       .sync_fd = -1 };
	int ends[2] = { -1, -1 };
	int r = 0;

	plan.process.process = args->process;
	plan.process.linux_ = args->linux_;
	plan.process.seccomp_socket = args->seccomp_socket;
	plan.process.notify_filter = args->notify_filter;
	plan.process.no_own_tcp = args->no_own_tcp;
	memcpy(plan.process.stdio, args->stdio, sizeof(plan.process.stdio));
	plan.process.pass_fds = args->pass_fds;
	plan.process.pass_fd_count = args->pass_fd_count;
	plan.process.shared_pids = true;
	plan.process.keep_keyring = args->keep_keyring;
	if (args->process->args.count == 0)
		return err_say(err, ERR_USAGE, "process.args is empty: there is nothing to run");
	r = process_plan_open(&plan.process, err);
	if (r == 0)
		r = process_plan_seccomp(&plan.process, args->seccomp, args->seccomp_cache_fd, err);
	if (r < 0)
		return r;
	r = find_flags(&plan);
	if (r == 0)
		r = fd_socketpair(SOCK_SEQPACKET, ends);
	if (r < 0)
		return err_set(err, r, "cannot make a socket pair");
	process.sync_fd = ends[0];
	plan.sync_fd = ends[1];
	r = plan.flags & CLONE_NEWUSER ? run_between(&plan, &process, err)
				       : run_direct(&plan, &process, err);
	fd_close(&process.sync_fd);
	if (r < 0) {
		if (process.pidfd >= 0)
			(void)proc_kill(process.pidfd, SIGKILL); /* mostly it has ended already */
		if (process.pid > 0)
			(void)proc_wait(process.pid);
		runtime_container_done(&process);
		return r;
	}
	*ret_process = process;
	return 0;
}
