/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killat: runs a command and kills one of its processes at its n-th system call.
 *
 *   killat -l -o REPORT -- COMMAND...                 kill nothing: list the processes
 *   killat -c K -n N [-o REPORT] -- COMMAND...        the K-th process that appeared, from 0
 *   killat -p NAME -n N [-o REPORT] -- COMMAND...     the first one that bears this name (comm)
 *
 * A test tool, run by the suites of "bad days" with n = 1, 2, 3 ... until REPORT says "ended":
 *
 *   killed K NAME CALL-NUMBER      the process died on entry of its n-th call, which was not made
 *   ended K NAME CALLS             it made fewer calls than n
 *   missing                        no such process appeared
 *
 * With -l one line "K NAME CALLS" for each process. Exit status: that of COMMAND, 128 + signal
 * if a signal ended it, 124 if it was stuck for -t seconds (60) after the kill: then all that is
 * traced is killed. Processes that outlive COMMAND are let go, after -w milliseconds (300) in
 * which the chosen one may still get to its n-th call.
 *
 * It traces with ptrace(2) (PTRACE_SEIZE), needs no privilege, and follows into user namespaces:
 * who made a user namespace may signal what lives in it (user_namespaces(7)). A traced process
 * that executes a setuid program does not gain its ids (execve(2)), so one that is about to
 * execute newuidmap or newgidmap is let go before it does. Threads count with their process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 512
#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
	 PTRACE_O_TRACEEXEC)

/* One process of the command's tree, threads counted in. */
struct process {
	pid_t pid; /* thread group */
	char name[32];
	long calls;
	int faults; /* since its last call */
	bool traced;
};

struct plan {
	const char *name; /* -p, or NULL */
	int ordinal;	  /* -c, or -1 */
	long at;	  /* -n, or 0 for -l */
	long linger_ms;
	long stuck_s;
};

struct tracer {
	struct plan plan;
	struct process processes[PROCESSES_MAX];
	size_t count;
	int target; /* index, or -1 */
	bool killed;
	uint64_t killed_call;
	pid_t command;
	int status; /* of the command, -1 while it runs */
};

static void die(const char *what)
{
	perror(what);
	exit(125);
}

/* One word of /proc/PID/status. */
static long status_field(pid_t tid, const char *field)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtol(line + strlen(field), NULL, 10);
	fclose(f);
	return value;
}

static void read_name(struct process *p)
{
	char path[64], name[sizeof(p->name)];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", p->pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(name, sizeof(name), f)) {
		name[strcspn(name, "\n")] = '\0';
		for (char *c = name; *c; c++)
			*c = *c == ' ' ? '_' : *c;
		strcpy(p->name, name);
	}
	fclose(f);
}

/* Decides whether p is the one to be killed, once its name is known or has changed. */
static void choose(struct tracer *t, int index)
{
	struct process *p = &t->processes[index];

	if (t->target >= 0 || t->plan.at == 0)
		return;
	if (t->plan.name ? strcmp(p->name, t->plan.name) == 0 : index == t->plan.ordinal) {
		t->target = index;
		p->calls = t->plan.name ? 0 : p->calls;
	}
}

static int process_of(struct tracer *t, pid_t tid)
{
	long pid = status_field(tid, "Tgid:");

	for (size_t i = t->count; i-- > 0;)
		if (t->processes[i].pid == (pid > 0 ? pid : tid))
			return (int)i;
	if (t->count == PROCESSES_MAX) {
		fprintf(stderr, "killat: more than %d processes\n", PROCESSES_MAX);
		exit(125);
	}
	t->processes[t->count] = (struct process){ .pid = (pid_t)(pid > 0 ? pid : tid),
						   .name = "?",
						   .traced = true };
	read_name(&t->processes[t->count]);
	choose(t, (int)t->count);
	return (int)t->count++;
}

/* Whether the call that tid is about to make executes one of the setuid helpers. */
static bool executes_helper(pid_t tid, const struct ptrace_syscall_info *info)
{
	char path[256] = "";
	uint64_t at = 0;
	struct iovec local = { path, sizeof(path) - 1 }, remote = { NULL, sizeof(path) - 1 };
	const char *base;

	if (info->entry.nr == SYS_execve)
		at = info->entry.args[0];
	else if (info->entry.nr == SYS_execveat)
		at = info->entry.args[1];
	else
		return false;
	remote.iov_base = (void *)(uintptr_t)at; // NOLINT(performance-no-int-to-ptr)
	/* Up to the page's end first: the string may be the last thing on the stack. */
	remote.iov_len = 4096 - at % 4096 < remote.iov_len ? 4096 - at % 4096 : remote.iov_len;
	if (process_vm_readv(tid, &local, 1, &remote, 1, 0) < 0)
		return false;
	base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	return strcmp(base, "newuidmap") == 0 || strcmp(base, "newgidmap") == 0;
}

/* At a system call's entry or exit. Returns false if the process was killed or let go. */
static bool on_syscall(struct tracer *t, pid_t tid)
{
	struct ptrace_syscall_info info;
	int index = process_of(t, tid);
	struct process *p = &t->processes[index];

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return true;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		read_name(p); /* prctl(PR_SET_NAME) and execve change it */
		choose(t, index);
		return true;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return true;
	p->calls++;
	p->faults = 0;
	if (index == t->target && !t->killed && p->calls == t->plan.at) {
		t->killed = true;
		t->killed_call = info.entry.nr;
		if (kill(p->pid, SIGKILL) < 0)
			die("killat: kill");
		alarm((unsigned int)t->plan.stuck_s);
		return false;
	}
	if (executes_helper(tid, &info)) {
		(void)ptrace(PTRACE_DETACH, tid, NULL, NULL); /* it may just have died */
		return false;
	}
	return true;
}

