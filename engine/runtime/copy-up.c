/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies a small tree into a fresh tmpfs (mount option tmpcopyup); runs in the child before the
 * container has any process. Follows no symlink and crosses no mount.
 */
#include "engine/runtime/mount-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

#define DEPTH_MAX 64
#define XATTR_MAX 65536

static int copy_folder(int from, int to, dev_t device, int depth);

/* Attributes that the target does not take (other file systems' own) are left behind. */
static void copy_xattrs(int from, int to)
{
	auto_free char *names = xmalloc(XATTR_MAX);
	auto_free char *value = xmalloc(XATTR_MAX);
	ssize_t size = flistxattr(from, names, XATTR_MAX);

	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n = fgetxattr(from, names + at, value, XATTR_MAX);

		if (n >= 0 && !str_starts(names + at, "security.selinux"))
			(void)fsetxattr(to, names + at, value, (size_t)n, 0);
	}
}

/* Owner before mode: chown clears the set-id bits. */
static int copy_meta(int from, int to, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return -errno;
	if (fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	copy_xattrs(from, to);
	(void)futimens(to, times);
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	auto_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int to =
		openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = 0;

	if (from < 0 || to < 0)
		return -errno;
	r = file_copy_data(from, to);
	return r < 0 ? r : copy_meta(from, to, st);
}

static int copy_entry(int from_dir, int to_dir, const char *name, dev_t device, int depth)
{
	auto_close int from = -1;
	auto_close int to = -1;
	char target[4096];
	struct stat st;
	ssize_t n = 0;
	int r = 0;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from_dir, to_dir, name, &st);
	case S_IFLNK:
		n = readlinkat(from_dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return -errno;
		target[n] = '\0';
		if (symlinkat(target, to_dir, name) < 0)
			return -errno;
		return fchownat(to_dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0
			       ? -errno
			       : 0;
	case S_IFDIR:
		if (mkdirat(to_dir, name, 0700) < 0)
			return -errno;
		if (st.st_dev != device)
			return 0;
		from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (from < 0 || to < 0)
			return -errno;
		r = copy_folder(from, to, device, depth + 1);
		return r < 0 ? r : copy_meta(from, to, &st);
	case S_IFIFO:
		return mknodat(to_dir, name, st.st_mode, 0) < 0 ? -errno : 0;
	default:
		return 0; /* sockets and devices mean nothing in a copy */
	}
}

static int copy_folder(int from, int to, dev_t device, int depth)
{
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	int r = 0;

	if (!dir)
		return -errno;
	if (depth > DEPTH_MAX)
		r = -ELOOP;
	for (struct dirent *e = readdir(dir); r == 0 && e; e = readdir(dir)) {
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			r = copy_entry(from, to, e->d_name, device, depth);
	}
	(void)closedir(dir); /* only read */
	return r;
}

int copy_up(int from_fd, int to_fd)
{
	struct stat st;

	if (fstat(from_fd, &st) < 0)
		return -errno;
	return copy_folder(from_fd, to_fd, st.st_dev, 0);
}
