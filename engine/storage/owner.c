/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered owners of a layer: see owner.h. Runs in bryo-image's workers. */
#include "engine/storage/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/archive/tar.h"
#include "engine/base/fd.h"
#include "fuse-overlay/fuse-overlay.h"

static int keep(int fd, const char *key, const char *value, int flags)
{
	if (fsetxattr(fd, key, value, strlen(value), flags) == 0)
		return 1;
	return errno == EOPNOTSUPP ? 0 : -errno;
}

static int open_folder(int fd, const char *name)
{
	int folder =
		openat(fd, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return folder < 0 ? -errno : folder;
}

static int remember_link(int folder_fd, const char *name, const struct stat *st)
{
	struct fuse_overlay_link_owner owner;
	auto_close int fd = open_folder(folder_fd, ".");
	int r = fd;

	if (fd >= 0) {
		fuse_overlay_link_owner(st, name, &owner);
		r = keep(fd, owner.key, owner.value, 0);
	}
	return r == -ENOSPC || r == -E2BIG ? 0 : r;
}

int owner_remember(int fd, const char *name, const struct tar_entry *e)
{
	const struct stat st = { .st_uid = (uid_t)e->uid,
				 .st_gid = (gid_t)e->gid,
				 .st_mode = e->mode | (e->kind == TAR_DIR ? S_IFDIR : S_IFREG) };
	char text[FUSE_OVERLAY_OWNER_MAX];
	auto_close int folder = -1;

	if (e->kind == TAR_SYMLINK)
		return remember_link(fd, name, &st);
	if (e->kind != TAR_DIR && e->kind != TAR_FILE)
		return 0;
	if (e->kind == TAR_DIR) {
		folder = open_folder(fd, name);
		if (folder < 0)
			return folder;
	}
	fuse_overlay_owner(&st, text);
	return keep(folder < 0 ? fd : folder, FUSE_OVERLAY_OWNER_XATTR, text, 0);
}

int owner_mark_root(int diff_fd)
{
	char text[FUSE_OVERLAY_OWNER_MAX];
	struct stat st;
	int r = fstat(diff_fd, &st) < 0 ? -errno : 0;

	if (r < 0)
		return r;
	fuse_overlay_owner(&st, text);
	r = keep(diff_fd, FUSE_OVERLAY_OWNER_XATTR, text, XATTR_CREATE);
	return r == -EEXIST || r > 0 ? 0 : r;
}
