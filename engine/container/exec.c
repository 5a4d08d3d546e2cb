/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: one more process in a running container. The command itself relays its streams; there
 * is no monitor for it. Runs as root of our user namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/cgroup/cgroup.h"
#include "engine/container/foreign.h"
#include "engine/container/injection.h"
#include "engine/container/internal.h"
#include "engine/container/keeper-cgroup.h"
#include "engine/container/label.h"
#include "engine/monitor/relay.h"
#include "engine/runtime/runtime.h"
#include "engine/spec/env.h"

#define USER_FILE_MAX (4 * 1024 * 1024)

int container_open_root(const struct container *c, int *ret_fd, struct err *err)
{
	struct statfs st;
	char path[64];
	int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%lld/root", (long long)c->state.pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open the root of container %s", c->state.name);
	/* What the kernel keeps of a file system in user space looks alive when that is dead. */
	if (fstatfs(fd, &st) < 0 && errno == ENOTCONN) {
		(void)close(fd); /* a folder */
		(void)err_say(
			err, ERR_FAILED,
			"the FUSE overlay of container %s has ended: its process bryo-overlay "
			"was killed",
			c->state.name);
		return err_hint(err, "`bryo restart` mounts it anew");
	}
	*ret_fd = fd;
	return 0;
}

static int find_user(const struct container *c, const struct container_exec_args *args,
		     struct spec_user *ret_user, struct err *err)
{
	auto_close int root = -1;
	auto_free char *passwd = NULL;
	auto_free char *group = NULL;
	auto_free char *kept =
		xasprintf("%lld:%lld", (long long)c->spec.keep_uid, (long long)c->spec.keep_gid);
	bool keep = c->spec.userns == SPEC_USERNS_KEEP_ID && str_empty(c->spec.user);
	const char *who = args->user ? args->user : keep ? kept : c->spec.user;
	int r = container_open_root(c, &root, err);

	if (r == 0)
		r = container_read_file(root, "/etc/passwd", USER_FILE_MAX, &passwd, err);
	if (r == 0)
		r = container_read_file(root, "/etc/group", USER_FILE_MAX, &group, err);
	if (r < 0)
		return r;
	return spec_user_resolve(who, args->user ? NULL : &c->spec.groups, passwd, group, ret_user,
				 err);
}

static int build_env(const struct container *c, const struct container_exec_args *args,
		     const struct spec_user *user, struct strv *env, struct err *err)
{
	int r = 0;

	strv_add_all(env, &c->spec.env);
	if (args->tty && !strv_env_get(env, "TERM"))
		strv_add(env, "TERM=xterm");
	if (!strv_env_get(env, "HOME"))
		strv_addf(env, "HOME=%s", user->home);
	for (size_t i = 0; args->env_files && i < args->env_files->count && r == 0; i++)
		r = spec_env_file(env, args->env_files->v[i], err);
	for (size_t i = 0; args->env && i < args->env->count && r == 0; i++)
		r = spec_env_add(env, args->env->v[i], err);
	return r;
}

/* Pipes for what the caller wants relayed; [0] reads, [1] writes. */
struct exec_pipes {
	int ends[3][2];
};

static void exec_pipes_done(struct exec_pipes *p)
{
	for (int i = 0; i < 3; i++) {
		fd_close(&p->ends[i][0]);
		fd_close(&p->ends[i][1]);
	}
}

static int open_pipes(const struct container_exec_args *args, const struct container *c,
		      struct exec_pipes *p, struct err *err)
{
	int r = 0;

	for (int i = args->interactive ? 0 : 1; i < 3 && r == 0; i++)
		r = label_pipe(c, p->ends[i]);
	return r < 0 ? err_set(err, r, "cannot make a pipe") : 0;
}

static int relay(struct runtime_container *process, struct exec_pipes *p,
		 const struct container_exec_args *args, int *ret_status, struct err *err)
{
	struct detach_keys keys = { 0 };
	struct relay_result result;
	struct relay_args relay_args = { .pid = process->pid,
					 .pidfd = process->pidfd,
					 .in_fd = args->tty ? -1 : fd_take(&p->ends[0][1]),
					 .out_fd = args->tty ? -1 : fd_take(&p->ends[1][0]),
					 .err_fd = args->tty ? -1 : fd_take(&p->ends[2][0]),
					 .tty_fd = args->tty ? fd_take(&process->console_fd) : -1,
					 .stdin_fd = args->interactive ? STDIN_FILENO : -1,
					 .stdout_fd = STDOUT_FILENO,
					 .stderr_fd = STDERR_FILENO,
					 .keys = args->tty ? &keys
							   : NULL, /* bytes of a pipe are data */
					 .sig_proxy = false };
	int r = detach_keys_parse(str_or(args->detach_keys, DETACH_KEYS_DEFAULT), &keys, err);

	if (r == 0)
		r = exec_relay_run(&relay_args, &result, err);
	if (r == 0)
		*ret_status = result.end == RELAY_EXITED ? result.exit_status : 0;
	return r;
}

