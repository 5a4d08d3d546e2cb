/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container changed: see storage.h. Runs in `bryo diff`, `commit` and `ps --size`. Compares
 * what the container wrote with the layers' files, name by name, without a mount, so that it works
 * for every driver and for running containers.
 *
 * What counts as changed is Podman's: for files another kind, owner, mode, size or time; for
 * folders another owner or mode, or a change inside.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/storage/storage-internal.h"

struct change {
	enum storage_change kind;
	char *path;
	uint64_t size;
};

struct diff {
	int *lower_fds; /* highest first */
	size_t lower_count;
	bool whole; /* the tree is a copy: what is not in it was deleted */
	struct change *changes;
	size_t count, capacity;
	struct buf path; /* of the folder or entry in work, "/etc/x" */
	struct err *err;
};

static void diff_done(struct diff *d)
{
	for (size_t i = 0; i < d->lower_count; i++)
		fd_close(&d->lower_fds[i]);
	free(d->lower_fds);
	for (size_t i = 0; i < d->count; i++)
		free(d->changes[i].path);
	free(d->changes);
	buf_done(&d->path);
}

static int fail(const struct diff *d, int code)
{
	return err_set(d->err, code, "cannot compare \"%.200s\" with the layers", d->path.data);
}

static void add(struct diff *d, enum storage_change kind, const char *path, uint64_t size)
{
	xgrow(d->changes, d->count, d->capacity);
	d->changes[d->count++] =
		(struct change){ .kind = kind, .path = xstrdup(path), .size = size };
}

static bool is_opaque(int fd)
{
	char value = 0;

	return fgetxattr(fd, STORAGE_OPAQUE_XATTR, &value, 1) == 1 && value == 'y';
}

/* ---- The layers' view ---- */

enum found { FOUND, NOT_HERE, HIDDEN };

/* Follows path in one layer. NOT_HERE: lower layers may have it; HIDDEN: none may show it. */
static enum found find_in(int layer_fd, const char *path, struct stat *ret, int *ret_fd)
{
	auto_close int dir = fcntl(layer_fd, F_DUPFD_CLOEXEC, 3);
	auto_free char *copy = xstrdup(path);
	char *save = NULL;
	bool opaque = false;

	if (fstat(dir, ret) < 0)
		return HIDDEN;
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next = -1;

		if (!S_ISDIR(ret->st_mode))
			return HIDDEN;
		if (fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) < 0)
			return opaque || errno != ENOENT ? HIDDEN : NOT_HERE;
		if (is_whiteout(ret))
			return HIDDEN;
		if (!S_ISDIR(ret->st_mode))
			continue;
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return HIDDEN;
		fd_close(&dir);
		dir = next;
		opaque = opaque || is_opaque(dir);
	}
	/* Anew, since a layer itself is open with O_PATH, which reads no names. */
	if (ret_fd && S_ISDIR(ret->st_mode))
		*ret_fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return FOUND;
}

/* What the layers together show at path; false for nothing. */
static bool find(const struct diff *d, const char *path, struct stat *ret)
{
	for (size_t i = 0; i < d->lower_count; i++) {
		enum found f = find_in(d->lower_fds[i], path, ret, NULL);

		if (f != NOT_HERE)
			return f == FOUND;
	}
	return false;
}

/* Adds all names of a folder; takes fd over. */
static int add_names(int fd, struct strv *names)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e = NULL;

	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(dir)))
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			strv_add(names, e->d_name);
	(void)closedir(dir); /* reading only */
	return 0;
}

