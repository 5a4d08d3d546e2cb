/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of unpacked layers, for the copy driver and for shifted layers. Runs in the process that
 * makes a container. Works by descriptors of folders and follows no symlink; both trees are ours,
 * but their names and contents come from images.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/storage/storage-internal.h"

/* Where a file with several names was copied to first. */
struct link_slot {
	dev_t dev;
	ino_t ino;
	char *path; /* below to_fd; NULL: the slot is free */
};

struct links {
	struct link_slot *slots;
	size_t count;
	size_t capacity; /* a power of two, or 0 */
};

struct copy {
	const struct tree_copy_args *args;
	struct links links;
	struct buf path; /* of the entry in work, below the roots */
	struct err *err;
};

/* One entry: the folders that hold it on both sides, and its name. */
struct entry {
	int from_fd;
	int to_fd;
	const char *name;
	int marks; /* of the folder it is in, where trees are merged */
	struct stat st;
};

static void links_done(struct links *links)
{
	for (size_t i = 0; i < links->capacity; i++)
		free(links->slots[i].path);
	free(links->slots);
	*links = (struct links){ 0 };
}

static struct link_slot *find_slot(const struct links *links, const struct stat *st)
{
	uint64_t hash = hash_add(hash_add(HASH_START, &st->st_ino, sizeof(st->st_ino)), &st->st_dev,
				 sizeof(st->st_dev));
	size_t i = hash & (links->capacity - 1);

	while (links->slots[i].path &&
	       (links->slots[i].ino != st->st_ino || links->slots[i].dev != st->st_dev))
		i = (i + 1) & (links->capacity - 1);
	return &links->slots[i];
}

static void grow(struct links *links)
{
	struct links old = *links;

	links->capacity = old.capacity ? old.capacity * 2 : 64;
	links->slots = xcalloc(links->capacity, sizeof(*links->slots));
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].path) {
			struct stat st = { .st_dev = old.slots[i].dev, .st_ino = old.slots[i].ino };

			*find_slot(links, &st) = old.slots[i];
		}
	free(old.slots);
}

static int fail(const struct copy *c, int code, const char *what)
{
	return err_set(c->err, code, "cannot %s \"%.200s\" of a layer", what,
		       c->path.size ? c->path.data : "/");
}

/* ---- Attributes ---- */

