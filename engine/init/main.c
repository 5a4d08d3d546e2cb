/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-init: process 1 of a container that was started with --init. Starts the container's command,
 * passes signals on to it, reaps whatever ends below it, and ends with the command's status.
 *
 *     bryo-init [-g] [--] COMMAND [ARGUMENT]...
 *     bryo-init -P
 *
 * -g passes signals to the command's process group; -P runs nothing and ends at SIGTERM or SIGINT
 * (the process that keeps a pod's namespaces): as catatonit(8) has them. It runs with the command's
 * own ids and limits, static, without anything of ours. It must not end before the command, and
 * must not hold the container's folders or descriptors: the working directory becomes "/", what is
 * open beyond the three standard ones is the command's alone.
 *
 * Signals are blocked and taken one by one with sigwaitinfo(): no handler, nothing to race.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127
#define STATUS_FAILED 125

static void say(const char *what, const char *name, int error)
{
	const char *const words[] = {
		"bryo-init: ", what, name ? " " : "", name ? name : "", ": ", strerror(error), "\n"
	};
	char line[512] = "";

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		(void)strncat(line, words[i], sizeof(line) - strlen(line) - 1);
	/* Nobody else to tell when standard error does not take it. */
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return;
}

/* Socket activation names the process it is for (sd_listen_fds(3)): that is the command now. */
static void hand_over_sockets(void)
{
	const char *for_pid = getenv("LISTEN_PID");
	char text[16];

	if (!for_pid || strtol(for_pid, NULL, 10) != getppid())
		return;
	(void)snprintf(text, sizeof(text), "%d", (int)getpid());
	if (setenv("LISTEN_PID", text, 1) < 0)
		say("cannot set", "LISTEN_PID", errno);
}

/* Puts our process group into the foreground of the terminal, if there is one. */
static void take_terminal(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	/* From the background this would stop us, were the signal not ignored (tcsetpgrp(3)). */
	(void)sigaction(SIGTTOU, &ignore, &old);
	(void)tcsetpgrp(fd >= 0 ? fd : STDIN_FILENO, getpgrp()); /* no terminal: nothing to do */
	(void)sigaction(SIGTTOU, &old, NULL);
	if (fd >= 0)
		(void)close(fd);
}

/*
 * The child: in its own process group and the terminal's foreground, with the signal mask that this
 * program was started with. Gains nothing; becomes the command.
 */
__attribute__((noreturn)) static void become_command(char **argv, const sigset_t *mask)
{
	int error = 0;

	if (setpgid(0, 0) < 0 && errno != EPERM) /* EPERM: a session leader already */
		_exit(STATUS_FAILED);
	take_terminal();
	hand_over_sockets();
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	error = errno;
	say("cannot execute", argv[0], error);
	_exit(error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* Reaps all that ended. Returns true, with its status, when the command is among them. */
static bool reap(pid_t command, int *ret_status)
{
	bool ended = false;
	int status = 0;
	pid_t pid = 0;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		ended = true;
		*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return ended;
}

/* Faults of this program itself stay what they are; the kernel's stop signals cannot be blocked. */
static void signals_to_take(sigset_t *ret_set)
{
	static const int ours[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS };

	(void)sigfillset(ret_set);
	for (unsigned int i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		(void)sigdelset(ret_set, ours[i]);
}

/* command is 0 where nothing was started. Returns the status to end with. */
static int keep(pid_t command, const sigset_t *set, bool group)
{
	int status = 0;

	for (;;) {
		int signal = sigwaitinfo(set, NULL);

		switch (signal) {
		case -1: /* EINTR */
		case SIGTSTP:
		case SIGTTIN:
		case SIGTTOU: /* job control means the command, whose group got them from the
				 terminal */
			break;
		case SIGCHLD:
			if (reap(command, &status))
				return status;
			break;
		default:
			if (command > 0)
				(void)kill(group ? -command : command,
					   signal); /* ended: SIGCHLD follows */
			else if (signal == SIGTERM || signal == SIGINT)
				return 0;
		}
	}
}

int main(int argc, char **argv)
{
	sigset_t set;
	sigset_t old;
	bool group = false;
	bool pod = false;
	pid_t command = 0;
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '-'; i++) {
		group = group || strcmp(argv[i], "-g") == 0;
		pod = pod || strcmp(argv[i], "-P") == 0;
	}
	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	if (i >= argc && !pod) {
		say("no command given", NULL, EINVAL);
		return STATUS_FAILED;
	}
	/* Not process 1 (--pid=host): orphans below us shall still be ours. */
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		say("cannot become the reaper", NULL, errno);
		return STATUS_FAILED;
	}
	signals_to_take(&set);
	if (sigprocmask(SIG_BLOCK, &set, &old) < 0) {
		say("cannot block signals", NULL, errno);
		return STATUS_FAILED;
	}
	if (!pod)
		command = fork();
	if (command < 0) {
		say("cannot fork", NULL, errno);
		return STATUS_FAILED;
	}
	if (command == 0 && !pod)
		become_command(argv + i, &old);
	/* A folder or descriptor of the container's that we held could not be unmounted or closed.
	 */
	if (chdir("/") < 0 || close_range(3, ~0U, 0) < 0)
		say("cannot let go of what was inherited", NULL, errno);
	return keep(command, &set, group);
}
