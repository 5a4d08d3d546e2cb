/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-init as a program: status, signals, orphans, the terminal. As a subreaper here; as process 1
 * it differs only in having no default signal actions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"

/* .../unit/engine/init/test-init lies beside .../bin/bryo-init. */
static void find_program(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *unit = NULL;

	assert_true(n > 0);
	path[n] = '\0';
	unit = strstr(path, "/unit/");
	assert_non_null(unit);
	(void)snprintf(unit, size - (size_t)(unit - path), "/bin/bryo-init");
}

/* Starts bryo-init with option (may be NULL) around sh -c command; output goes to out. */
static pid_t start(const char *option, const char *command, int out)
{
	char program[512];
	const char *argv[8] = { "bryo-init" };
	size_t n = 1;
	pid_t pid = 0;

	find_program(program, sizeof(program));
	if (option)
		argv[n++] = option;
	if (command) {
		argv[n++] = "--";
		argv[n++] = "sh";
		argv[n++] = "-c";
		argv[n++] = command;
	}
	pid = fork();
	if (pid == 0) {
		if (out >= 0)
			(void)dup2(out, 1);
		(void)execv(program, (char *const *)argv);
		_exit(99);
	}
	return pid;
}

static void the_command_s_status_is_ours(void **state)
{
	(void)state;
	assert_int_equal(proc_wait(start(NULL, "exit 7", -1)), 7);
	assert_int_equal(proc_wait(start(NULL, "kill -TERM $$", -1)), 143);
	assert_int_equal(proc_wait(start(NULL, "exec 2>/dev/null; exec /nonexistent/x", -1)), 127);
	assert_int_equal(proc_wait(start(NULL, NULL, -1)), 125);
}

static void signals_reach_the_command(void **state)
{
	pid_t pid =
		start(NULL, "trap 'exit 11' USR1; trap '' TSTP; while :; do sleep 0.02; done", -1);

	(void)state;
	usleep(200000);
	assert_int_equal(kill(pid, SIGTSTP), 0); /* neither stops us nor is passed on */
	assert_int_equal(kill(pid, SIGUSR1), 0);
	assert_int_equal(proc_wait(pid), 11);
}

static void signals_reach_the_whole_group(void **state)
{
	pid_t pid = start("-g",
			  "sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.02; done' & "
			  "trap ' ' TERM; wait $!; wait $!; exit $?",
			  -1);

	(void)state;
	usleep(300000);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(proc_wait(pid), 0);
}

static void orphans_are_reaped(void **state)
{
	int ends[2];
	char text[64] = "";
	pid_t pid = 0;

	(void)state;
	assert_int_equal(fd_pipe(ends), 0);
	/* Its orphan gets it as parent, and when that has ended nothing of it is left. */
	pid = start(NULL,
		    "(sleep 0.1 & echo $!) >orphan.$$; read o <orphan.$$; rm orphan.$$; sleep 0.4; "
		    "[ -e /proc/$o ] && echo left || echo gone",
		    ends[1]);
	(void)close(ends[1]);
	assert_int_equal(proc_wait(pid), 0);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "gone\n");
	(void)close(ends[0]);
}

static void the_command_gets_the_terminal(void **state)
{
	char program[512];
	char text[256] = "";
	size_t used = 0;
	int master = -1;
	int slave = -1;
	pid_t pid = 0;

	(void)state;
	find_program(program, sizeof(program));
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	pid = fork();
	if (pid == 0) {
		(void)login_tty(slave);
		/*
		 * pgrp and tpgid, fields 5 and 8 of /proc/PID/stat: the same in the foreground.
		 * Marked, since the kernel may echo our input before them or after.
		 */
		execl(program, "bryo-init", "sh", "-c",
		      "echo groups $(cut -d' ' -f5,8 /proc/$$/stat); read x; echo got $x", NULL);
		_exit(99);
	}
	(void)close(slave);
	assert_int_equal(write(master, "abc\n", 4), 4);
	while (used < sizeof(text) - 1 && !strstr(text, "got abc\r\n")) {
		ssize_t n = read(master, text + used, sizeof(text) - 1 - used);

		if (n <= 0)
			break;
		used += (size_t)n;
		text[used] = '\0';
	}
	assert_non_null(strstr(text, "got abc"));
	{
		const char *groups = strstr(text, "groups ");
		int group = 0;
		int foreground = -1;

		assert_non_null(groups);
		assert_int_equal(sscanf(groups, "groups %d %d", &group, &foreground), 2);
		assert_int_equal(group, foreground);
	}
	assert_int_equal(proc_wait(pid), 0);
	(void)close(master);
}

static void a_pod_s_keeper_ends_when_told(void **state)
{
	pid_t pid = start("-P", NULL, -1);

	(void)state;
	usleep(100000);
	assert_int_equal(kill(pid, SIGUSR1), 0);
	usleep(50000);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(proc_wait(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_s_status_is_ours),
		cmocka_unit_test(signals_reach_the_command),
		cmocka_unit_test(signals_reach_the_whole_group),
		cmocka_unit_test(orphans_are_reaped),
		cmocka_unit_test(the_command_gets_the_terminal),
		cmocka_unit_test(a_pod_s_keeper_ends_when_told),
	};

	/* The orphan test leaves no file behind, but needs a place for one. */
	if (chdir("/tmp") < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
