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
#include <limits.h>
#include <stdio.h>
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
#include "fuse-overlay/fuse-overlay.h"

struct change {
	enum storage_change kind;
	char *path;
	uint64_t size;
};

struct diff {
	int *lower_fds;	   /* highest first */
	bool *lower_owned; /* which of them remember owners */
	size_t lower_count;
	bool whole;   /* the tree is a copy: what is not in it was deleted */
	bool by_name; /* or an upper folder of the FUSE overlay's, with files ".wh.NAME" */
	bool owned;   /* and with owners that it remembers */
	struct change *changes;
	size_t count, capacity;
	struct buf path; /* of the folder or entry in work, "/etc/x" */
	struct err *err;
};

/* A folder of the container. */
struct folder {
	int fd;		   /* what it wrote there; -1: nothing */
	const char *below; /* where the layers have their part; NULL: they show nothing in it */
	int marks;
	bool is_moved; /* below is not the folder's own path: a redirect, here or above */
	bool is_new;   /* the layers have no folder of its path */
};

static void diff_done(struct diff *d)
{
	for (size_t i = 0; i < d->lower_count; i++)
		fd_close(&d->lower_fds[i]);
	free(d->lower_fds);
	free(d->lower_owned);
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

/* Goes on to name in the folder in work, or back to the folder. */
static void enter(struct diff *d, const char *name)
{
	(void)buf_addf(&d->path, "/%s", name); /* unbounded buffer: cannot fail */
}
static void leave(struct diff *d, size_t size)
{
	d->path.size = size;
	d->path.data[size] = '\0';
}

/* ---- The layers' view ---- */

enum found { FOUND, NOT_HERE, HIDDEN };

/* Follows path in one layer. NOT_HERE: lower layers may have it; HIDDEN: none may show it. */
static enum found find_in(const struct diff *d, size_t layer, const char *path, struct stat *ret,
			  int *ret_fd)
{
	/* Anew, since a layer itself is open with O_PATH, which reads nothing. */
	auto_close int dir = openat(d->lower_fds[layer], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *copy = xstrdup(path);
	char *save = NULL;
	bool opaque = false;
	int marks = dir < 0 ? 0 : marks_of(dir);

	if (dir < 0 || fstat(dir, ret) < 0)
		return HIDDEN;
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next = -1;

		if (!S_ISDIR(ret->st_mode))
			return HIDDEN;
		if (fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) < 0)
			return opaque || errno != ENOENT ? HIDDEN : NOT_HERE;
		if (marks_hide(marks, dir, name, ret))
			return HIDDEN;
		if (d->lower_owned[layer])
			owners_look_over(dir, name, ret);
		if (!S_ISDIR(ret->st_mode))
			continue;
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return HIDDEN;
		fd_close(&dir);
		dir = next;
		marks = marks_of(dir);
		opaque = opaque || marks & MARK_OPAQUE;
	}
	if (ret_fd && S_ISDIR(ret->st_mode))
		*ret_fd = fd_take(&dir);
	return FOUND;
}

/* What the layers together show at path; false for nothing. */
static bool find(const struct diff *d, const char *path, struct stat *ret)
{
	for (size_t i = 0; i < d->lower_count; i++) {
		enum found f = find_in(d, i, path, ret, NULL);

		if (f != NOT_HERE)
			return f == FOUND;
	}
	return false;
}

static bool find_below(const struct diff *d, const struct folder *folder, const char *name,
		       struct stat *ret)
{
	auto_free char *path = folder->below ? xasprintf("%s/%s", folder->below, name) : NULL;