/*
 * --preserve-fds: descriptors that we were started with survived an exec, so they are not
 * close-on-exec; one of our own, which all are, must never get into a container.
 */
static int check_passed(uint32_t count, struct err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		int flags = i > INT32_MAX - 3 ? -1 : fcntl(3 + (int)i, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			return err_say(err, ERR_USAGE,
				       "file descriptor %lld is not available - the preserve-fds "
				       "option requires that file descriptors must be passed",
				       3 + (long long)i);
	}
	return 0;
}

static int *list_passed(uint32_t count)
{
	int *fds = xcalloc(count, sizeof(*fds));

	for (uint32_t i = 0; i < count; i++)
		fds[i] = 3 + (int)i;
	return fds;
}

/* What run() and its fork need. */
struct exec_call {
	const struct engine *engine;
	const struct container *container;
	const struct cgroup *cgroup;
	const struct injection *injection;
	struct runtime_exec_args args;
};

static int start_process(const struct exec_call *call, struct runtime_container *ret_process,
			 struct err *err)
{
	int r = 0;

	if (!container_is_foreign(call->container)) {
		r = runtime_exec(&call->args, ret_process, err);
		/* Where the monitor is gone the process's connections fail; it ends with it. */
		if (r == 0 && ret_process->notify_fd >= 0)
			(void)injection_pass(call->engine, call->container->id, call->injection,
					     ret_process->notify_fd);
		fd_close(&ret_process->notify_fd);
		return r;
	}
	r = container_foreign_exec(call->engine, call->container, &call->args, ret_process, err);
	/* On cgroup v1 the runtime does not know of the groups that we made. */
	if (r == 0 && call->cgroup->v1_path[0])
		(void)cgroup_enter(call->cgroup, ret_process->pid,
				   NULL); /* it has ended, or is outside the limits */
	return r;
}

/* Descriptors that the fork needs, in fresh memory. */
static int *list_needed(const struct exec_call *call, int end, size_t *ret_count)
{
	const struct runtime_exec_args *run = &call->args;
	const int own[] = { end, run->pidfd, run->cgroup_fd, run->seccomp_cache_fd,
			    call->engine->run_fd };
	int *needed = xcalloc(ARRAY_SIZE(own) + CGROUP_KINDS + run->pass_fd_count, sizeof(int));
	size_t count = ARRAY_SIZE(own);

	memcpy(needed, own, sizeof(own));
	for (size_t i = 0; i < CGROUP_KINDS; i++)
		if (call->cgroup->v1_fds[i] >= 0)
			needed[count++] = call->cgroup->v1_fds[i];
	for (size_t i = 0; i < run->pass_fd_count; i++)
		needed[count++] = run->pass_fds[i];
	*ret_count = count;
	return needed;
}

/*
 * Detached: a fork of the command stays to reap the process and to hold its terminal. It has
 * nothing of the caller's.
 */
static int run_detached(const struct exec_call *call, char **ret_session, struct err *err)
{
	char session[65];
	struct err from_child = ERR_INIT;
	int ends[2];
	int r = fd_pipe(ends);
	pid_t pid = r < 0 ? -1 : fork();

	if (pid == 0) {
		struct runtime_container process = RUNTIME_CONTAINER_INIT;
		size_t count = 0;
		int *keep = list_needed(call, ends[1], &count); /* as long as this process */

		r = proc_stay(keep, count, "bryo-exec");
		if (r == 0)
			r = start_process(call, &process, &from_child);
		if (r < 0)
			err_send(ends[1], &from_child);
		(void)close(ends[1]);
		if (r == 0)
			(void)proc_wait(process.pid);
		_exit(0);
	}
	if (r == 0)
		(void)close(ends[1]);
	if (pid < 0)
		return err_set(err, -errno, "cannot fork");
	r = err_recv(ends[0], &from_child);
	(void)close(ends[0]);
	if (r < 0) {
		*err = from_child;
		return r;
	}
	str_random_hex(session, 64);
	*ret_session = xstrdup(session);
	return 0;
}

