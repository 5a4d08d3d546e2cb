/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of event sets, moved to another socket: see epolls.h. Runs in the injector. */
#include "netns/net/inject/epolls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/fd.h"

/* From here on are our own descriptors: half of what we may have. */
static int first_own(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 1 << 20)
		return 1 << 19;
	return (int)limit.rlim_cur / 2;
}

void epolls_move_up(int *fd)
{
	const int moved = *fd < 0 ? -1 : fcntl(*fd, F_DUPFD_CLOEXEC, first_own());

	if (moved < 0)
		return;
	(void)close(*fd);
	*fd = moved;
}

void epolls_done(struct epolls *epolls)
{
	for (size_t i = 0; i < epolls->count; i++)
		fd_close(&epolls->entries[i].set);
	epolls->count = 0;
}

/*
 * "tfd: 5 events: 19 data: 5 pos:0 ino:61ef sdev:7" a line (proc(5), /proc/PID/fdinfo). The inode
 * tells our socket from one that had its number before and lives on in a duplicate.
 */
static bool parse_line(const char *line, int number, ino_t inode, struct epolls_entry *ret_entry)
{
	unsigned long long data = 0;
	unsigned long ino = 0;
	unsigned int events = 0;
	int tfd = -1;

	if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*x ino:%lx", &tfd, &events, &data,
		   &ino) != 4)
		return false;
	if (tfd != number || ino != inode)
		return false;
	ret_entry->events = events;
	ret_entry->data = data;
	return true;
}

/* 1: found, 0: not in this set, or -EBUSY. */
static int find_in(const struct tasks *tasks, const struct task *task, int set, int number,
		   ino_t inode, struct epolls_entry *ret_entry)
{
	static char text[EPOLLS_TEXT];
	const int n = task_read_fdinfo(tasks, task, set, text, sizeof(text));

	if (n < 0 || (size_t)n == sizeof(text) - 1)
		return -EBUSY;
	for (char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (parse_line(line, number, inode, ret_entry))
			return 1;
	}
	return 0;
}

int epolls_find(const struct tasks *tasks, struct task *task, int number, ino_t inode,
		struct epolls *ret_epolls)
{
	if (task->too_many_epolls)
		return -EBUSY;
	for (size_t i = 0; i < task->epoll_count; i++) {
		struct epolls_entry entry = { .set = -1 };
		int r = 0;

		if (!task_in_epoll(task, task->epolls[i], number))
			continue;
		r = find_in(tasks, task, task->epolls[i], number, inode, &entry);
		if (r == 0)
			continue;
		if (r < 0 || ret_epolls->count == EPOLLS_MAX || number >= first_own())
			return -EBUSY;
		entry.set = task_take_fd(task, task->epolls[i]);
		if (entry.set < 0)
			return -EBUSY;
		epolls_move_up(&entry.set);
		ret_epolls->entries[ret_epolls->count++] = entry;
	}
	return 0;
}

/* Under the container's number, which is free here: what is ours lies higher. */
static int change(const struct epolls_entry *entry, int command, int number, int fd)
{
	struct epoll_event event = { .events = entry->events, .data.u64 = entry->data };
	int r = 0;

	if (dup3(fd, number, O_CLOEXEC) < 0)
		return -errno;
	r = epoll_ctl(entry->set, command, number, &event) < 0 ? -errno : 0;
	(void)close(number);
	return r;
}

int epolls_exchange(const struct epolls *epolls, int number, int old, int new)
{
	int r = epolls->count > 0 && fcntl(number, F_GETFD) >= 0 ? -EBUSY : 0;

	for (size_t i = 0; i < epolls->count && r == 0; i++) {
		r = change(&epolls->entries[i], EPOLL_CTL_DEL, number, old);
		if (r == 0)
			r = change(&epolls->entries[i], EPOLL_CTL_ADD, number, new);
	}
	return r;
}
