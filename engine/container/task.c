/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a container: see task.h. Runs in the command. What a process says of itself
 * (name, arguments) is only carried here; who prints it takes out what does not print.
 */
#include "engine/container/task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

#define TEXT_MAX (64U << 10)
#define TASKS_MAX 100000

void task_done(struct task *task)
{
	free(take(task->comm));
	free(take(task->args));
	free(take(task->label));
}

void tasks_free(struct task *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		task_done(&tasks[i]);
	free(tasks);
}

static int64_t ticks_to_ns(uint64_t ticks)
{
	static long per_second;

	if (per_second == 0)
		per_second = sysconf(_SC_CLK_TCK);
	return (int64_t)(ticks * (1000000000ULL / (uint64_t)per_second));
}

/* ---- stat ---- */

/* Behind the name, which may hold blanks and parentheses: the last one ends it (proc_pid_stat(5)).
 */
static int read_stat(int fd, struct task *t)
{
	auto_free char *text = NULL;
	unsigned long long utime = 0;
	unsigned long long stime = 0;
	unsigned long long start = 0;
	unsigned long long vsize = 0;
	long long nice = 0;
	long long rss = 0;
	int parent = 0;
	int tty = 0;
	size_t size = 0;
	char *open_ = NULL;
	char *close_ = NULL;
	int r = file_read_at(fd, "stat", TEXT_MAX, &text, &size);

	if (r < 0)
		return r;
	open_ = strchr(text, '(');
	close_ = strrchr(text, ')');
	if (!open_ || !close_ || close_ < open_)
		return -EPROTO;
	if (sscanf(close_ + 1,
		   " %c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %lld %*d %*d "
		   "%llu %llu %lld",
		   &t->state, &parent, &tty, &utime, &stime, &nice, &start, &vsize, &rss) != 9)
		return -EPROTO;
	t->comm = xstrndup(open_ + 1, (size_t)(close_ - open_ - 1));
	t->parent = parent;
	t->tty = (unsigned int)tty;
	t->cpu_ns = ticks_to_ns(utime + stime);
	t->start_ns = ticks_to_ns(start);
	t->nice = nice;
	t->vsize = vsize;
	t->rss = (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/* ---- status ---- */

static size_t read_numbers(const char *text, int base, uint64_t *numbers, size_t max)
{
	size_t count = 0;
	char *end = NULL;

	while (count < max) {
		unsigned long long n = strtoull(text, &end, base);

		if (end == text)
			break;
		numbers[count++] = n;
		text = end;
	}
	return count;
}

static void read_ids(const char *text, struct task_ids *ids)
{
	uint64_t n[2] = { 0 };

	(void)read_numbers(text, 10, n, 2); /* the kernel's own text */
	*ids = (struct task_ids){ (uint32_t)n[0], (uint32_t)n[1] };
}

static size_t read_pids(const char *text, pid_t pids[TASK_LEVELS])
{
	uint64_t n[TASK_LEVELS];
	size_t count = read_numbers(text, 10, n, TASK_LEVELS);

	for (size_t i = 0; i < count; i++)
		pids[i] = (pid_t)n[i];
	return count;
}

static void read_groups(const char *text, struct task *t)
{
	uint64_t n[TASK_GROUPS];

	t->group_count = read_numbers(text, 10, n, TASK_GROUPS);
	for (size_t i = 0; i < t->group_count; i++)
		t->groups[i] = (uint32_t)n[i];
}

static void read_line(const char *name, const char *value, struct task *t)
{
	const struct {
		const char *name;
		uint64_t *mask;
	} masks[] = { { "CapAmb", &t->caps.ambient },
		      { "CapBnd", &t->caps.bounding },
		      { "CapEff", &t->caps.effective },
		      { "CapInh", &t->caps.inheritable },
		      { "CapPrm", &t->caps.permitted } };
	uint64_t number = 0;

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++)
		if (str_eq(masks[i].name, name))
			(void)read_numbers(value, 16, masks[i].mask, 1);
	if (str_eq(name, "Uid"))
		read_ids(value, &t->uid);
	else if (str_eq(name, "Gid"))
		read_ids(value, &t->gid);
	else if (str_eq(name, "Groups"))
		read_groups(value, t);
	else if (str_eq(name, "NSpid"))
		t->levels = read_pids(value, t->pids);
	else if (str_eq(name, "NSpgid"))
		(void)read_pids(value, t->pgids);
	else if (str_eq(name, "Seccomp") && read_numbers(value, 10, &number, 1) == 1)
		t->seccomp = (int64_t)number;
}

static int read_status(int fd, struct task *t)
{
	auto_free char *text = NULL;
	size_t size = 0;
	char *rest = NULL;
	int r = file_read_at(fd, "status", TEXT_MAX, &text, &size);

	if (r < 0)
		return r;
	rest = text;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		read_line(line, colon + 1, t);
	}
	return t->levels > 0 ? 0 : -EPROTO;
}

