/* SPDX-License-Identifier: Apache-2.0 */
/* Copying trees: see tree.h. By descriptors only; recursion depth is the tree's own. */
#include "engine/base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

/* Files with more than one name that were met: where the copy of each lies. */
struct seen {
	dev_t dev;
	ino_t ino;
	char *path; /* below the target's top */
};
struct copy {
	int top_fd;
	struct seen *seen;
	size_t count;
	size_t capacity;
};

static void copy_xattrs(int from_fd, int to_fd)
{
	char names[4096];
	ssize_t n = flistxattr(from_fd, names, sizeof(names));

	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		char value[65536];
		ssize_t size = fgetxattr(from_fd, p, value, sizeof(value));

		/*
		 * Overlay's own marks mean nothing outside a layer, and would lie in one. A label
		 * belongs to the place.
		 */
		if (size < 0 || str_starts(p, "user.overlay.") ||
		    str_starts(p, "trusted.overlay.") || str_eq(p, "security.selinux"))
			continue;
		(void)fsetxattr(to_fd, p, value, (size_t)size,
				0); /* not every file system has them */
	}
}

/* Owner first: chown clears set-id bits, which the mode then brings back. */
static int copy_attributes(int to_fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to_fd, st->st_uid, st->st_gid) < 0 && errno != EINVAL && errno != EPERM)
		return -errno;
	if (fchmod(to_fd, st->st_mode & 07777) < 0)
		return -errno;
	return futimens(to_fd, times) < 0 ? -errno : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	auto_close int from =
		openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	auto_close int to = -1;
	int r = 0;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	r = file_copy_data(from, to);
	if (r < 0)
		return r;
	copy_xattrs(from, to);
	return copy_attributes(to, st);
}

static int copy_special(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n = 0;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(from_dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return -errno;
		target[n] = '\0';
		if (symlinkat(target, to_dir, name) < 0)
			return -errno;
	} else if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0) {
		return errno == EPERM && (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) ? 0
											: -errno;
	}
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EINVAL && errno != EPERM)
		return -errno;
	if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static const struct seen *find_seen(const struct copy *copy, const struct stat *st)
{
	for (size_t i = 0; i < copy->count; i++)
		if (copy->seen[i].ino == st->st_ino && copy->seen[i].dev == st->st_dev)
			return &copy->seen[i];
	return NULL;
}

static int copy_folder(struct copy *copy, int from_fd, int to_fd, const char *path);

static int copy_entry(struct copy *copy, int from_dir, int to_dir, const char *name,
		      const char *path)
{
	const struct seen *first = NULL;
	struct stat st;
	int r = 0;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		auto_close int from =
			openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		auto_close int to = -1;

		if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
			return -errno;
		to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return to < 0 ? -errno : copy_folder(copy, from, to, path);
	}
	first = st.st_nlink > 1 ? find_seen(copy, &st) : NULL;
	if (first)
		return linkat(copy->top_fd, first->path, to_dir, name, 0) < 0 ? -errno : 0;
	r = S_ISREG(st.st_mode) ? copy_file(from_dir, to_dir, name, &st)
				: copy_special(from_dir, to_dir, name, &st);
	if (r == 0 && st.st_nlink > 1) {
		xgrow(copy->seen, copy->count, copy->capacity);
		copy->seen[copy->count++] = (struct seen){ st.st_dev, st.st_ino, xstrdup(path) };
	}
	return r;
}

static int copy_folder(struct copy *copy, int from_fd, int to_fd, const char *path)
{
	int fd = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;
	struct stat st;
	int r = 0;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(dir))) {
		auto_free char *below = NULL;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		below = *path ? xasprintf("%s/%s", path, e->d_name) : xstrdup(e->d_name);
		r = copy_entry(copy, from_fd, to_fd, e->d_name, below);
	}
	(void)closedir(dir); /* reading only */
	if (r < 0)
		return r;
	if (fstat(from_fd, &st) < 0)
		return -errno;
	copy_xattrs(from_fd, to_fd);
	return copy_attributes(to_fd, &st);
}

int tree_clone(int from_fd, int to_fd)
{
	struct copy copy = { .top_fd = to_fd };
	int r = copy_folder(&copy, from_fd, to_fd, "");

	for (size_t i = 0; i < copy.count; i++)
		free(copy.seen[i].path);
	free(copy.seen);
	return r;
}

static int walk_entry(int dir_fd, const struct dirent *e, int (*use)(int fd, void *data),
		      void *data)
{
	/* Some file systems do not say what an entry is: then opening it as a folder tells. */
	bool may_be_folder = e->d_type == DT_DIR || e->d_type == DT_UNKNOWN;
	auto_close int fd = -1;

	if (may_be_folder)
		fd = openat(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return tree_walk(fd, use, data);
	if (may_be_folder && errno != ENOTDIR && errno != ELOOP)
		return errno == ENOENT ? 0 : -errno;
	fd = openat(dir_fd, e->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* removed this moment */
	return use(fd, data);
}

int tree_walk(int fd, int (*use)(int fd, void *data), void *data)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e = NULL;
	int r = 0;

	if (!dir) {
		r = -errno;
		if (copy >= 0)
			(void)close(copy);
		return r;
	}
	while (r == 0 && (e = readdir(dir)))
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			r = walk_entry(fd, e, use, data);
	(void)closedir(dir); /* reading only */
	return r < 0 ? r : use(fd, data);
}

struct owner {
	uid_t uid;
	gid_t gid;
};

static int give(int fd, void *data)
{
	const struct owner *owner = data;

	return fchownat(fd, "", owner->uid, owner->gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

int tree_chown(int fd, unsigned int uid, unsigned int gid)
{
	struct owner owner = { uid, gid };

	return tree_walk(fd, give, &owner);
}
