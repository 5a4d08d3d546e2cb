/* SPDX-License-Identifier: Apache-2.0 */
/* One process of a container, read from /proc (proc(5)) as our own namespaces see it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TASK_LEVELS 33	/* pid namespaces are nested at most 32 deep */
#define TASK_GROUPS 256 /* supplementary groups that are kept; more are left out */

/* Real and effective id. */
struct task_ids {
	uint32_t real;
	uint32_t effective;
};

/* Ambient, bounding, effective, inheritable, permitted: by the words of /proc/PID/status. */
struct task_caps {
	uint64_t ambient, bounding, effective, inheritable, permitted;
};

struct task {
	pid_t pid, parent;	  /* in our pid namespace; 0: a parent outside it */
	pid_t pids[TASK_LEVELS];  /* in each namespace from ours downwards */
	pid_t pgids[TASK_LEVELS]; /* its process group likewise */
	size_t levels;
	uint64_t ns_dev, ns_ino; /* its pid namespace; 0: may not be looked at */
	char state;
	int64_t nice;
	unsigned int tty; /* device number; 0: none */
	int64_t cpu_ns;	  /* used so far, user and system */
	int64_t start_ns; /* since boot (CLOCK_BOOTTIME) */
	uint64_t vsize;	  /* bytes */
	uint64_t rss;	  /* bytes */
	int64_t seccomp;  /* 0 disabled, 1 strict, 2 filter */
	struct task_ids uid, gid;
	uint32_t groups[TASK_GROUPS];
	size_t group_count;
	struct task_caps caps;
	char *comm; /* as the process calls itself: may hold any byte */
	char *args; /* its arguments, a space behind each; "" for what has none */
	char *label;
};
#define TASK_INIT ((struct task){ 0 })
void task_done(struct task *task);

/* Reads one process. All through one descriptor of its folder, so all is of the same process.
 * -ENOENT or -ESRCH: it has gone. */
int task_read(int proc_fd, pid_t pid, struct task *ret_task);

/*
 * The processes that belong to the container whose first process is init: those of its pid
 * namespace, unless that is our own too, and all that descend from them or from init. Sorted by
 * pid. The caller frees with tasks_free().
 */
int tasks_of_container(pid_t init, struct task **ret_tasks, size_t *ret_count);
void tasks_free(struct task *tasks, size_t count);
