/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates and starts a container: the caller's side (monitor or bryo-runtime). The child's side
 * is init.c. Nothing of a failed attempt is left: the child is killed and reaped.
 */
#include "engine/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/runtime/clone-internal.h"
#include "engine/runtime/hooks-internal.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"
#include "engine/runtime/sync-internal.h"
#include "userns/userns.h"

void runtime_container_done(struct runtime_container *container)
{
	fd_close(&container->pidfd);
	fd_close(&container->console_fd);
	fd_close(&container->notify_fd);
	fd_close(&container->sync_fd);
}

/* Kills and reaps what was begun. */
static void abandon(struct runtime_container *container)
{
	if (container->pidfd >= 0)
		(void)proc_kill(container->pidfd, SIGKILL);
	if (container->pid > 0)
		(void)proc_wait(container->pid);
	runtime_container_done(container);
}

pid_t clone_process(const struct clone_args_internal *args, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args how = {
		.flags = args->flags | (ret_pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = args->flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	long pid = 0;

	if (args->cgroup_fd >= 0) {
		how.flags |= CLONE_INTO_CGROUP;
		how.cgroup = (uint64_t)args->cgroup_fd;
	}
	pid = syscall(SYS_clone3, &how, sizeof(how));
	if (pid < 0)
		return -errno;
	if (pid > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

/* In the go-between: joins the namespaces of others, those of the spec's kinds that have one. */
static int join_namespaces(const struct oci_spec *spec, bool user, struct err *err)
{
	for (int i = 0; i < OCI_NS_KINDS; i++) {
		const struct oci_namespace *ns = &spec->linux_.namespaces[i];
		enum oci_namespace_kind kind = (enum oci_namespace_kind)i;
		auto_close int opened = -1;
		int fd = ns->fd;

		if (!ns->present || (!ns->path && ns->fd <= 0) || (kind == OCI_NS_USER) != user)
			continue;
		if (fd <= 0) {
			opened = open(ns->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
			if (opened < 0)
				return err_set(err, -errno, "cannot open the %s namespace %s",
					       oci_namespace_name(kind), ns->path);
			fd = opened;
		}
		/* The flag makes the kernel check that it is one of this kind. */
		if (setns(fd, oci_namespace_flag(kind)) < 0)
			return err_set(err, -errno, "cannot join the %s namespace %s",
				       oci_namespace_name(kind), str_or(ns->path, ""));
	}
	return 0;
}

/*
 * Namespaces that are joined are joined here, with the caller's rights, and the new ones are
 * made by the clone after it: a child in a user namespace of its own could no longer join the
 * others, and a pid namespace holds only what is forked after joining it. Where a namespace
 * belongs to the user namespace that is joined, the order is the other one.
 */
static _Noreturn void go_between(struct plan *plan, int caller_end)
{
	struct err err = ERR_INIT;
	struct clone_args_internal args = { .flags = plan->new_flags | CLONE_PARENT,
					    .cgroup_fd = plan->args->cgroup_fd };
	pid_t pid = 0;
	int r = join_namespaces(plan->spec, false, &err);

	if (r == -EPERM) {
		r = join_namespaces(plan->spec, true, &err);
		if (r == 0)
			r = join_namespaces(plan->spec, false, &err);
	} else if (r == 0) {
		r = join_namespaces(plan->spec, true, &err);
	}
	if (r == 0)
		pid = clone_process(&args, NULL);
	if (r == 0 && pid == 0) {
		(void)close(caller_end);
		init_main(plan);
	}
	if (r == 0 && pid < 0)
		r = err_set(&err, pid, "cannot make the container's namespaces");
	if (r == 0)
		(void)sync_send(plan->sync_fd, SYNC_PID, pid, -1);
	else
		(void)sync_send_error(plan->sync_fd, &err);
	_exit(0);
}

static int clone_joining(struct plan *plan, struct runtime_container *container, struct err *err)
{
	struct clone_args_internal args = { .cgroup_fd = -1 };
	struct sync_message message;
	pid_t pid = clone_process(&args, NULL);
	int r = 0;

	if (pid == 0)
		go_between(plan, container->sync_fd);
	if (pid < 0)
		return err_set(err, pid, "cannot fork");
	r = sync_recv(container->sync_fd, &message, NULL);
	(void)proc_wait(pid);
	if (r < 0)
		return err_set(err, r, "the go-between ended without a word");
	if (message.kind == SYNC_ERROR) {
		if (err)
			*err = message.err;
		return message.err.code;
	}
	if (message.kind != SYNC_PID || message.value <= 0 || message.value > INT32_MAX)
		return err_say(err, ERR_FAILED, "the go-between said something else than a pid");
	container->pid = (pid_t)message.value;
	container->pidfd = proc_pidfd(container->pid); /* our child: it cannot be another's pid */
	return container->pidfd < 0 ? err_set(err, container->pidfd, "cannot hold the process") : 0;
}

static int clone_direct(struct plan *plan, struct runtime_container *container, struct err *err)
{
	struct clone_args_internal args = { .flags = plan->new_flags,
					    .cgroup_fd = plan->args->cgroup_fd };
	pid_t pid = clone_process(&args, &container->pidfd);

	if (pid == 0) {
		(void)close(container->sync_fd);
		init_main(plan);
	}
	if (pid < 0)
		return err_set(err, pid, "cannot make the container's namespaces");
	container->pid = pid;
	return 0;
}

static int to_idmap(const struct oci_id_maps *maps, struct idmap *ret_map, const char *field,
		    struct err *err)
{
	struct idmap map = { 0 };

	for (size_t i = 0; i < maps->count; i++) {
		int r = idmap_add(&map, maps->v[i].container_id, maps->v[i].host_id,
				  maps->v[i].size);

		if (r < 0)
			return err_set(err, r, "linux.%s[%zu] cannot be used", field, i);
	}
	*ret_map = map;
	return 0;
}

/*
 * Directly as root of our namespace, or for a single id of our own; else by newuidmap and
 * newgidmap.
 */
static int write_maps(const struct oci_spec *spec, pid_t pid, struct err *err)
{
	struct idmap_set maps = { 0 };
	bool root = geteuid() == 0;
	bool single = false;
	int r = to_idmap(&spec->linux_.uid_mappings, &maps.uid, "uidMappings", err);

	if (r == 0)
		r = to_idmap(&spec->linux_.gid_mappings, &maps.gid, "gidMappings", err);
	if (r < 0)
		return r;
	single = idmap_size(&maps.uid) == 1 && idmap_size(&maps.gid) == 1 &&
		 maps.uid.ranges[0].outside == geteuid() && maps.gid.ranges[0].outside == getegid();
	return userns_write_maps(pid, &maps, !root && !single, !root && single, err);
}

/*
 * An undumpable process has files in /proc that belong to the first namespace's root: neither
 * the maps of a child that inherits that could be written by us, nor could newuidmap see
 * whose child it is. So the clone happens dumpable.
 */
static int clone_dumpable(struct plan *plan, struct runtime_container *container, struct err *err)
{
	int dumpable = prctl(PR_GET_DUMPABLE);
	int r = 0;

	if (plan->new_user && dumpable != 1)
		(void)prctl(PR_SET_DUMPABLE, 1);
	r = plan->joins ? clone_joining(plan, container, err) : clone_direct(plan, container, err);
	if (plan->new_user && dumpable != 1)
		(void)prctl(PR_SET_DUMPABLE, 0);
	return r;
}

int runtime_create_begin(const struct runtime_create_args *args,
			 struct runtime_container *ret_container, struct err *err)
{
	struct runtime_container container = RUNTIME_CONTAINER_INIT;
	auto_done(plan) struct plan plan = PLAN_INIT;
	int ends[2] = { -1, -1 };
	int r = plan_make(args, &plan, err);

	if (r < 0)
		return r;
	r = fd_socketpair(SOCK_SEQPACKET, ends);
	if (r < 0)
		return err_set(err, r, "cannot make a socket pair");
	container.args = args;
	container.sync_fd = ends[0];
	plan.sync_fd = ends[1];
	r = clone_dumpable(&plan, &container, err);
	if (r == 0 && plan.new_user)
		r = write_maps(args->spec, container.pid, err);
	if (r == 0 && (plan.new_user || plan.joins)) {
		r = sync_send(container.sync_fd, SYNC_MAPPED, 0, -1);
		if (r < 0)
			(void)err_set(err, r, "the container's first process has ended");
	}
	if (r < 0) {
		abandon(&container);
		return r;
	}
	*ret_container = container;
	return 0;
}

static int run_runtime_hooks(struct runtime_container *container, struct err *err)
{
	const struct runtime_create_args *args = container->args;
	struct hooks_state state = { .spec = args->spec,
				     .id = args->id,
				     .bundle = args->bundle,
				     .pid = container->pid,
				     .status = "creating" };
	int r = 0;

	if (args->spec->hooks[OCI_HOOK_PRESTART].count == 0 &&
	    args->spec->hooks[OCI_HOOK_CREATE_RUNTIME].count == 0)
		return 0;
	r = sync_expect(container->sync_fd, SYNC_MOUNTED, err);
	if (r == 0)
		r = hooks_run(&state, OCI_HOOK_PRESTART, err);
	if (r == 0)
		r = hooks_run(&state, OCI_HOOK_CREATE_RUNTIME, err);
	return r;
}

int runtime_create_go(struct runtime_container *container, struct err *err)
{
	int r = run_runtime_hooks(container, err);

	if (r < 0)
		abandon(container);
	else /* a child that has ended has left its reason in the socket */
		(void)sync_send(container->sync_fd, SYNC_GO, 0, -1);
	return r;
}

int start_failed(int64_t value, const char *program, struct err *err)
{
	int code = value < 0 && value > -4096 ? (int)value : -EPROTO;
	int r = err_set(err, code, "cannot execute `%s`", program);

	if (err)
		err->kind = code == -ENOENT ? ERR_NO_COMMAND : ERR_CANNOT_EXEC;
	return r;
}

bool take_descriptor(struct runtime_container *container, uint32_t kind, int fd)
{
	int *const place = kind == SYNC_CONSOLE	   ? &container->console_fd
			   : kind == SYNC_LISTENER ? &container->notify_fd
						   : NULL;

	if (!place)
		return false;
	fd_close(place);
	*place = fd;
	return true;
}

/*
 * What the child says on its way: up to SYNC_READY when `ready` is asked for, else until its
 * program runs. End of file after SYNC_EXEC is success: execve closed the child's end. The
 * terminal's master comes before the word that all is ready.
 */
static int hear_out(int sock, bool ready, struct runtime_container *container, const char *program,
		    struct err *err)
{
	bool door = false;

	for (;;) {
		struct sync_message message;
		int fd = -1;
		int r = sync_recv(sock, &message, &fd);

		if (r == -ECONNRESET && door)
			return 0;
		if (r < 0)
			return err_set(err, r, "the container's first process ended %s",
				       ready ? "during set-up" : "before its program started");
		if (container && take_descriptor(container, message.kind, fd))
			continue;
		fd_close(&fd);
		switch (message.kind) {
		case SYNC_READY:
			if (ready)
				return 0;
			break;
		case SYNC_EXEC:
			door = true;
			break;
		case SYNC_EXEC_FAILED:
			return start_failed(message.value, program, err);
		case SYNC_ERROR:
			if (err)
				*err = message.err;
			return message.err.code;
		default:
			return err_say(err, ERR_FAILED, "the container's first process said %u",
				       message.kind);
		}
	}
}

int runtime_create_finish(struct runtime_container *container, struct err *err)
{
	int r = runtime_create_go(container, err);

	if (r < 0)
		return r;
	r = hear_out(container->sync_fd, true, container, container->args->spec->process.args.v[0],
		     err);
	if (r < 0)
		abandon(container);
	return r;
}

int runtime_start(struct runtime_container *container, struct err *err)
{
	const struct runtime_create_args *args = container->args;
	struct err ignored = ERR_INIT;
	int r = 0;

	/* As in runtime_create_go(): of a child that has ended the reason is still to be heard. */
	(void)sync_send(container->sync_fd, SYNC_START, 0, -1);
	r = hear_out(container->sync_fd, false, container, args->spec->process.args.v[0], err);
	fd_close(&container->sync_fd);
	if (r < 0)
		return r;
	/* A failing poststart hook stops nothing (runtime.md, "Lifecycle", step 10). */
	(void)runtime_poststart(args->spec, args->id, args->bundle, container->pid, &ignored);
	return 0;
}

int runtime_start_at(int socket, struct err *err)
{
	(void)sync_send(socket, SYNC_START, 0, -1);
	return hear_out(socket, false, NULL, "the program", err);
}
