/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's group in a scope that systemd makes: as this user, and inside a user namespace.
 * Needs a systemd that serves this user (check-vm runs it there); skips elsewhere.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup.h"

/* .../unit/engine/cgroup/test-scope lies beside .../bin/bryo-scope. */
static void find_program(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *unit = NULL;

	assert_true(n > 0);
	path[n] = '\0';
	unit = strstr(path, "/unit/");
	assert_non_null(unit);
	(void)snprintf(unit, size - (size_t)(unit - path), "/bin/bryo-scope");
}

static void map_ids(void)
{
	char line[64];
	unsigned int uid = (unsigned int)getuid();
	unsigned int gid = (unsigned int)getgid();

	assert_int_equal(unshare(CLONE_NEWUSER), 0);
	(void)snprintf(line, sizeof(line), "0 %u 1", uid);
	assert_int_equal(file_poke_at(AT_FDCWD, "/proc/self/uid_map", line), 0);
	assert_int_equal(file_poke_at(AT_FDCWD, "/proc/self/setgroups", "deny"), 0);
	(void)snprintf(line, sizeof(line), "0 %u 1", gid);
	assert_int_equal(file_poke_at(AT_FDCWD, "/proc/self/gid_map", line), 0);
}

/* A process in the group that eats memory until it is killed for it. */
static pid_t start_eater(const struct cgroup *cgroup)
{
	struct err err = ERR_INIT;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (cgroup_enter(cgroup, getpid(), &err) < 0)
		_exit(1);
	/* A caller that the OOM killer spares (-1000) would spin for ever instead. */
	if (file_poke_at(AT_FDCWD, "/proc/self/oom_score_adj", "500") < 0)
		_exit(3);
	for (int i = 0; i < 200; i++) {
		char *p = malloc(1 << 20);

		if (p)
			memset(p, 1, 1 << 20);
	}
	_exit(2);
}

/* Forks more than 5 at a time; ends with the number that worked. */
static pid_t start_forker(const struct cgroup *cgroup)
{
	struct err err = ERR_INIT;
	pid_t pid = fork();
	int count = 0;

	if (pid != 0)
		return pid;
	if (cgroup_enter(cgroup, getpid(), &err) < 0)
		_exit(100);
	while (count < 20) {
		pid = fork();
		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
		if (pid < 0)
			break;
		count++;
	}
	_exit(count);
}

static void use_group(const struct cgroup_host *host, const struct cgroup_create_args *args)
{
	struct cgroup cgroup = CGROUP_INIT;
	struct cgroup_limits limits = cgroup_limits_none;
	struct strv ignored auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	struct cgroup_stats stats;
	struct pollfd p = { .events = POLLIN };

	assert_int_equal(cgroup_create(host, args, &cgroup, &err), 0);
	limits.memory = 32 << 20;
	limits.memory_swap = 32 << 20;
	limits.pids = 5;
	limits.cpu_quota = 50000;
	limits.cpu_shares = 512;
	assert_int_equal(cgroup_apply(host, &cgroup, &limits, &ignored, &err), 0);
	assert_string_equal(ignored.count ? ignored.v[0] : "", "");
	assert_int_equal(proc_wait(start_forker(&cgroup)), 4);
	assert_int_equal(cgroup_freeze(&cgroup, true, &err), 0);
	assert_int_equal(cgroup_kill(&cgroup), 0);
	assert_int_equal(cgroup_freeze(&cgroup, false, &err), 0);
	assert_int_equal(cgroup_oom_open(&cgroup, &p.fd), 0);
	assert_int_equal(cgroup_oom_count(&cgroup), 0);
	assert_int_equal(proc_wait(start_eater(&cgroup)), 137);
	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_true(cgroup_oom_count(&cgroup) > 0);
	assert_int_equal(cgroup_stats(&cgroup, &stats), 0);
	assert_int_equal(stats.memory_limit, 32 << 20);
	assert_int_equal(stats.pids_limit, 5);
	assert_true(stats.cpu_ns > 0);
	(void)close(p.fd);
	assert_int_equal(cgroup_remove(&cgroup), 0);
	cgroup_done(&cgroup);
}

/* In a process of its own, which plays the monitor: the scope is made around it. */
static void live_in_scope(bool in_namespace)
{
	struct cgroup_scope scope = CGROUP_SCOPE_INIT;
	struct cgroup_create_args args = { .scoped = true,
					   .wanted = CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU };
	struct cgroup_host host;
	struct err err = ERR_INIT;
	char program[512];
	char id[33];
	bool rootless = getuid() != 0;

	find_program(program, sizeof(program));
	str_random_hex(id, 32);
	args.id = id;
	if (in_namespace)
		map_ids();
	assert_int_equal(cgroup_host_probe(rootless, &host), 0);
	assert_int_equal(host.manager, CGROUP_MANAGER_SYSTEMD);
	assert_int_equal(cgroup_scope_start(program, id, getpid(), NULL, rootless, &scope, &err),
			 0);
	if (cgroup_scope_wait(&scope, &err) < 0)
		fail_msg("%s", err.text);
	use_group(&host, &args);
	/* The same name again is refused, in systemd's own words. */
	assert_int_equal(cgroup_scope_start(program, id, getpid(), NULL, rootless, &scope, &err),
			 0);
	assert_true(cgroup_scope_wait(&scope, &err) < 0);
	assert_non_null(strstr(err.text, "already"));
}

static void in_scope(bool in_namespace)
{
	struct cgroup_host host;
	pid_t pid = 0;

	assert_int_equal(cgroup_host_probe(getuid() != 0, &host), 0);
	if (host.manager != CGROUP_MANAGER_SYSTEMD) {
		print_message("no systemd that serves this user\n");
		skip();
	}
	if (in_namespace && getuid() == 0) {
		print_message("for an unprivileged user\n");
		skip();
	}
	pid = fork();
	if (pid == 0) {
		live_in_scope(in_namespace);
		_exit(0);
	}
	assert_int_equal(proc_wait(pid), 0);
}

static void systemd_gives_a_scope(void **state)
{
	(void)state;
	in_scope(false);
}

static void systemd_gives_a_scope_to_a_user_namespace(void **state)
{
	(void)state;
	in_scope(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(systemd_gives_a_scope),
		cmocka_unit_test(systemd_gives_a_scope_to_a_user_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
