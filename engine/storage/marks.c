/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks of an overlay in layers and upper folders, whoever made them: see storage-internal.h and
 * docs/formats/layer.md. Runs wherever layers are read without a mount.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/storage/storage-internal.h"
#include "fuse-overlay/fuse-overlay.h"

bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* One byte that the folder's attribute says; 0: none, or something longer. */
static char says(int fd, const char *key)
{
	char value = 0;

	return fgetxattr(fd, key, &value, 1) == 1 ? value : 0;
}

int marks_of(int fd)
{
	/* The FUSE overlay's own, and what fuse-overlayfs leaves where it has no other way. */
	static const char *const others[] = { FUSE_OVERLAY_OPAQUE_XATTR,
					      "user.fuseoverlayfs.opaque" };
	const char value = says(fd, STORAGE_OPAQUE_XATTR);
	int marks = value == 'y' ? MARK_OPAQUE : value == 'x' ? MARK_WHITEOUTS : 0;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (says(fd, others[i]) == 'y')
			marks |= MARK_OPAQUE;
	return marks;
}

struct entry_path {
	char text[NAME_MAX + 64];
};

/* A name in a folder, for calls that take paths alone and do not follow its last part. */
static struct entry_path path_of(int dir_fd, const char *name)
{
	struct entry_path path;

	(void)snprintf(path.text, sizeof(path.text), "%s/%s", FD_PATH(dir_fd), name); /* fits */
	return path;
}

bool marks_hide(int marks, int dir_fd, const char *name, const struct stat *st)
{
	auto_close int fd = -1;

	if (is_whiteout(st))
		return true;
	if (!(marks & MARK_WHITEOUTS) || !S_ISREG(st->st_mode) || st->st_size > 0)
		return false;
	/* Not by a path: who unpacks layers sees no /proc. */
	fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fgetxattr(fd, STORAGE_WHITEOUT_XATTR, NULL, 0) >= 0;
}

/* ---- Making ---- */

/* Takes whiteouts by attribute out of a folder that will not say so any more: they would be files.
 */
static int clear_whiteouts(int fd)
{
	const int marks = marks_of(fd);
	int copy =
		marks & MARK_WHITEOUTS ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e = NULL;
	struct stat st;
	int r = 0;

	if (!(marks & MARK_WHITEOUTS))
		return 0;
	if (!dir) {
		fd_close(&copy);
		return -EIO;
	}
	while (r == 0 && (e = readdir(dir)))
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (marks_hide(marks, fd, e->d_name, &st) && unlinkat(fd, e->d_name, 0) < 0))
			r = -errno;
	(void)closedir(dir); /* reading only */
	return r;
}

int marks_set_opaque(int fd)
{
	int r = clear_whiteouts(fd);

	return r < 0 ? r : fsetxattr(fd, STORAGE_OPAQUE_XATTR, "y", 1, 0) < 0 ? -errno : 0;
}

bool marks_whiteout_at(int parent_fd, const char *name, const struct stat *st)
{
	auto_close int fd = -1;

	if (is_whiteout(st) || !S_ISREG(st->st_mode) || st->st_size > 0)
		return is_whiteout(st);
	fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && marks_hide(marks_of(fd), fd, name, st);
}

/* Where the store lies on another overlay, to which a 0/0 device would be its own whiteout: an
 * empty file with an attribute (Linux 6.7, overlayfs.rst, "Nesting overlayfs mounts"). */
static int make_file(int parent_fd, const char *name)
{
	auto_close int dir_fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -1;
	int marks = dir_fd < 0 ? 0 : marks_of(dir_fd);

	if (marks & MARK_OPAQUE)
		return 0; /* it hides all */
	if (dir_fd < 0 || (!marks && fsetxattr(dir_fd, STORAGE_OPAQUE_XATTR, "x", 1, 0) < 0))
		return -errno;
	fd = openat(parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 || fsetxattr(fd, STORAGE_WHITEOUT_XATTR, "y", 1, 0) < 0 ? -errno : 0;
}

int marks_make_whiteout(int parent_fd, const char *name)
{
	if (mknodat(parent_fd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	return errno == EPERM ? make_file(parent_fd, name) : -errno;
}

/* ---- Remembered owners ---- */

bool owners_are_kept(int root_fd)
{
	return lgetxattr(path_of(root_fd, ".").text, FUSE_OVERLAY_OWNER_XATTR, NULL, 0) >= 0;
}

void owners_look_over(int dir_fd, const char *name, struct stat *st)
{
	struct fuse_overlay_link_owner owner;
	char value[FUSE_OVERLAY_OWNER_MAX];
	ssize_t n = 0;

	/* What is no such value is none: an error from above, but no reason to show nothing here.
	 */
	if (S_ISLNK(st->st_mode)) {
		fuse_overlay_link_owner(st, name, &owner); /* the key alone is of interest */
		n = lgetxattr(path_of(dir_fd, ".").text, owner.key, value, sizeof(value));
		if (n >= 0)
			(void)fuse_overlay_link_owner_parse(value, (size_t)n, name, st);
	} else if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) {
		n = lgetxattr(path_of(dir_fd, name).text, FUSE_OVERLAY_OWNER_XATTR, value,
			      sizeof(value));
		if (n >= 0)
			(void)fuse_overlay_owner_parse(value, (size_t)n, st);
	}
}
