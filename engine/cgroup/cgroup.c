/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's group: making, finding again, entering, freezing, killing, removing. See cgroup.h.
 * Runs in the process that becomes or is the monitor (create), and in commands (the rest). Touches
 * only groups called bryo-ID, a scope that was asked for, and cgroup.subtree_control above them.
 */
#include "engine/cgroup/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/cgroup/cgroup-internal.h"

#define V1_TOP "/sys/fs/cgroup/"
#define FREEZE_NS 10000000000LL
#define REMOVE_NS 2000000000LL
#define DEPTH_MAX 32

/* ---- Files ---- */

int cgroup_write(int dir_fd, const char *file, const char *text, struct err *err)
{
	int r = file_poke_at(dir_fd, file, text);

	return r < 0 ? err_set(err, r, "cannot set %s to \"%s\"", file, text) : 0;
}

int cgroup_write_i64(int dir_fd, const char *file, int64_t value, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	return cgroup_write(dir_fd, file, text, err);
}

int cgroup_read_value(int dir_fd, const char *file, uint64_t *ret_value)
{
	auto_free char *text = NULL;
	int r = file_read_at(dir_fd, file, 4096, &text, NULL);

	return r < 0 ? r : cgroup_parse_value(text, ret_value);
}

int cgroup_read_flat(int dir_fd, const char *file, const char *key, uint64_t *ret_value)
{
	auto_free char *text = NULL;
	int r = file_read_at(dir_fd, file, CGROUP_FILE_MAX, &text, NULL);

	return r < 0 ? r : cgroup_parse_flat(text, key, ret_value);
}

bool cgroup_has_file(int dir_fd, const char *file)
{
	return faccessat(dir_fd, file, F_OK, 0) == 0;
}

static void pause_ms(long ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000 };

	(void)nanosleep(&t, NULL);
}

void cgroup_done(struct cgroup *cgroup)
{
	fd_close(&cgroup->fd);
	for (int i = 0; i < CGROUP_KINDS; i++)
		fd_close(&cgroup->v1_fds[i]);
}

/* ---- Making ---- */

static int make_group(int parent, const char *name, int *ret_fd)
{
	int fd = -1;

	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Enables what is wanted and possible, one by one: one refusal must not cost the others. */
static void enable(int fd, unsigned int wanted)
{
	auto_free char *text = NULL;
	unsigned int can = 0;
	unsigned int is = 0;

	if (file_read_at(fd, "cgroup.controllers", 4096, &text, NULL) < 0)
		return;
	can = cgroup_parse_controllers(text);
	free(take(text));
	if (file_read_at(fd, "cgroup.subtree_control", 4096, &text, NULL) == 0)
		is = cgroup_parse_controllers(text);
	for (unsigned int i = 0; i < CGROUP_KINDS; i++) {
		char word[16];

		if (!(wanted & can & ~is & (1U << i)))
			continue;
		(void)snprintf(word, sizeof(word), "+%s", cgroup_kind_name(i, false));
		(void)file_poke_at(fd, "cgroup.subtree_control",
				   word); /* missing controllers are reported */
	}
}

static int note_group(struct cgroup *cgroup, int fd, const char *parent, const char *name,
		      struct err *err)
{
	auto_free char *text = NULL;
	int n = snprintf(cgroup->path, sizeof(cgroup->path), "%s/%s", parent[1] ? parent : "",
			 name);

	cgroup->fd = fd;
	if (n < 0 || (size_t)n >= sizeof(cgroup->path))
		return err_set(err, -ENAMETOOLONG, "cannot keep the path of the control group %s",
			       name);
	if (file_read_at(fd, "cgroup.controllers", 4096, &text, NULL) == 0)
		cgroup->controllers = cgroup_parse_controllers(text);
	return 0;
}

/*
 * In the scope that systemd made around us: we move aside, because a group that has controllers for
 * its children must not hold processes itself.
 */
static int create_in_scope(const struct cgroup_host *host, const struct cgroup_create_args *args,
			   struct cgroup *cgroup, struct err *err)
{
	auto_free char *text = NULL;
	auto_close int scope = -1;
	auto_close int aside = -1;
	char own[CGROUP_PATH_MAX] = "";
	int fd = -1;
	int r = file_read_at(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL);

	if (r == 0)
		r = cgroup_parse_own(text, own);
	if (r == 0 && !str_ends(own, ".scope"))
		r = -ESTALE; /* moved on meanwhile: not a place of ours */
	if (r == 0)
		r = scope = cgroup_open_path(host->mount, own);
	if (r >= 0)
		r = make_group(scope, "monitor", &aside);
	if (r >= 0)
		r = file_poke_at(aside, "cgroup.procs", "0");
	if (r >= 0)
		r = make_group(scope, "container", &fd);
	if (r < 0)
		return err_set(err, r, "cannot use the scope %s", own);
	enable(scope, args->wanted);
	return note_group(cgroup, fd, own, "container", err);
}

static int create_folder(const struct cgroup_host *host, const struct cgroup_create_args *args,
			 struct cgroup *cgroup, struct err *err)
{
	const char *parent_path = args->parent ? args->parent : host->base;
	auto_close int top = -1;
	auto_close int parent = -1;
	char name[128];
	int fd = -1;
	int r = 0;

	if (args->parent && args->parent[0] != '/')
		return err_say(err, ERR_USAGE, "cgroup parent \"%s\" must begin with /",
			       args->parent);
	if ((size_t)snprintf(name, sizeof(name), "bryo-%s", args->id) >= sizeof(name) ||
	    !path_is_name(name))
		return err_say(err, ERR_USAGE, "\"%s\" cannot name a control group", args->id);
	r = top = open(host->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0)
		return err_set(err, -errno, "cannot open %s", host->mount);
	if (args->parent) {
		auto_close int made = path_mkdir_in_root(top, parent_path, 0755);

		if (made < 0)
			return err_set(err, made, "cannot make the cgroup parent %s", parent_path);
	}
	r = parent = cgroup_open_path(host->mount, parent_path);
	if (r >= 0)
		r = make_group(parent, name, &fd);
	if (r < 0)
		return err_set(err, r, "cannot make a control group in %s", parent_path);
	enable(parent, args->wanted);
	return note_group(cgroup, fd, parent_path, name, err);
}

/* A new v1 cpuset is empty and takes no process: it begins with what its parent has. */
static void inherit_cpuset(int parent, int fd)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *text = NULL;

		if (file_read_at(parent, files[i], 65536, &text, NULL) == 0)
			(void)file_poke_at(fd, files[i],
					   str_trim(text)); /* entering it says what is wrong */
	}
}