	return path && find(d, path, ret);
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
		enum found f = find_in(d, i, path, &st, &fd);
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

/* ---- The container's view ---- */

#define WHITEOUT ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* True where a file ".wh.NAME" hides what the layers have. */
static bool is_hidden_by_name(const struct diff *d, const struct folder *folder, const char *name)
{
	char mark[NAME_MAX + sizeof(WHITEOUT)];
	struct stat st;

	return d->by_name && folder->fd >= 0 &&
	       snprintf(mark, sizeof(mark), WHITEOUT "%s", name) <= NAME_MAX &&
	       fstatat(folder->fd, mark, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What the container shows of name in its folder: 1, 0 for nothing, or an error. */
static int look(const struct diff *d, const struct folder *folder, const char *name,
		struct stat *ret, bool *ret_is_own)
{
	*ret_is_own = folder->fd >= 0 && fstatat(folder->fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*ret_is_own && folder->fd >= 0 && errno != ENOENT)
		return -errno;
	if (!*ret_is_own)
		return folder->is_moved && !is_hidden_by_name(d, folder, name) &&
		       find_below(d, folder, name, ret);
	if (!d->whole && marks_hide(folder->marks, folder->fd, name, ret))
		return 0;
	if (d->owned)
		owners_look_over(folder->fd, name, ret);
	return 1;
}

/* Where the layers have what they show in the folder fd, called name in parent. NULL: nowhere. */
static char *place_below(const struct diff *d, const struct folder *parent, const char *name,
			 int fd, int marks)
{
	char redirect[PATH_MAX];
	ssize_t n =
		fd < 0 ? -1 : fgetxattr(fd, STORAGE_REDIRECT_XATTR, redirect, sizeof(redirect) - 1);

	if (marks & MARK_OPAQUE || is_hidden_by_name(d, parent, name))
		return NULL;
	if (n >= 0) {
		redirect[n] = '\0';
		if (!fuse_overlay_redirect_is_valid(redirect, (size_t)n))
			return NULL;
		if (*redirect == '/')
			return xstrdup(redirect);
		name = redirect;
	}
	return parent->below ? xasprintf("%s/%s", parent->below, name) : NULL;
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

static int diff_folder(struct diff *d, const struct folder *folder);

/* Names that the layers show and the container's folder does not. */
static int add_deleted(struct diff *d, const struct folder *folder)
{
	struct strv names auto_done(strv) = STRV_INIT;
	size_t base = d->path.size;
	int r = lower_names(d, d->path.data, &names);

	if (r < 0)
		return fail(d, r);
	strv_sort(&names);
	for (size_t i = 0; i < names.count; i++) {
		struct stat st;
		bool is_own = false;

		if ((i > 0 && str_eq(names.v[i], names.v[i - 1])) ||
		    look(d, folder, names.v[i], &st, &is_own) != 0)
			continue;
		enter(d, names.v[i]);
		if (find(d, d->path.data, &st))
			add(d, STORAGE_DELETED, d->path.data, 0);
		leave(d, base);
	}
	return 0;
}

static int diff_subfolder(struct diff *d, const struct folder *parent, const char *name,
			  bool is_own, bool is_new)
{
	auto_close int fd =
		is_own ? openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		       : -1;
	struct folder folder = { .fd = fd, .is_new = is_new };
	auto_free char *below = NULL;
	struct stat st;

	if (is_own && fd < 0)
		return fail(d, -errno);
	if (!d->whole) {
		folder.marks = is_own ? marks_of(fd) : 0;
		if (is_own && d->by_name &&
		    fstatat(fd, WHITEOUT_OPAQUE, &st, AT_SYMLINK_NOFOLLOW) == 0)
			folder.marks |= MARK_OPAQUE;
		folder.below = below = place_below(d, parent, name, fd, folder.marks);
		folder.is_moved = below && !str_eq(below, d->path.data);
	}
	return diff_folder(d, &folder);
}

/* d->path names the entry. */
static int diff_entry(struct diff *d, const struct folder *folder, const char *name)
{
	struct stat now;
	struct stat before;
	bool is_own = false;
	size_t start = d->count;
	uint64_t size = 0;
	int r = look(d, folder, name, &now, &is_own);
	bool existed = find(d, d->path.data, &before);

	if (r < 0)
		return fail(d, r);
	if (r == 0) { /* a running container works on, and may have removed it now */
		if (existed && folder->below && !folder->is_moved &&
		    (is_own || is_hidden_by_name(d, folder, name)))
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
	r = diff_subfolder(d, folder, name, is_own, !existed || !S_ISDIR(before.st_mode));
	/* A change inside changes the folder. */
	if (r == 0 && start < d->count && !str_eq(d->changes[start].path, d->path.data))
		add(d, STORAGE_CHANGED, d->path.data, 0);
	return r;
}

/* The names to look at; those of files ".wh.NAME" as NAME. */
static int names_of(const struct diff *d, const struct folder *folder, struct strv *names)
{
	struct strv raw auto_done(strv) = STRV_INIT;
	int copy =
		folder->fd < 0 ? -1 : openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = folder->fd < 0 ? 0 : copy < 0 ? -errno : add_names(copy, &raw);

	for (size_t i = 0; r == 0 && i < raw.count; i++) {
		const char *rest = d->by_name ? str_after(raw.v[i], WHITEOUT) : NULL;

		if (!rest || (*rest && !str_eq(raw.v[i], WHITEOUT_OPAQUE)))
			strv_add(names, rest ? rest : raw.v[i]);
	}
	if (r == 0 && folder->is_moved)
		r = lower_names(d, folder->below, names);
	strv_sort(names);
	return r;
}

/* d->path names the folder. */
static int diff_folder(struct diff *d, const struct folder *folder)
{
	struct strv names auto_done(strv) = STRV_INIT;
	size_t base = d->path.size;
	int r = names_of(d, folder, &names);

	if (r < 0)
		return fail(d, r);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		if (i > 0 && str_eq(names.v[i], names.v[i - 1]))
			continue;
		enter(d, names.v[i]);
		r = diff_entry(d, folder, names.v[i]);
		leave(d, base);
	}
	/* Elsewhere whiteouts have told. */
	if (r == 0 && !folder->is_new && (!folder->below || folder->is_moved))
		r = add_deleted(d, folder);
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
	struct folder root;
	int r = storage_rootfs_open(s, id, &rootfs_fd, d->err);

	if (r == 0)
		r = made_of_read(rootfs_fd, id, &made, d->err);
	if (r == 0)
		r = storage_container_driver(s, id, &driver, d->err);
	if (r < 0)
		return r;
	d->lower_fds = xcalloc(made.layers.count + 1, sizeof(*d->lower_fds));
	d->lower_owned = xcalloc(made.layers.count + 1, sizeof(*d->lower_owned));
	r = storage_layers_open(s, &made.layers, made_of_shift(&made, &map), d->lower_fds, d->err);
	if (r < 0)
		return r;
	d->lower_count = made.layers.count;
	d->whole = driver == STORAGE_COPY;
	d->by_name = driver == STORAGE_FUSE || (!d->whole && fuse_only(rootfs_fd));
	for (size_t i = 0; d->by_name && made.shows_owners && i < d->lower_count; i++)
		d->lower_owned[i] = owners_are_kept(d->lower_fds[i]);
	(void)buf_addc(&d->path, '\0'); /* so that data is never NULL */
	d->path.size = 0;
	fd = openat(rootfs_fd, d->whole ? "root" : "upper",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(d, -errno);
	d->owned = d->by_name && made.shows_owners && owners_are_kept(fd);
	root = (struct folder){ .fd = fd,
				.below = d->whole ? NULL : "",
				.marks = d->whole ? 0 : marks_of(fd) & ~MARK_OPAQUE };
	r = diff_folder(d, &root);
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
