/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copy driver: the layers laid over each other in a folder of the container's own, for hosts
 * whose kernel refuses overlay. Slow to make, but it works everywhere. Runs in the process that
 * makes a container.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/storage/storage-internal.h"

/* Into "root.making" first: a name "root" means that it is whole. */
static int copy_create(const struct driver_mount_args *args, struct err *err)
{
	auto_close int root_fd = -1;
	int r = file_remove_tree(args->rootfs_fd, "root.making");

	if (r < 0)
		return err_set(err, r, "cannot remove a half-made copy");
	if (mkdirat(args->rootfs_fd, "root.making", 0700) < 0)
		return err_set(err, -errno, "cannot make the container's copy");
	root_fd = openat(args->rootfs_fd, "root.making",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (root_fd < 0)
		return err_set(err, -errno, "cannot open the container's copy");
	for (size_t i = args->lower_count; r == 0 && i-- > 0;)
		r = tree_copy(&(struct tree_copy_args){ .from_fd = args->lower_fds[i],
							.to_fd = root_fd,
							.merge = true },
			      err);
	if (r == 0)
		r = storage_root_attributes(args, root_fd, err);
	if (r < 0)
		return r;
	if (renameat(args->rootfs_fd, "root.making", args->rootfs_fd, "root") < 0)
		return err_set(err, -errno, "cannot finish the container's copy");
	/* Left by a try with overlay; empty, since nothing was ever mounted. */
	r = file_remove_tree(args->rootfs_fd, "upper");
	if (r == 0)
		r = file_remove_tree(args->rootfs_fd, "work");
	return r < 0 ? err_set(err, r, "cannot remove the unused upper folder") : 0;
}

static int copy_mount(const struct driver_mount_args *args, int *ret_fd, struct err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_close int fd = -1;

	if (args->rootfs_fd >= 0)
		fd = (int)syscall(SYS_open_tree, args->rootfs_fd, "root",
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	else
		fd = (int)syscall(SYS_open_tree, args->lower_fds[0], "",
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (fd < 0)
		return err_set(err, -errno, "cannot take the root file system's folder as a mount");
	if (args->read_only &&
	    syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(err, -errno, "cannot make the root file system read-only");
	*ret_fd = fd_take(&fd);
	return 0;
}

const struct driver driver_copy = { .create = copy_create, .mount = copy_mount };