static int create_v1(const struct cgroup_host *host, const struct cgroup_create_args *args,
		     struct cgroup *cgroup, struct err *err)
{
	auto_free char *text = NULL;
	unsigned int wanted = args->wanted | (cgroup->fd < 0 ? CGROUP_FREEZER : 0);
	size_t used = 0;
	int r = file_read_at(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL);

	if (r < 0)
		return err_set(err, r, "cannot read /proc/self/cgroup");
	for (unsigned int i = 0; i < CGROUP_KINDS; i++) {
		const char *kind = cgroup_kind_name(i, true);
		char own[CGROUP_PATH_MAX];
		char name[128];
		char mount[64];
		auto_close int parent = -1;
		int n = 0;

		if (!(host->v1 & wanted & ~cgroup->controllers & (1U << i)))
			continue;
		if (cgroup_parse_own_v1(text, kind, own) < 0)
			continue;
		(void)snprintf(mount, sizeof(mount), V1_TOP "%s", kind);
		(void)snprintf(name, sizeof(name), "bryo-%s", args->id);
		r = parent = cgroup_open_path(mount, own);
		if (r >= 0)
			r = make_group(parent, name, &cgroup->v1_fds[i]);
		if (r < 0)
			return err_set(err, r, "cannot make a control group in %s%s", mount, own);
		if ((1U << i) == CGROUP_CPUSET)
			inherit_cpuset(parent, cgroup->v1_fds[i]);
		cgroup->v1 |= 1U << i;
		n = snprintf(cgroup->v1_path + used, sizeof(cgroup->v1_path) - used, "%s%s:%s/%s",
			     used ? "," : "", kind, own[1] ? own : "", name);
		if (n < 0 || (size_t)n >= sizeof(cgroup->v1_path) - used)
			return err_set(err, -ENAMETOOLONG,
				       "cannot keep the paths of the control group");
		used += (size_t)n;
	}
	return 0;
}

int cgroup_create(const struct cgroup_host *host, const struct cgroup_create_args *args,
		  struct cgroup *ret_cgroup, struct err *err)
{
	struct cgroup cgroup auto_done(cgroup) = CGROUP_INIT;
	int r = 0;