/*
 * A fault kills a process that does not handle it, but not one that is traced and the first of its
 * pid namespace: the kernel leaves that to the tracer (force_sig(), "leave init killable"), and it
 * would fault for ever.
 */
static void on_fault(struct tracer *t, pid_t tid, int sig)
{
	struct process *p = &t->processes[process_of(t, tid)];

	if ((sig == SIGBUS || sig == SIGSEGV || sig == SIGILL || sig == SIGFPE) && ++p->faults > 2)
		(void)kill(p->pid, SIGKILL); /* it may just have died */
}

/* Handles one report of waitpid() for a process that stopped. */
static void on_stop(struct tracer *t, pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		if (!on_syscall(t, tid))
			return;
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP) {
		(void)process_of(t, tid);
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
			(void)ptrace(PTRACE_LISTEN, tid, NULL, NULL);
			return;
		}
		sig = 0;
	} else if (event != 0) {
		sig = 0;
	} else {
		on_fault(t, tid, sig);
	}
	(void)ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)sig); // NOLINT
}

static volatile sig_atomic_t timed_out;

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
}

static void linger(const struct tracer *t)
{
	struct itimerval it = { .it_value = { t->plan.linger_ms / 1000,
					      t->plan.linger_ms % 1000 * 1000 } };

	timed_out = 0;
	setitimer(ITIMER_REAL, &it, NULL);
}

/* Whether nothing more of interest can come. */
static bool finished(const struct tracer *t)
{
	if (t->status < 0)
		return false;
	return t->plan.at && (t->killed || (t->target >= 0 && !t->processes[t->target].traced));
}

static void trace(struct tracer *t)
{
	int status;
	pid_t tid;

	while (!finished(t)) {
		tid = waitpid(-1, &status, __WALL);
		/* It may be stuck in a loop, and report for ever. */
		if (timed_out)
			return;
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return;
		if (WIFSTOPPED(status)) {
			on_stop(t, tid, status);
			continue;
		}
		for (size_t i = 0; i < t->count; i++)
			if (t->processes[i].pid == tid)
				t->processes[i].traced = false;
		if (tid == t->command) {
			t->status = status;
			linger(t);
		}
	}
}

static void report(const struct tracer *t, const char *path)
{
	FILE *f = path ? fopen(path, "we") : stderr;

	if (!f)
		die(path);
	if (t->plan.at == 0)
		for (size_t i = 0; i < t->count; i++)
			fprintf(f, "%zu %s %ld\n", i, t->processes[i].name, t->processes[i].calls);
	else if (t->target < 0)
		fprintf(f, "missing\n");
	else if (t->killed)
		fprintf(f, "killed %d %s %llu\n", t->target, t->processes[t->target].name,
			(unsigned long long)t->killed_call);
	else
		fprintf(f, "ended %d %s %ld\n", t->target, t->processes[t->target].name,
			t->processes[t->target].calls);
	if (path && fclose(f) != 0)
		die(path);
}

/* Starts the command, held on a pipe until it is traced. */
static pid_t start(char **argv)
{
	int gate[2];
	char c;
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		die("killat: pipe");
	pid = fork();
	if (pid < 0)
		die("killat: fork");
	if (pid == 0) {
		close(gate[1]);
		while (read(gate[0], &c, 1) < 0 && errno == EINTR)
			continue;
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(intptr_t)OPTIONS) < 0) // NOLINT
		die("killat: ptrace");
	/* It sits in read(): from its next stop on, its calls are seen. */
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		die("killat: ptrace");
	close(gate[0]);
	close(gate[1]);
	return pid;
}

static int usage(void)
{
	fprintf(stderr, "usage: killat (-l | -c K -n N | -p NAME -n N) [-o REPORT] [-w MS] [-t S] "
			"-- COMMAND...\n");
	return 125;
}

int main(int argc, char **argv)
{
	static struct tracer t;
	struct sigaction sa = { .sa_handler = on_alarm };
	const char *out = NULL;
	bool list = false;
	int c;

	t.plan = (struct plan){ .ordinal = -1, .linger_ms = 300, .stuck_s = 60 };
	t.target = t.status = -1;
	while ((c = getopt(argc, argv, "+lc:p:n:o:w:t:")) != -1) {
		switch (c) {
		case 'l':
			list = true;
			break;
		case 'c':
			t.plan.ordinal = atoi(optarg);
			break;
		case 'p':
			t.plan.name = optarg;
			break;
		case 'n':
			t.plan.at = atol(optarg);
			break;
		case 'o':
			out = optarg;
			break;
		case 'w':
			t.plan.linger_ms = atol(optarg);
			break;
		case 't':
			t.plan.stuck_s = atol(optarg);
			break;
		default:
			return usage();
		}
	}
	if (optind == argc || list == (t.plan.at > 0) ||
	    (!list && !t.plan.name == (t.plan.ordinal < 0)))
		return usage();
	sigaction(SIGALRM, &sa, NULL); /* no SA_RESTART: it ends waitpid() */
	t.command = start(argv + optind);
	trace(&t);
	report(&t, out);
	if (t.status < 0) {
		fprintf(stderr, "killat: stuck for %ld s after the kill\n", t.plan.stuck_s);
		for (size_t i = 0; i < t.count; i++)
			if (t.processes[i].traced)
				kill(t.processes[i].pid, SIGKILL);
		return 124;
	}
	return WIFEXITED(t.status) ? WEXITSTATUS(t.status) : 128 + WTERMSIG(t.status);
}
