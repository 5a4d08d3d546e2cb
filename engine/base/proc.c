/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: see proc.h. Must not start threads. */
#include "engine/base/proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/str.h"

extern char **environ;

/* Where the kernel keeps this process's command line: one stretch, first argument to last. */
static struct {
	char *start;
	size_t size;
} argv_area;

int proc_start_time(pid_t pid, uint64_t *ret_ticks)
{
	char path[32];
	auto_free char *text = NULL;
	char *p = NULL;
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = file_read_at(AT_FDCWD, path, 4096, &text, NULL);
	if (r < 0)
		return r;
	/* The name in field 2 may hold anything: count from the last ')'. */
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	if (!p)
		return -EPROTO;
	*ret_ticks = strtoull(p, NULL, 10);
	return 0;
}

int proc_boot_id(char ret_id[37])
{
	auto_free char *text = NULL;
	int r = file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, NULL);

	if (r < 0)
		return r;
	if (strlen(text) < 36)
		return -EPROTO;
	memcpy(ret_id, text, 36);
	ret_id[36] = '\0';
	return 0;
}

void proc_machine_id(char ret_id[33])
{
	auto_free char *text = NULL;
	char host[256] = "";
	uint64_t hash = 0;

	if (file_read_at(AT_FDCWD, "/etc/machine-id", 64, &text, NULL) == 0 && strlen(text) >= 32) {
		text[32] = '\0';
		if (str_is_hex(text, 32)) {
			memcpy(ret_id, text, 33);
			return;
		}
	}
	(void)gethostname(host, sizeof(host) - 1);
	hash = hash_add(HASH_START, host, strlen(host));
	(void)snprintf(ret_id, 33, "%016llx%016llx", (unsigned long long)hash,
		       (unsigned long long)hash_add(hash, "machine", 7));
}

int proc_pidfd(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
}

int proc_kill(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int proc_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Signals that may have another action than the default one: all that we were started with. */
static uint64_t changed_signals = UINT64_MAX;

void proc_ignore_signal(int signal_number)
{
	(void)signal(signal_number, SIG_IGN); /* fails for KILL and STOP only */
	changed_signals |= UINT64_C(1) << (signal_number - 1);
}

void proc_reset_signals(void)
{
	/* The kernel's own struct, all zero: SIG_DFL. libc's refuses the two signals that it uses
	 * itself, which a caller may have ignored all the same. */
	static const unsigned long by_default[4];
	sigset_t none;

	for (int i = 1; i <= 64; i++)
		if (changed_signals & (UINT64_C(1) << (i - 1)))
			(void)syscall(SYS_rt_sigaction, i, by_default, NULL,
				      8); /* KILL and STOP refuse, rightly */
	changed_signals = 0;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void proc_keep_argv(int argc, char **argv)
{
	if (argc < 1)
		return;
	argv_area.start = argv[0];
	argv_area.size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
}

void proc_set_title(const char *title)
{
	(void)prctl(PR_SET_NAME, title);
	if (argv_area.size == 0)
		return;
	memset(argv_area.start, 0, argv_area.size);
	(void)snprintf(argv_area.start, argv_area.size + 1, "%s", title);
}

static bool kept(const int *keep, size_t count, int fd)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

int proc_stay(int *keep, size_t keep_count, const char *title)
{
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r = 0;

	if (null < 0)
		return -errno;
	/* Fails only where we lead a process group already; then a session is ours as well. */
	(void)setsid();
	for (int fd = 0; fd <= 2; fd++)
		if (!kept(keep, keep_count, fd) && dup2(null, fd) < 0)
			return -errno;
	r = fd_close_all_but(keep, keep_count);
	if (null > 2)
		null = -1; /* closed with the rest, or in keep[] by accident and then the caller's
			    */
	if (r < 0)
		return r;
	proc_reset_signals();
	(void)umask(0022);
	if (chdir("/") < 0)
		return -errno;
	(void)prctl(PR_SET_DUMPABLE, 0);
	proc_set_title(title);
	return 0;
}

int proc_run(char *const argv[], char **ret_text)
{
	auto_close int reader = -1;
	auto_close int writer = -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int ends[2];
	pid_t pid = -1;
	int r = fd_pipe(ends);
	char drain[512];

	if (r < 0)
		return r;
	reader = ends[0];
	writer = ends[1];
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, writer, 1);
	(void)posix_spawn_file_actions_adddup2(&actions, writer, 2);
	(void)posix_spawnattr_init(&attributes);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	fd_close(&writer);
	if (r != 0)
		return -r;
	if (ret_text) {
		char *text = xcalloc(1, 4097);

		(void)fd_read_full(reader, text,
				   4096); /* what could not be read is only a message */
		*ret_text = text;
	}
	while (fd_read_full(reader, drain, sizeof(drain)) > 0)
		;
	return proc_wait(pid);
}

int proc_libexec(const char *name, char **ret_path)
{
	static const char *const places[] = { "../libexec/bryo", "." };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = NULL;

	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		auto_free char *path = xasprintf("%s/%s/%s", self, places[i], name);

		if (access(path, X_OK) == 0) {
			*ret_path = take(path);
			return 0;
		}
	}
	return -ENOENT;
}
