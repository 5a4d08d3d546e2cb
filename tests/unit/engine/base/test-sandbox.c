/* SPDX-License-Identifier: Apache-2.0 */
/* What a shut-in process can and cannot do; each trial in a child of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/sandbox.h"

static void map_self(const char *file, unsigned int id)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "0 %u 1", id);
	if (file_poke_at(AT_FDCWD, file, text) < 0)
		_exit(2);
}

/* Runs trial in the sandbox, as root of a user namespace; it must return true. */
static void try_inside(bool (*trial)(int folder_fd))
{
	char top[] = "/tmp/bryo-test-sandbox-XXXXXX";
	unsigned int uid = geteuid();
	unsigned int gid = getegid();
	int status = 0;
	pid_t pid = 0;

	assert_non_null(mkdtemp(top));
	pid = fork();
	if (pid == 0) {
		static const int kept[] = { CAP_CHOWN };
		struct err err = ERR_INIT;
		int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (unshare(CLONE_NEWUSER) < 0)
			_exit(77);
		(void)file_poke_at(AT_FDCWD, "/proc/self/setgroups", "deny");
		map_self("/proc/self/uid_map", uid);
		map_self("/proc/self/gid_map", gid);
		if (sandbox_enter(&(struct sandbox_args){ .folder_fd = fd,
							  .capabilities = kept,
							  .capability_count = 1 },
				  &err) < 0)
			_exit(3);
		_exit(trial(fd) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)file_remove_tree(AT_FDCWD, top);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no user namespaces on this host\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static bool works_in_folder(int folder_fd)
{
	struct stat st;

	return file_replace_at(folder_fd, "a", "x", 1, 0644, FILE_SYNC) == 0 &&
	       mkdirat(folder_fd, "d", 0755) == 0 &&
	       linkat(folder_fd, "a", folder_fd, "d/b", 0) == 0 &&
	       symlinkat("a", folder_fd, "s") == 0 && mknodat(folder_fd, "w", S_IFCHR, 0) == 0 &&
	       fchownat(folder_fd, "a", 0, 0, 0) == 0 && fstatat(folder_fd, "d/b", &st, 0) == 0 &&
	       renameat(folder_fd, "d/b", folder_fd, "e") == 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static bool may_start_threads(int folder_fd)
{
	pthread_t thread;

	(void)folder_fd;
	return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static bool sees_nothing_else(int folder_fd)
{
	return open("/etc/passwd", O_RDONLY) < 0 && open("/proc/self/status", O_RDONLY) < 0 &&
	       openat(folder_fd, "../../etc/passwd", O_RDONLY) < 0 &&
	       symlinkat("/etc/passwd", folder_fd, "p") == 0 &&
	       openat(folder_fd, "p", O_RDONLY) < 0;
}

static bool starts_nothing(int folder_fd)
{
	char *argv[] = { (char *)"true", NULL };

	(void)folder_fd;
	return execv("/bin/true", argv) < 0 && errno == EPERM &&
	       socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM &&
	       socket(AF_UNIX, SOCK_STREAM, 0) < 0 && ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 &&
	       unshare(CLONE_NEWUSER) < 0 && mount("none", "/", "tmpfs", 0, NULL) < 0 &&
	       chroot(".") < 0 &&
	       syscall(SYS_clone, CLONE_NEWUSER | 17, NULL, NULL, NULL, NULL) < 0;
}

static void it_can_write_its_folder(void **state)
{
	(void)state;
	try_inside(works_in_folder);
}

static void it_can_start_threads(void **state)
{
	(void)state;
	try_inside(may_start_threads);
}

static void it_sees_no_other_folder(void **state)
{
	(void)state;
	try_inside(sees_nothing_else);
}

static void it_starts_no_program_and_no_socket(void **state)
{
	(void)state;
	try_inside(starts_nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_can_write_its_folder),
		cmocka_unit_test(it_can_start_threads),
		cmocka_unit_test(it_sees_no_other_folder),
		cmocka_unit_test(it_starts_no_program_and_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