	if (args->scoped)
		r = create_in_scope(host, args, &cgroup, err);
	else if (host->mount[0] && (host->base[0] || args->parent))
		r = create_folder(host, args, &cgroup, err);
	if (r == 0 && host->v1)
		r = create_v1(host, args, &cgroup, err);
	if (r < 0) {
		(void)cgroup_remove(&cgroup); /* what was made of it is empty */
		return r;
	}
	*ret_cgroup = cgroup;
	cgroup = CGROUP_INIT;
	return 0;
}

/* ---- Finding again ---- */

/* Opens one "kind:/path" of a record. */
static int open_v1(struct cgroup *cgroup, const char *word)
{
	const char *colon = strchr(word, ':');
	char mount[64];

	if (!colon || strchr(word, '/') != colon + 1)
		return -EPROTO;
	for (unsigned int i = 0; i < CGROUP_KINDS; i++) {
		const char *kind = cgroup_kind_name(i, true);
		int fd = -1;

		if (strncmp(kind, word, (size_t)(colon - word)) != 0 || kind[colon - word] != '\0')
			continue;
		(void)snprintf(mount, sizeof(mount), V1_TOP "%s", kind);
		fd = cgroup_open_path(mount, colon + 1);
		if (fd < 0)
			return fd;
		fd_close(&cgroup->v1_fds[i]);
		cgroup->v1_fds[i] = fd;
		cgroup->v1 |= 1U << i;
		return 0;
	}
	return -EPROTO;
}

int cgroup_open(const char *path, const char *v1_path, struct cgroup *ret_cgroup, struct err *err)
{
	struct cgroup cgroup auto_done(cgroup) = CGROUP_INIT;
	struct strv words auto_done(strv) = STRV_INIT;
	int r = 0;

	if (!str_empty(path)) {
		char mount[64];
		int fd = cgroup_find_mount(mount, sizeof(mount), NULL);

		if (fd == 0)
			fd = cgroup_open_path(mount, path);
		if (fd < 0)
			return err_set(err, fd, "cannot open the control group %s", path);
		cgroup.fd = fd;
		(void)snprintf(cgroup.path, sizeof(cgroup.path), "%s", path);
		{
			auto_free char *text = NULL;

			if (file_read_at(fd, "cgroup.controllers", 4096, &text, NULL) == 0)
				cgroup.controllers = cgroup_parse_controllers(text);
		}
	}
	if (!str_empty(v1_path))
		strv_split(&words, v1_path, ',');
	for (size_t i = 0; i < words.count && r == 0; i++)
		r = open_v1(&cgroup, words.v[i]);
	if (r < 0)
		return err_set(err, r, "cannot open the control groups %s", v1_path);
	(void)snprintf(cgroup.v1_path, sizeof(cgroup.v1_path), "%s", str_or(v1_path, ""));
	*ret_cgroup = cgroup;
	cgroup = CGROUP_INIT;
	return 0;
}

int cgroup_enter(const struct cgroup *cgroup, pid_t pid, struct err *err)
{
	int r = 0;

	for (int i = -1; i < CGROUP_KINDS && r == 0; i++) {
		int fd = i < 0 ? cgroup->fd : cgroup->v1_fds[i];

		if (fd >= 0)
			r = cgroup_write_i64(fd, "cgroup.procs", pid, err);
	}
	return r;
}

/* ---- Walking ---- */

struct pid_list {
	pid_t *pids;
	size_t count;
	size_t capacity;
};

static int add_pids(struct pid_list *list, int fd)
{
	auto_free char *text = NULL;
	int r = file_read_at(fd, "cgroup.procs", CGROUP_FILE_MAX, &text, NULL);
	char *p = text;

	if (r == -EOPNOTSUPP || r == -ENODEV)
		return 0; /* a threaded group; or one that was removed while we looked */
	if (r < 0)
		return r;
	while (*p) {
		long pid = strtol(p, &p, 10);

		p += *p == '\n';
		if (pid <= 0)
			continue; /* 0: a process that this pid namespace does not see */
		xgrow(list->pids, list->count, list->capacity);
		list->pids[list->count++] = (pid_t)pid;
	}
	return 0;
}

/* Calls visit for a group and all below it, leaves first. Errors of one do not hide the others. */
static int walk(int parent, const char *name, int depth,
		int (*visit)(int parent, const char *name, void *data), void *data)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry = NULL;
	int first = 0;
	int r = 0;

	if (!dir) {
		r = -errno;
		fd_close(&fd);
		return r == -ENOENT ? 0 : r;
	}
	while (depth < DEPTH_MAX && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = walk(dirfd(dir), entry->d_name, depth + 1, visit, data);
		first = first ? first : r;
	}
	(void)closedir(dir);
	r = visit(parent, name, data);
	return first ? first : r;
}

