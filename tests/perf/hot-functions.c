/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hot-functions: which code of a program its processes execute, by stepping through all of it.
 *
 *   hot-functions FILE PROGRAM [ARGUMENT...]
 *
 * Appends to FILE a line "ADDRESS ROLES" for each 16 bytes of PROGRAM's code that ran, both
 * hexadecimal. Roles: 1 the command itself, 2 processes it forked, 4 those that went on to execute
 * another program (and are let go there). PROGRAM must not be position-independent. Takes some 20 s
 * for a million instructions; see hot-order.py.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CODE_BEGIN 0x400000UL
#define CODE_SIZE 0x400000UL
#define BLOCK 16UL
#define PROCESS_MAX 64
#define TRACE_EVENTS                                                                               \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

struct process {
	pid_t pid;
	bool gone; /* executes another program */
	uint8_t ran[CODE_SIZE / BLOCK];
};

static struct process processes[PROCESS_MAX];
static size_t count;

static struct process *find(pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	if (count == PROCESS_MAX) {
		fprintf(stderr, "hot-functions: too many processes\n");
		exit(125);
	}
	processes[count].pid = pid;
	return &processes[count++];
}

static bool runs(pid_t pid, const char *program)
{
	char link[64];
	char path[4096];
	ssize_t n = 0;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return strcmp(path, program) == 0;
}

static void note(struct process *p)
{
	struct user_regs_struct registers;

	if (!p->gone && ptrace(PTRACE_GETREGS, p->pid, NULL, &registers) == 0 &&
	    registers.rip >= CODE_BEGIN && registers.rip < CODE_BEGIN + CODE_SIZE)
		p->ran[(registers.rip - CODE_BEGIN) / BLOCK] = 1;
}

static void step_all(const char *program)
{
	int status = 0;
	pid_t pid = 0;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		struct process *p = pid > 0 ? find(pid) : NULL;
		int signal = WSTOPSIG(status);
		int event = status >> 16;

		if (!p || !WIFSTOPPED(status))
			continue;
		if (event == PTRACE_EVENT_EXEC && !runs(pid, program))
			p->gone = true;
		if (event == 0 && (signal == SIGTRAP || signal == SIGSTOP))
			note(p);
		if (signal == SIGTRAP || signal == SIGSTOP)
			signal = 0;
		ptrace(p->gone ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, NULL, (void *)(long)signal);
	}
}

static int write_out(const char *path)
{
	FILE *f = fopen(path, "a");

	for (size_t i = 0; f && i < CODE_SIZE / BLOCK; i++) {
		unsigned int roles = 0;

		for (size_t j = 0; j < count; j++)
			if (processes[j].ran[i])
				roles |= processes[j].gone ? 4 : j == 0 ? 1 : 2;
		if (roles)
			fprintf(f, "%lx %x\n", CODE_BEGIN + i * BLOCK, roles);
	}
	return f && fclose(f) == 0 ? 0 : 125;
}

int main(int argc, char *argv[])
{
	int status = 0;
	pid_t pid = -1;

	if (argc < 3)
		return 125;
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	find(pid);
	if (waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)TRACE_EVENTS) < 0)
		return 125;
	ptrace(PTRACE_CONT, pid, NULL, NULL); /* the exec stops it again */
	step_all(argv[2]);
	return write_out(argv[1]);
}
