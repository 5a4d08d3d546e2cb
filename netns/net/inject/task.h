/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread whose system call waits: its memory, its descriptors. All of it is the container's and
 * may change while we look; what is read here decides how a connection is carried, never whether
 * something is safe. The thread's number may be another's by the time it is used: the caller asks
 * notify_valid() after task_open(), and the pidfd holds from then on.
 *
 * Needs CAP_SYS_PTRACE over the container's user namespace (ptrace(2), "access mode checking").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netns/net/inject/notify.h"

enum {
	TASK_EPOLLS_MAX = 16, /* sets of one process that are looked at */
	TASK_CACHE = 16,
	TASK_NEXT = 1,	/* descriptors behind a socket's that may be its duplicates */
	TASK_YOUNG = 4, /* calls of a thread that may be about what its parent left it */
};

/* What is kept of a thread between its calls. */
struct task {
	pid_t tid; /* 0: unused */
	int pidfd;
	bool own_pidfd; /* the thread's, not only its leader's: it may be kept */
	uint64_t used;
	int fdinfo_fd; /* its folder in /proc, once it was needed; else -1 */
	int looks;     /* of task_fd_is_held(), up to TASK_YOUNG */
	pid_t parent;  /* 0: not looked up yet */
	bool scanned;  /* the rest is filled in */
	int epolls[TASK_EPOLLS_MAX];
	size_t epoll_count;
	bool too_many_epolls;
};

struct tasks {
	int proc_fd; /* /proc */
	uint64_t clock;
	struct task slots[TASK_CACHE];
};

/* Opens /proc. 0 or a negative errno. */
int tasks_init(struct tasks *tasks);

/* The thread that makes this call. -ESRCH or another error: it cannot be looked at. */
int task_open(struct tasks *tasks, int listener, const struct seccomp_notif *call,
	      struct task **ret_task);

/* An event set was made somewhere: what is known of sets is no longer true. */
void tasks_forget_epolls(struct tasks *tasks);

/* Copies size bytes of its memory. 0 or a negative errno. */
int task_copy(const struct task *task, uint64_t address, void *ret_data, size_t size);

/* A duplicate of its descriptor, close-on-exec; or a negative errno. */
int task_take_fd(struct task *task, int number);

/* Its descriptor's flags, O_CLOEXEC and those of fcntl(F_GETFL); or a negative errno. */
int task_fd_flags(const struct tasks *tasks, struct task *task, int number);

/* True when it has the capability (its effective set). */
bool task_has_capability(const struct tasks *tasks, const struct task *task, int capability);

/* True when a signal waits for this thread that it does not block. */
bool task_has_signal(const struct tasks *tasks, pid_t tid);

/* What /proc/PID/fdinfo tells of its descriptor, as text. Its length or a negative errno. */
int task_read_fdinfo(const struct tasks *tasks, const struct task *task, int number, char *ret_text,
		     size_t size);

/* True when the descriptor is entered in that event set of the process. */
bool task_in_epoll(const struct task *task, int epoll, int number);

/*
 * True when a second descriptor of this process refers to the socket (looked for among all at a
 * thread's first call, among the next ones later: a socket is hardly ever duplicated before it is
 * connected), or the same one of its parent's does, or this cannot be found out. Also finds the
 * process's event sets. inode is the socket's.
 */
bool task_fd_is_held(const struct tasks *tasks, struct task *task, int number, ino_t inode);