static int run(const struct container_exec_args *args, struct exec_call *call, int *ret_status,
	       char **ret_session, struct err *err)
{
	struct runtime_container process __attribute__((cleanup(runtime_container_done))) =
		RUNTIME_CONTAINER_INIT;
	struct exec_pipes pipes auto_done(exec_pipes) = { { { -1, -1 }, { -1, -1 }, { -1, -1 } } };
	int r = 0;

	if (args->detach)
		return run_detached(call, ret_session, err);
	if (!args->tty)
		r = open_pipes(args, call->container, &pipes, err);
	if (r < 0)
		return r;
	call->args.stdio[0] = pipes.ends[0][0];
	call->args.stdio[1] = pipes.ends[1][1];
	call->args.stdio[2] = pipes.ends[2][1];
	r = start_process(call, &process, err);
	fd_close(&pipes.ends[0][0]);
	fd_close(&pipes.ends[1][1]);
	fd_close(&pipes.ends[2][1]);
	return r < 0 ? r : relay(&process, &pipes, args, ret_status, err);
}

int container_exec(struct engine *engine, const char *name, const struct container_exec_args *args,
		   int *ret_status, char **ret_session, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	struct spec_user user auto_done(spec_user) = SPEC_USER_INIT;
	struct oci_process process __attribute__((cleanup(oci_process_done))) = { 0 };
	struct strv env auto_done(strv) = STRV_INIT;
	struct cgroup group = CGROUP_INIT;
	struct oci_seccomp *seccomp = NULL;
	auto_free int *passed = NULL;
	auto_close int pidfd = -1;
	auto_close int seccomp_fd = -1;
	struct injection injection = { .on = false };
	struct spec_exec exec = { .command = args->command,
				  .env = &env,
				  .user = &user,
				  .workdir = args->workdir,
				  .tty = args->tty,
				  .privileged = args->privileged };
	struct exec_call call = { .engine = engine,
				  .container = &c,
				  .cgroup = &group,
				  .injection = &injection,
				  .args = { RUNTIME_EXEC_ARGS_INIT } };
	int r = container_check_detach_keys(args->detach_keys, err);

	if (r == 0)
		r = container_find(engine, name, &c, err);
	if (r < 0)
		return r;
	if (c.state.status != CONTAINER_RUNNING)
		return err_say(err, ERR_STATE,
			       "can only create exec sessions on running containers: container "
			       "state improper");
	r = check_passed(args->preserve_fds, err);
	if (r == 0)
		r = container_load_spec(&c, err);
	if (r == 0)
		r = container_pidfd(&c, &pidfd, err);
	if (r == 0)
		r = find_user(&c, args, &user, err);
	if (r == 0)
		r = build_env(&c, args, &user, &env, err);
	if (r == 0 && !args->privileged)
		r = spec_seccomp(&c.spec, engine->one_id, &seccomp, err);
	if (r == 0) {
		spec_exec_to_oci(&c.spec, &exec, &process);
		container_no_oom_protection(&process);
		if (cgroup_open(c.state.cgroup, c.state.cgroup_v1, &group, NULL) < 0)
			group.fd = -1;
		else
			keeper_cgroup_reach(engine, c.state.cgroup);
		seccomp_fd = openat(engine->containers.root_fd, "seccomp",
				    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		passed = list_passed(args->preserve_fds);
		call.args.pass_fds = passed;
		call.args.pass_fd_count = args->preserve_fds;
		call.args.process = &process;
		call.args.seccomp = seccomp;
		if (seccomp)
			injection_from_record(&c, &injection);
		call.args.notify_filter = injection.on ? &injection.program : NULL;
		call.args.no_own_tcp = injection.on && injection.wall == INJECT_WALL_LANDLOCK;
		call.args.pid = (pid_t)c.state.pid;
		call.args.pidfd = pidfd;
		call.args.cgroup_fd = group.fd;
		call.args.cgroup = &group;
		call.args.seccomp_cache_fd = seccomp_fd;
		r = run(args, &call, ret_status, ret_session, err);
	}
	cgroup_done(&group);
	if (seccomp) {
		oci_seccomp_done(seccomp);
		free(seccomp);
	}
	return r;
}
