/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a stopped thread: see task.h. Runs in bryo-net's injector. */
#include "netns/net/inject/task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "netns/net/inject/epolls.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

enum { STATUS_MAX = 4096 }; /* of /proc/PID/status; 1500 bytes are usual */

int tasks_init(struct tasks *tasks)
{
	*tasks = (struct tasks){ .proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	for (size_t i = 0; i < TASK_CACHE; i++)
		tasks->slots[i].pidfd = tasks->slots[i].fdinfo_fd = -1;
	return tasks->proc_fd < 0 ? -errno : 0;
}

/* Reads a small file of /proc into text, which gets a final zero. Its length or a negative errno.
 */
static int read_text(int dir_fd, const char *path, char *text, size_t size)
{
	auto_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (done < size - 1 && (n = read(fd, text + done, size - 1 - done)) > 0)
		done += (size_t)n;
	text[done] = '\0';
	return n < 0 ? -errno : (int)done;
}

/* Of "NAME:\tVALUE" lines; or a negative errno. */
static long read_field(int dir_fd, const char *path, const char *name, int base)
{
	char text[STATUS_MAX];
	const char *at = NULL;
	int r = read_text(dir_fd, path, text, sizeof(text));

	if (r < 0)
		return r;
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, base) : -ENOENT;
}

/* Before Linux 6.9 only a thread group's leader has a pidfd; its threads share their descriptors.
 */
static int open_pidfd(const struct tasks *tasks, pid_t tid, bool *ret_own)
{
	char path[32];
	long leader = 0;
	int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);

	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_pidfd_open, tid, 0);
	if (fd >= 0)
		return fd;
	if (errno != EINVAL && errno != ENOENT)
		return -errno;
	(void)snprintf(path, sizeof(path), "%d/status", (int)tid);
	leader = read_field(tasks->proc_fd, path, "\nTgid:", 10);
	if (leader <= 0)
		return leader < 0 ? (int)leader : -ESRCH;
	*ret_own = false;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)leader, 0);
	return fd < 0 ? -errno : fd;
}

/* While a thread lives its number is nobody else's. EPERM: it lives and is another user's. */
static bool is_alive(const struct task *task)
{
	return syscall(SYS_pidfd_send_signal, task->pidfd, 0, NULL, 0) == 0 || errno == EPERM;
}

/* The thread's own slot, as it is; or one to be filled, emptied. */
static struct task *find_slot(struct tasks *tasks, pid_t tid)
{
	struct task *oldest = &tasks->slots[0];

	for (size_t i = 0; i < TASK_CACHE; i++) {
		struct task *task = &tasks->slots[i];

		if (task->tid == tid && task->own_pidfd && is_alive(task))
			return task;
		if (task->tid == tid) {
			oldest = task;
			break;
		}
		if (task->used < oldest->used)
			oldest = task;
	}
	fd_close(&oldest->pidfd);
	fd_close(&oldest->fdinfo_fd);
	*oldest = (struct task){ .pidfd = -1, .fdinfo_fd = -1 };
	return oldest;
}

int task_open(struct tasks *tasks, int listener, const struct seccomp_notif *call,
	      struct task **ret_task)
{
	const pid_t tid = (pid_t)call->pid;
	struct task *task = find_slot(tasks, tid);
	auto_close int fd = -1;
	bool own = true;

	if (task->tid != tid) {
		fd = open_pidfd(tasks, tid, &own);
		if (fd < 0)
			return fd;
		if (!notify_valid(listener, call->id))
			return -ESRCH;
		task->tid = tid;
		task->own_pidfd = own;
		epolls_move_up(&fd);
		task->pidfd = fd_take(&fd);
	}
	task->used = ++tasks->clock;
	*ret_task = task;
	return 0;
}

void tasks_forget_epolls(struct tasks *tasks)
{
	for (size_t i = 0; i < TASK_CACHE; i++)
		tasks->slots[i].scanned = false;
}

int task_copy(const struct task *task, uint64_t address, void *ret_data, size_t size)
{
	const struct iovec local = { ret_data, size };
	const struct iovec remote = { (void *)(uintptr_t)address, size };
	const ssize_t n = process_vm_readv(task->tid, &local, 1, &remote, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EFAULT;
}

int task_take_fd(struct task *task, int number)
{
	const int fd = (int)syscall(SYS_pidfd_getfd, task->pidfd, number, 0);

	return fd < 0 ? -errno : fd;
}

/* The way to a thread's folder costs as much again as the file in it. */
static int open_fdinfo(const struct tasks *tasks, struct task *task)
{
	char path[32];

	if (task->fdinfo_fd >= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%d/fdinfo", (int)task->tid);
	task->fdinfo_fd = openat(tasks->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (task->fdinfo_fd < 0)
		return -errno;
	epolls_move_up(&task->fdinfo_fd);
	return 0;
}

int task_fd_flags(const struct tasks *tasks, struct task *task, int number)
{
	char name[16];
	int r = open_fdinfo(tasks, task);

	(void)snprintf(name, sizeof(name), "%d", number);
	return r < 0 ? r : (int)read_field(task->fdinfo_fd, name, "flags:", 8);
}

int task_read_fdinfo(const struct tasks *tasks, const struct task *task, int number, char *ret_text,
		     size_t size)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)task->tid, number);
	return read_text(tasks->proc_fd, path, ret_text, size);
}