/* ---- The rest ---- */

/* Cut where it is very long: a line of a listing is no place for megabytes. */
static char *read_args(int fd)
{
	auto_close int file = openat(fd, "cmdline", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = file < 0 ? 0 : fd_read_full(file, text, sizeof(text) - 1);

	if (n < 0)
		n = 0;
	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[n] = '\0';
	return xstrdup(text);
}

static char *read_label(int fd)
{
	char *text = NULL;
	size_t size = 0;

	/* Empty or EINVAL without a security module that has labels. */
	if (file_read_at(fd, "attr/current", TEXT_MAX, &text, &size) < 0)
		return xstrdup("");
	return text;
}

int task_read(int proc_fd, pid_t pid, struct task *ret_task)
{
	struct task t auto_done(task) = { .pid = pid };
	auto_close int fd = -1;
	char name[16];
	struct stat st;
	int r = 0;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = read_stat(fd, &t);
	if (r == 0)
		r = read_status(fd, &t);
	if (r < 0)
		return r;
	if (fstatat(fd, "ns/pid", &st, 0) == 0) {
		t.ns_dev = st.st_dev;
		t.ns_ino = st.st_ino;
	}
	t.args = read_args(fd);
	t.label = read_label(fd);
	*ret_task = t;
	t = TASK_INIT;
	return 0;
}

/* ---- All of a container ---- */

struct list {
	struct task *v;
	size_t count, capacity;
};

static int read_all(struct list *list)
{
	DIR *dir = opendir("/proc");
	struct dirent *e = NULL;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)) && list->count < TASKS_MAX) {
		struct task t = TASK_INIT;
		uint32_t pid = 0;

		if (str_to_u32(e->d_name, &pid) < 0 || task_read(dirfd(dir), (pid_t)pid, &t) < 0)
			continue; /* no process, or it has gone, or it is not ours to see */
		xgrow(list->v, list->count, list->capacity);
		list->v[list->count++] = t;
	}
	(void)closedir(dir); /* reading only */
	return 0;
}

static const struct task *find(const struct list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->v[i].pid == pid)
			return &list->v[i];
	return NULL;
}

/* Marks children of marked ones until there are no more. */
static void mark_descendants(const struct list *list, bool *marks)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < list->count; i++) {
			const struct task *parent = marks[i] ? NULL : find(list, list->v[i].parent);

			if (parent && marks[parent - list->v])
				more = marks[i] = true;
		}
	}
}

static int by_pid(const void *a, const void *b)
{
	const struct task *x = a;
	const struct task *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

int tasks_of_container(pid_t init, struct task **ret_tasks, size_t *ret_count)
{
	struct list list = { 0 };
	auto_free bool *marks = NULL;
	const struct task *first = NULL;
	const struct task *self = NULL;
	size_t kept = 0;
	int r = read_all(&list);

	first = r == 0 ? find(&list, init) : NULL;
	self = r == 0 ? find(&list, getpid()) : NULL;
	if (!first) {
		tasks_free(list.v, list.count);
		return r < 0 ? r : -ESRCH;
	}
	marks = xcalloc(list.count, sizeof(*marks));
	for (size_t i = 0; i < list.count; i++) {
		const struct task *t = &list.v[i];
		bool ours = self && t->ns_ino == self->ns_ino && t->ns_dev == self->ns_dev;

		marks[i] = t == first || (!ours && t->ns_ino && t->ns_ino == first->ns_ino &&
					  t->ns_dev == first->ns_dev);
	}
	mark_descendants(&list, marks);
	for (size_t i = 0; i < list.count; i++) {
		if (marks[i])
			list.v[kept++] = list.v[i];
		else
			task_done(&list.v[i]);
	}
	if (kept > 1)
		qsort(list.v, kept, sizeof(*list.v), by_pid);
	*ret_tasks = list.v;
	*ret_count = kept;
	return 0;
}
