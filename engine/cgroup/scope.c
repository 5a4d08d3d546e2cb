/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running bryo-scope beside other work: see cgroup.h. Runs in commands and monitors; the helper is
 * a program of its own so that nobody else loads libsystemd.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup-internal.h"

/* libsystemd's own patience with a call (sd_bus_call(3)). */
#define PATIENCE_MS 25000

extern char **environ;

int cgroup_scope_start(const char *program, const char *id, pid_t pid, const char *slice,
		       bool rootless, struct cgroup_scope *ret_scope, struct err *err)
{
	struct cgroup_scope scope = CGROUP_SCOPE_INIT;
	auto_close int writer = -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char pid_text[16];
	char uid_text[16];
	char *argv[] = { (char *)program,
			 rootless ? uid_text : (char *)"root",
			 (char *)id,
			 pid_text,
			 (char *)str_or(slice, ""),
			 NULL };
	sigset_t none;
	int ends[2];
	int r = fd_pipe(ends);

	if (r < 0)
		return err_set(err, r, "cannot make a pipe");
	scope.reader = ends[0];
	writer = ends[1];
	(void)snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	(void)snprintf(uid_text, sizeof(uid_text), "%u", cgroup_outer_uid());
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, writer, 1);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
	(void)posix_spawnattr_init(&attributes);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(&scope.pid, program, &actions, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	if (r != 0) {
		fd_close(&scope.reader);
		return err_set(err, -r, "cannot execute %s", program);
	}
	*ret_scope = scope;
	return 0;
}

int cgroup_scope_wait(struct cgroup_scope *scope, struct err *err)
{
	struct pollfd p = { .fd = scope->reader, .events = POLLIN };
	struct err said = ERR_INIT;
	int n = 0;
	int r = 0;

	if (scope->pid < 0)
		return err_say(err, ERR_FAILED, "no scope was asked for");
	do
		n = poll(&p, 1, PATIENCE_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		cgroup_scope_done(scope);
		return err_say(err, ERR_FAILED, "systemd did not make a scope within %d s",
			       PATIENCE_MS / 1000);
	}
	r = err_recv(scope->reader, &said);
	fd_close(&scope->reader);
	n = proc_wait(scope->pid);
	scope->pid = -1;
	if (r < 0) {
		if (err)
			*err = said;
		return r;
	}
	if (n != 0)
		return err_say(err, ERR_FAILED,
			       "the helper that asks systemd for a scope ended with status %d", n);
	return 0;
}

void cgroup_scope_done(struct cgroup_scope *scope)
{
	fd_close(&scope->reader);
	if (scope->pid > 0) {
		(void)kill(scope->pid, SIGKILL); /* our child, not yet reaped: the pid is its own */
		(void)proc_wait(scope->pid);
		scope->pid = -1;
	}
}