/* The names that any layer has in the folder; some may be hidden, and doubled. */
static int lower_names(const struct diff *d, const char *path, struct strv *names)
{
	for (size_t i = 0; i < d->lower_count; i++) {
		struct stat st;
		int fd = -1;
		enum found f = find_in(d->lower_fds[i], path, &st, &fd);
		int r = 0;

		if (f == HIDDEN || (f == FOUND && fd < 0))
			return 0;
		if (f == FOUND)
			r = add_names(fd, names);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Comparing ---- */

static bool differs(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
	    a->st_rdev != b->st_rdev)
		return true;
	return !S_ISDIR(a->st_mode) &&
	       (a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
		a->st_mtim.tv_nsec != b->st_mtim.tv_nsec);
}

static int diff_folder(struct diff *d, int fd, bool is_new);

/* Names that the layers show and the container's folder has not. */
static int add_deleted(struct diff *d, int fd)
{
	struct strv names auto_done(strv) = STRV_INIT;
	size_t base = d->path.size;
	int r = lower_names(d, d->path.data, &names);

	if (r < 0)
		return fail(d, r);
	strv_sort(&names);
	for (size_t i = 0; i < names.count; i++) {
		struct stat st;

		if (i > 0 && str_eq(names.v[i], names.v[i - 1]))
			continue;
		if (fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		(void)buf_addf(&d->path, "/%s", names.v[i]); /* unbounded buffer: cannot fail */
		if (find(d, d->path.data, &st))
			add(d, STORAGE_DELETED, d->path.data, 0);
		d->path.size = base;
		d->path.data[base] = '\0';
	}
	return 0;
}

static int diff_subfolder(struct diff *d, int parent_fd, const char *name, bool is_new)
{
	auto_close int fd =
		openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fail(d, -errno);
	return diff_folder(d, fd, is_new);
}

/* d->path names the entry. */
static int diff_entry(struct diff *d, int parent_fd, const char *name)
{
	struct stat now;
	struct stat before;
	size_t start = d->count;
	bool existed = find(d, d->path.data, &before);
	uint64_t size = 0;
	int r = 0;

	if (fstatat(parent_fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(d, -errno); /* a running container works on */
	if (is_whiteout(&now)) {
		if (existed)
			add(d, STORAGE_DELETED, d->path.data, 0);
		return 0;
	}
	if (S_ISREG(now.st_mode))
		size = (uint64_t)now.st_size;
	if (!existed)
		add(d, STORAGE_ADDED, d->path.data, size);
	else if (differs(&now, &before))
		add(d, STORAGE_CHANGED, d->path.data, size);
	if (!S_ISDIR(now.st_mode))
		return 0;
	r = diff_subfolder(d, parent_fd, name, !existed || !S_ISDIR(before.st_mode));
	/* A change inside changes the folder. */
	if (r == 0 && start < d->count && !str_eq(d->changes[start].path, d->path.data))
		add(d, STORAGE_CHANGED, d->path.data, 0);
	return r;
}

/* d->path names the folder; is_new: the layers have no folder there. */
static int diff_folder(struct diff *d, int fd, bool is_new)
{
	struct strv names auto_done(strv) = STRV_INIT;
	size_t base = d->path.size;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = copy < 0 ? -errno : add_names(copy, &names);

	if (r < 0)
		return fail(d, r);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		(void)buf_addf(&d->path, "/%s", names.v[i]); /* unbounded buffer: cannot fail */
		r = diff_entry(d, fd, names.v[i]);
		d->path.size = base;
		d->path.data[base] = '\0';
	}
	if (r == 0 && !is_new && (d->whole || is_opaque(fd)))
		r = add_deleted(d, fd);
	return r;
}

static int compare_changes(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

/* Opens all that is compared and finds the changes. */
static int run_diff(const struct storage *s, const char *id, struct diff *d)
{
	struct made_of made auto_done(made_of) = { 0 };
	auto_close int rootfs_fd = -1;
	auto_close int fd = -1;
	struct storage_idmap map;
	enum storage_driver driver = STORAGE_AUTO;
	int r = storage_rootfs_open(s, id, &rootfs_fd, d->err);

	if (r == 0)
		r = made_of_read(rootfs_fd, id, &made, d->err);
	if (r == 0)
		r = storage_container_driver(s, id, &driver, d->err);
	if (r < 0)
		return r;
	d->lower_fds = xcalloc(made.layers.count + 1, sizeof(*d->lower_fds));
	r = storage_layers_open(s, &made.layers, made_of_shift(&made, &map), d->lower_fds, d->err);
	if (r < 0)
		return r;
	d->lower_count = made.layers.count;
	d->whole = driver == STORAGE_COPY;
	(void)buf_addc(&d->path, '\0'); /* so that data is never NULL */
	d->path.size = 0;
	fd = openat(rootfs_fd, d->whole ? "root" : "upper",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(d, -errno);
	r = diff_folder(d, fd, false);
	if (d->count > 0)
		qsort(d->changes, d->count, sizeof(*d->changes), compare_changes);
	return r;
}

int storage_container_diff(const struct storage *s, const char *id,
			   int (*found)(void *ctx, enum storage_change change, const char *path),
			   void *ctx, struct err *err)
{
	struct diff d auto_done(diff) = { .err = err };
	int r = run_diff(s, id, &d);

	for (size_t i = 0; r == 0 && i < d.count; i++)
		r = found(ctx, d.changes[i].kind, d.changes[i].path);
	return r;
}

int storage_container_size(const struct storage *s, const char *id, uint64_t *ret_written,
			   uint64_t *ret_all, struct err *err)
{
	struct diff d auto_done(diff) = { .err = err };
	struct strv layers auto_done(strv) = STRV_INIT;
	uint64_t written = 0;
	uint64_t below = 0;
	int r = run_diff(s, id, &d);

	if (r == 0)
		r = storage_container_layers(s, id, &layers, err);
	for (size_t i = 0; r == 0 && i < d.count; i++)
		written += d.changes[i].size;
	for (size_t i = 0; r == 0 && i < layers.count; i++) {
		struct storage_layer layer;

		r = storage_layer_stat(s, layers.v[i], &layer, err);
		if (r == 0)
			below += layer.tar_size;
	}
	if (r < 0)
		return r;
	*ret_written = written;
	*ret_all = written + below;
	return 0;
}