static int visit_pids(int parent, const char *name, void *data)
{
	auto_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? 0 : add_pids(data, fd);
}

/* The folder to ask: cgroup2's, else any v1 one. */
static int any_fd(const struct cgroup *cgroup)
{
	for (int i = 0; cgroup->fd < 0 && i < CGROUP_KINDS; i++)
		if (cgroup->v1_fds[i] >= 0)
			return cgroup->v1_fds[i];
	return cgroup->fd;
}

int cgroup_pids(const struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_count)
{
	struct pid_list list = { 0 };
	int r = any_fd(cgroup) < 0 ? -EOPNOTSUPP : walk(any_fd(cgroup), ".", 0, visit_pids, &list);

	if (r < 0) {
		free(list.pids);
		return r;
	}
	*ret_pids = list.pids;
	*ret_count = list.count;
	return 0;
}

/* ---- Freezing, killing ---- */

static int freezer(const struct cgroup *cgroup)
{
	return cgroup->v1_fds[__builtin_ctz(CGROUP_FREEZER)];
}

int cgroup_frozen(const struct cgroup *cgroup)
{
	auto_free char *text = NULL;
	uint64_t value = 0;
	int r = 0;

	if (cgroup->fd >= 0) {
		r = cgroup_read_flat(cgroup->fd, "cgroup.events", "frozen", &value);
		return r < 0 ? r : value == 1;
	}
	if (freezer(cgroup) < 0)
		return -EOPNOTSUPP;
	r = file_read_at(freezer(cgroup), "freezer.state", 64, &text, NULL);
	return r < 0 ? r : str_starts(text, "FROZEN");
}

