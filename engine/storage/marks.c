/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks of an overlay in layers and upper folders, whoever made them: see storage-internal.h and
 * docs/formats/layer.md. Runs wherever layers are read without a mount.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

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
	static const char *const others[] = { "user.overlay.bryo.opaque",
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