static int set_owner(const struct copy *c, const struct entry *e)
{
	const struct storage_idmap *map = c->args->idmap;
	uid_t uid = e->st.st_uid;
	gid_t gid = e->st.st_gid;

	if (map && (idmap_outside(map->uids, map->uid_count, uid, &uid) < 0 ||
		    idmap_outside(map->gids, map->gid_count, gid, &gid) < 0))
		return err_say(c->err, ERR_FAILED,
			       "\"%.200s\" of a layer belongs to %u:%u, which the container's id "
			       "map lacks",
			       c->path.size ? c->path.data : "/", e->st.st_uid, e->st.st_gid);
	if (fchownat(e->to_fd, e->name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return fail(c, -errno, "set the owner of");
	return 0;
}

static int set_times(const struct copy *c, const struct entry *e)
{
	const struct timespec times[2] = { e->st.st_atim, e->st.st_mtim };

	if (utimensat(e->to_fd, e->name, times, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return fail(c, -errno, "set the times of");
	return 0;
}

/* Overlay's own marks mean something only where they stand. */
static bool wants_xattr(const struct copy *c, const char *name)
{
	if (str_starts(name, "trusted.overlay."))
		return false;
	if (str_starts(name, "user.overlay."))
		return !c->args->merge &&
		       (str_eq(name, STORAGE_OPAQUE_XATTR) || str_eq(name, STORAGE_WHITEOUT_XATTR));
	return true;
}

static int copy_xattr(const struct copy *c, const char *from, const char *to, const char *name)
{
	auto_free char *value = NULL;
	ssize_t size = lgetxattr(from, name, NULL, 0);

	if (size < 0)
		return errno == ENODATA ? 0 : fail(c, -errno, "read the attributes of");
	value = xmalloc((size_t)size + 1);
	size = lgetxattr(from, name, value, (size_t)size);
	if (size < 0)
		return fail(c, -errno, "read the attributes of");
	/* What this namespace may not set (trusted.*, security.*) cannot be used in it either. */
	if (lsetxattr(to, name, value, (size_t)size, 0) < 0 && errno != EPERM &&
	    errno != EOPNOTSUPP)
		return fail(c, -errno, "set the attributes of");
	return 0;
}

static int copy_xattrs(const struct copy *c, const struct entry *e)
{
	auto_free char *names = NULL;
	char from[320];
	char to[320];
	ssize_t size = 0;

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", e->from_fd, e->name); /* fits */
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", e->to_fd, e->name);
	size = llistxattr(from, NULL, 0);
	if (size <= 0)
		return size == 0 || errno == EOPNOTSUPP ? 0
							: fail(c, -errno, "read the attributes of");
	names = xmalloc((size_t)size + 1);
	size = llistxattr(from, names, (size_t)size);
	if (size < 0)
		return fail(c, -errno, "read the attributes of");
	names[size] = '\0';
	for (char *name = names; name < names + size; name += strlen(name) + 1) {
		int r = wants_xattr(c, name) ? copy_xattr(c, from, to, name) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Owner first: it clears set-id bits and capabilities, which come after. */
static int set_attributes(const struct copy *c, const struct entry *e)
{
	int r = set_owner(c, e);

	if (r == 0 && !S_ISLNK(e->st.st_mode) &&
	    fchmodat(e->to_fd, *e->name ? e->name : ".", e->st.st_mode & 07777, 0) < 0)
		r = fail(c, -errno, "set the mode of");
	if (r == 0)
		r = copy_xattrs(c, e);
	return r < 0 ? r : set_times(c, e);
}

/* ---- Contents ---- */

static int copy_range(int from_fd, int to_fd, off_t at, off_t size)
{
	off_t out = at;

	while (size > 0) {
		ssize_t n = copy_file_range(from_fd, &at, to_fd, &out, (size_t)size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		size -= n;
	}
	return 0;
}

/* Data from hole to hole. */
static int copy_sparse(int from_fd, int to_fd, off_t size)
{
	off_t at = 0;

	if (ftruncate(to_fd, size) < 0)
		return -errno;
	while (at < size) {
		off_t data = lseek(from_fd, at, SEEK_DATA);
		off_t hole = 0;
		int r = 0;

		if (data < 0)
			return errno == ENXIO ? 0 : -errno; /* only a hole is left */
		hole = lseek(from_fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_range(from_fd, to_fd, data, hole - data);
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

static int copy_content(int from_fd, int to_fd, const struct stat *st)
{
	int r = -EINVAL;

	if (st->st_size == 0 || ioctl(to_fd, FICLONE, from_fd) == 0)
		return 0;
	if (st->st_blocks * 512 < st->st_size)
		r = copy_sparse(from_fd, to_fd, st->st_size);
	if (r == 0)
		return 0;
	/* File systems without holes or without copy_file_range: the plain way, from the start. */
	if (lseek(from_fd, 0, SEEK_SET) < 0 || lseek(to_fd, 0, SEEK_SET) < 0)
		return -errno;
	return file_copy_data(from_fd, to_fd);
}

static int copy_file(struct copy *c, const struct entry *e)
{
	auto_close int from =
		openat(e->from_fd, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	auto_close int to = -1;
	int r = 0;

	if (from < 0)
		return fail(c, -errno, "read");
	to = openat(e->to_fd, e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(c, -errno, "write");
	r = copy_content(from, to, &e->st);
	return r < 0 ? fail(c, r, "copy") : 0;
}

static int copy_symlink(struct copy *c, const struct entry *e)
{
	char target[4097];
	ssize_t n = readlinkat(e->from_fd, e->name, target, sizeof(target) - 1);

	if (n < 0)
		return fail(c, -errno, "read");
	target[n] = '\0';
	return symlinkat(target, e->to_fd, e->name) < 0 ? fail(c, -errno, "write") : 0;
}

/* A further name of a file that was copied: 1 when it is linked now, 0 when it is the first. */
static int link_again(struct copy *c, const struct entry *e)
{
	struct link_slot *slot = NULL;

	if (e->st.st_nlink < 2 || S_ISDIR(e->st.st_mode))
		return 0;
	if (c->links.count * 2 >= c->links.capacity)
		grow(&c->links);
	slot = find_slot(&c->links, &e->st);
	if (slot->path)
		return linkat(c->args->to_fd, slot->path, e->to_fd, e->name, 0) < 0
			       ? fail(c, -errno, "link")
			       : 1;
	*slot = (struct link_slot){ .dev = e->st.st_dev,
				    .ino = e->st.st_ino,
				    .path = xstrdup(c->path.data) };
	c->links.count++;
	return 0;
}

static int copy_other(struct copy *c, const struct entry *e)
{
	int r = link_again(c, e);

	if (r != 0)
		return r < 0 ? r : 0;
	switch (e->st.st_mode & S_IFMT) {
	case S_IFREG:
		r = copy_file(c, e);
		break;
	case S_IFLNK:
		r = copy_symlink(c, e);
		break;
	default:
		if (mknodat(e->to_fd, e->name, e->st.st_mode & S_IFMT, e->st.st_rdev) < 0)
			r = fail(c, -errno, "make");
	}
	return r < 0 ? r : set_attributes(c, e);
}

/* ---- Trees ---- */

static int copy_folder(struct copy *c, const struct entry *e);

static int copy_entry(struct copy *c, const struct entry *e)
{
	struct stat there;
	bool exists =
		c->args->merge && fstatat(e->to_fd, e->name, &there, AT_SYMLINK_NOFOLLOW) == 0;
	bool whiteout = c->args->merge && marks_hide(e->marks, e->from_fd, e->name, &e->st);

	if (exists && (whiteout || !S_ISDIR(e->st.st_mode) || !S_ISDIR(there.st_mode))) {
		int r = file_remove_tree(e->to_fd, e->name);

		if (r < 0)
			return fail(c, r, "replace");
	}
	if (whiteout)
		return 0;
	return S_ISDIR(e->st.st_mode) ? copy_folder(c, e) : copy_other(c, e);
}

/* All that from_fd holds; takes from_fd over. */
static int copy_entries(struct copy *c, int from_fd, int to_fd)
{
	const int marks = c->args->merge ? marks_of(from_fd) : 0;
	DIR *dir = fdopendir(from_fd);
	struct dirent *d = NULL;
	size_t base = c->path.size;
	int r = 0;

	if (!dir) {
		(void)close(from_fd);
		return fail(c, -ENOMEM, "read");
	}
	while (r == 0 && (d = readdir(dir))) {
		struct entry e = {
			.from_fd = dirfd(dir), .to_fd = to_fd, .name = d->d_name, .marks = marks
		};

		if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
			continue;
		(void)buf_addf(&c->path, "%s%s", base ? "/" : "", d->d_name); /* no bound is set */
		if (fstatat(e.from_fd, e.name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
			r = fail(c, -errno, "look at");
		else
			r = copy_entry(c, &e);
		c->path.size = base;
		c->path.data[base] = '\0';
	}
	(void)closedir(dir); /* reading only */
	return r;
}

static int copy_folder(struct copy *c, const struct entry *e)
{
	auto_close int to_fd = -1;
	int from_fd = openat(e->from_fd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = 0;

	if (from_fd < 0)
		return fail(c, -errno, "read");
	if (c->args->merge && marks_of(from_fd) & MARK_OPAQUE) {
		r = file_remove_tree(e->to_fd, e->name);
		if (r < 0)
			r = fail(c, r, "empty");
	}
	if (r == 0 && mkdirat(e->to_fd, e->name, 0700) < 0 && errno != EEXIST)
		r = fail(c, -errno, "make");
	if (r == 0) {
		to_fd = openat(e->to_fd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (to_fd < 0)
			r = fail(c, -errno, "open");
	}
	if (r < 0) {
		(void)close(from_fd);
		return r;
	}
	r = copy_entries(c, from_fd, to_fd);
	return r < 0 ? r : set_attributes(c, e);
}

int tree_copy(const struct tree_copy_args *args, struct err *err)
{
	struct copy c = { .args = args, .err = err };
	struct entry root = { .from_fd = args->from_fd, .to_fd = args->to_fd, .name = "" };
	int from_fd = openat(args->from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (from_fd < 0)
		return err_set(err, -errno, "cannot read a layer");
	(void)buf_addc(&c.path, '\0'); /* so that data is never NULL */
	c.path.size = 0;
	if (fstat(from_fd, &root.st) < 0) {
		r = err_set(err, -errno, "cannot look at a layer");
		(void)close(from_fd);
	} else {
		r = copy_entries(&c, from_fd, args->to_fd);
	}
	if (r == 0 && !args->merge)
		r = set_attributes(&c, &root);
	links_done(&c.links);
	buf_done(&c.path);
	return r;
}