/* Waits until the kernel says so; cgroup.events wakes poll() with POLLPRI when it changes. */
static int await_frozen(const struct cgroup *cgroup, bool freeze)
{
	int64_t deadline = time_monotonic() + FREEZE_NS;

	for (;;) {
		auto_close int events =
			cgroup->fd < 0 ? -1
				       : openat(cgroup->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
		struct pollfd p = { .fd = events, .events = POLLPRI };
		int r = cgroup_frozen(cgroup);

		if (r < 0 || r == freeze)
			return r < 0 ? r : 0;
		if (time_monotonic() > deadline)
			return -ETIMEDOUT;
		/* It may have changed between open and look: a short wait, not an endless one. */
		(void)poll(&p, 1, 5);
		if (freezer(cgroup) >= 0 && cgroup->fd < 0)
			(void)file_poke_at(freezer(cgroup), "freezer.state",
					   freeze ? "FROZEN" : "THAWED");
	}
}

int cgroup_freeze(const struct cgroup *cgroup, bool freeze, struct err *err)
{
	int r = -EOPNOTSUPP;

	if (cgroup->fd >= 0)
		r = file_poke_at(cgroup->fd, "cgroup.freeze", freeze ? "1" : "0");
	else if (freezer(cgroup) >= 0)
		r = file_poke_at(freezer(cgroup), "freezer.state", freeze ? "FROZEN" : "THAWED");
	if (r == 0)
		r = await_frozen(cgroup, freeze);
	if (r == -ETIMEDOUT && freeze && cgroup->fd >= 0)
		(void)file_poke_at(cgroup->fd, "cgroup.freeze", "0"); /* half frozen helps nobody */
	if (r == -EOPNOTSUPP)
		return err_say(
			err, ERR_UNSUPPORTED,
			"the container has no control group of its own, so it cannot be paused");
	return r < 0 ? err_set(err, r, "cannot %s the container", freeze ? "pause" : "unpause") : 0;
}

int cgroup_kill(const struct cgroup *cgroup)
{
	int64_t deadline = time_monotonic() + REMOVE_NS;
	int r = any_fd(cgroup) < 0 ? -EOPNOTSUPP : -ENOENT;

	if (cgroup->fd >= 0)
		r = file_poke_at(cgroup->fd, "cgroup.kill", "1");
	if (r != -ENOENT)
		return r;
	/* Before 5.14, and v1: the list may grow while it is read, so until it is empty. */
	for (;;) {
		auto_free pid_t *pids = NULL;
		size_t count = 0;

		r = cgroup_pids(cgroup, &pids, &count);
		if (r < 0 || count == 0)
			return r;
		if (time_monotonic() > deadline)
			return -ETIMEDOUT;
		for (size_t i = 0; i < count; i++)
			(void)kill(pids[i], SIGKILL); /* it may have ended since */
		if (freezer(cgroup) >= 0)
			(void)file_poke_at(freezer(cgroup), "freezer.state", "THAWED");
		pause_ms(2);
	}
}

/* ---- Out of memory ---- */

int cgroup_oom_open(const struct cgroup *cgroup, int *ret_fd)
{
	int memory = cgroup->v1_fds[__builtin_ctz(CGROUP_MEMORY)];
	auto_close int fd = -1;

	if (cgroup->fd >= 0 && (cgroup->controllers & CGROUP_MEMORY)) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/memory.events", FD_PATH(cgroup->fd));
		fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
			return -errno;
	} else if (memory >= 0) {
		auto_close int control = openat(memory, "memory.oom_control", O_RDONLY | O_CLOEXEC);
		char line[48];
		int r = 0;

		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0 || control < 0)
			return -errno;
		(void)snprintf(line, sizeof(line), "%d %d", fd, control);
		r = file_poke_at(memory, "cgroup.event_control", line);
		if (r < 0)
			return r;
	} else {
		return -EOPNOTSUPP;
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

uint64_t cgroup_oom_count(const struct cgroup *cgroup)
{
	int memory = cgroup->v1_fds[__builtin_ctz(CGROUP_MEMORY)];
	uint64_t count = 0;

	if (cgroup->fd >= 0 &&
	    cgroup_read_flat(cgroup->fd, "memory.events", "oom_kill", &count) == 0)
		return count;
	if (memory >= 0 && cgroup_read_flat(memory, "memory.oom_control", "oom_kill", &count) == 0)
		return count;
	return 0;
}

/* ---- Removing ---- */

static int visit_remove(int parent, const char *name, void *data)
{
	const int64_t *deadline = data;

	/* Killed processes leave their group a moment after they are reaped. */
	while (unlinkat(parent, name, AT_REMOVEDIR) < 0) {
		if (errno == ENOENT || strcmp(name, ".") == 0)
			return 0;
		if (errno != EBUSY || time_monotonic() > *deadline)
			return -errno;
		pause_ms(1);
	}
	return 0;
}

/* Removes the group at path beneath mount. */
static int remove_path(const char *mount, const char *path, int64_t deadline)
{
	const char *slash = strrchr(path, '/');
	auto_close int parent = -1;
	char folder[CGROUP_PATH_MAX];

	if (!slash || slash[1] == '\0' || strlen(path) >= sizeof(folder))
		return -EINVAL;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	parent = cgroup_open_path(mount, folder);
	if (parent < 0)
		return parent == -ENOENT ? 0 : parent;
	return walk(parent, slash + 1, 0, visit_remove, &deadline);
}

int cgroup_remove(const struct cgroup *cgroup)
{
	int64_t deadline = time_monotonic() + REMOVE_NS;
	struct strv words auto_done(strv) = STRV_INIT;
	char mount[64];
	int first = 0;
	int r = 0;

	if (cgroup->path[0]) {
		r = cgroup_find_mount(mount, sizeof(mount), NULL);
		first = r == 0 ? remove_path(mount, cgroup->path, deadline) : r;
	}
	if (cgroup->v1_path[0])
		strv_split(&words, cgroup->v1_path, ',');
	for (size_t i = 0; i < words.count; i++) {
		char *colon = strchr(words.v[i], ':');

		if (!colon)
			continue;
		*colon = '\0';
		(void)snprintf(mount, sizeof(mount), V1_TOP "%.40s", words.v[i]);
		r = remove_path(mount, colon + 1, deadline);
		first = first ? first : r;
	}
	return first;
}

void cgroup_sweep(const struct cgroup_host *host, bool (*alive)(const char *id, void *data),
		  void *data)
{
	int64_t deadline = 0; /* nobody waits for a group that is in use */
	int fd = host->base[0] ? cgroup_open_path(host->mount, host->base) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry = NULL;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		const char *id = str_after(entry->d_name, "bryo-");
		auto_close int group = -1;
		uint64_t populated = 1;

		if (!id || entry->d_type != DT_DIR || alive(id, data))
			continue;
		group = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (group >= 0 &&
		    cgroup_read_flat(group, "cgroup.events", "populated", &populated) == 0 &&
		    populated == 0)
			(void)walk(dirfd(dir), entry->d_name, 0, visit_remove,
				   &deadline); /* next time, then */
	}
	(void)closedir(dir);
}