/* A mask in hexadecimal of /proc/PID/status, or 0. */
static uint64_t find_mask(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, 16) : 0;
}

bool task_has_capability(const struct tasks *tasks, const struct task *task, int capability)
{
	char path[32];
	char text[STATUS_MAX];

	(void)snprintf(path, sizeof(path), "%d/status", (int)task->tid);
	if (read_text(tasks->proc_fd, path, text, sizeof(text)) < 0)
		return false;
	return (find_mask(text, "\nCapEff:") >> capability) & 1;
}

bool task_has_signal(const struct tasks *tasks, pid_t tid)
{
	char path[32];
	char text[STATUS_MAX];

	(void)snprintf(path, sizeof(path), "%d/status", (int)tid);
	if (read_text(tasks->proc_fd, path, text, sizeof(text)) < 0)
		return false;
	/* An ignored signal is not kept waiting; one that stops or does nothing restarts the call.
	 */
	return ((find_mask(text, "\nSigPnd:") | find_mask(text, "\nShdPnd:")) &
		~find_mask(text, "\nSigBlk:")) != 0;
}

/* ---- Who else holds a descriptor ---- */

bool task_in_epoll(const struct task *task, int epoll, int number)
{
	/* Which entry of that name: one socket can be in a set under one number only once. */
	const struct kcmp_epoll_slot slot = { .efd = (uint32_t)epoll, .tfd = (uint32_t)number };

	return syscall(SYS_kcmp, task->tid, task->tid, KCMP_EPOLL_TFD, number, &slot) == 0;
}

static void note_epoll(struct task *task, int number)
{
	if (task->epoll_count < TASK_EPOLLS_MAX)
		task->epolls[task->epoll_count++] = number;
	else
		task->too_many_epolls = true;
}

/* One descriptor of the process. True: it is another one for the wanted socket. */
static bool look_at(struct task *task, int dir, const char *name, int number, const char *wanted)
{
	char link[64];
	const ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);
	const int other = (int)strtol(name, NULL, 10);

	if (n <= 0) /* . and .. */
		return false;
	link[n] = '\0';
	if (strcmp(link, "anon_inode:[eventpoll]") == 0)
		note_epoll(task, other);
	return other != number && strcmp(link, wanted) == 0;
}

/*
 * Goes through all descriptors: fills in the sets and counts the others that refer to the socket.
 * True: there is another one, or it could not be found out.
 */
static bool scan(const struct tasks *tasks, struct task *task, int number, ino_t inode)
{
	_Alignas(struct dirent64) char entries[4096];
	char path[32];
	char wanted[48];
	auto_close int dir = -1;
	bool held = false;
	long n = 0;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)task->tid);
	(void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", (unsigned long)inode);
	dir = openat(tasks->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return true;
	task->epoll_count = 0;
	task->too_many_epolls = false;
	while ((n = syscall(SYS_getdents64, dir, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);

			held = look_at(task, dir, entry->d_name, number, wanted) || held;
			at += entry->d_reclen;
		}
	}
	task->scanned = n == 0;
	return held || n < 0;
}

/* A duplicate is the next number, where one was made since. */
static bool has_duplicate(const struct task *task, int number)
{
	for (int other = number + 1; other <= number + TASK_NEXT; other++)
		if (syscall(SYS_kcmp, task->tid, task->tid, KCMP_FILE, number, other) == 0)
			return true;
	return false;
}

/*
 * A child may connect what it has from its parent, which uses the connection then. Not looked for
 * are others: the kernel does not tell who has a file.
 */
static bool is_parents(const struct tasks *tasks, struct task *task, int number)
{
	char path[32];

	if (task->parent == 0) {
		(void)snprintf(path, sizeof(path), "%d/status", (int)task->tid);
		task->parent = (pid_t)read_field(tasks->proc_fd, path, "\nPPid:", 10);
	}
	return task->parent > 0 &&
	       syscall(SYS_kcmp, task->tid, task->parent, KCMP_FILE, number, number) == 0;
}

bool task_fd_is_held(const struct tasks *tasks, struct task *task, int number, ino_t inode)
{
	const bool young = task->looks < TASK_YOUNG;

	task->looks += young;
	return (task->scanned ? has_duplicate(task, number) : scan(tasks, task, number, inode)) ||
	       (young && is_parents(tasks, task, number));
}
