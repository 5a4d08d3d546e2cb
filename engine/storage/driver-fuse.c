/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE overlay as a driver (fuse-overlay/): for kernels that refuse overlay to users, and for
 * containers whose ids are others than the store's, which it shows without a copy of any layer.
 * Runs in the process that sets a container up. On disk it is what the kernel's overlay makes of
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/storage/storage-internal.h"
#include "fuse-overlay/fuse-overlay.h"

/* Files bear the store's ids, whatever the container's map: none is asked for here. */
static int fuse_create(const struct driver_mount_args *args, struct err *err)
{
	struct driver_mount_args plain = *args;
	struct made_of made = *args->made; /* borrowed */
	int r = 0;

	made.uid_count = made.gid_count = 0;
	plain.made = &made;
	r = driver_overlay.create(&plain, err);
	/* Another driver would let it write on without a limit. */
	if (r == 0 && (made.size_limit || made.inode_limit) &&
	    mknodat(args->rootfs_fd, "work/" FUSE_OVERLAY_MARK, S_IFREG | 0600, 0) < 0)
		r = err_set(err, -errno, "cannot mark the container's work folder");
	return r;
}

static struct fuse_overlay_range *ranges_of(const struct storage_range *ranges, size_t count)
{
	struct fuse_overlay_range *shown = xcalloc(count + 1, sizeof(*shown));

	/* What is id 33 in the layers shall be id 33 inside: the same id as we name it. */
	for (size_t i = 0; i < count; i++)
		shown[i] = (struct fuse_overlay_range){ ranges[i].inside, ranges[i].outside,
							ranges[i].count };
	return shown;
}

static int mount_with(const struct driver_mount_args *args, const struct fuse_overlay_args *fuse,
		      int *ret_fd, struct err *err)
{
	const char *program = args->storage->mount_program;
	auto_close int place_fd = -1;
	int r = 0;

	if (!program)
		return fuse_overlay_mount(fuse, ret_fd, err);
	if (fuse->size_limit || fuse->inode_limit)
		return err_say(err, ERR_UNSUPPORTED,
			       "the container has a quota, and %s (overlay.mount_program) has none",
			       program);
	r = storage_folder(args->storage, "tmp", &place_fd, err);
	return r < 0 ? r : fuse_overlay_mount_by(program, fuse, place_fd, ret_fd, err);
}

static int fuse_mount(const struct driver_mount_args *args, int *ret_fd, struct err *err)
{
	const struct made_of none = { .uid_count = 0 };
	const struct made_of *made = args->made ? args->made : &none;
	auto_free struct fuse_overlay_range *uids = ranges_of(made->uids, made->uid_count);
	auto_free struct fuse_overlay_range *gids = ranges_of(made->gids, made->gid_count);
	auto_close int upper_fd = -1;
	auto_close int work_fd = -1;
	struct fuse_overlay_args fuse = { .lower_fds = args->lower_fds,
					  .lower_count = args->lower_count,
					  .read_only = args->read_only,
					  .is_volatile = args->is_volatile,
					  .selinux_label = args->selinux_label,
					  .size_limit = made->size_limit,
					  .inode_limit = made->inode_limit,
					  .ignores_owners = !made->shows_owners,
					  .uids = uids,
					  .uid_count = made->uid_count,
					  .gids = gids,
					  .gid_count = made->gid_count };

	if (args->rootfs_fd >= 0) {
		upper_fd = openat(args->rootfs_fd, "upper",
				  O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		work_fd = openat(args->rootfs_fd, "work",
				 O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (upper_fd < 0 || work_fd < 0)
			return err_set(err, -errno, "cannot open the container's upper folder");
	}
	fuse.upper_fd = upper_fd;
	fuse.work_fd = work_fd;
	return mount_with(args, &fuse, ret_fd, err);
}

bool fuse_is_there(void)
{
	auto_free char *program = NULL;

	return access("/dev/fuse", R_OK | W_OK) == 0 && proc_libexec("bryo-overlay", &program) == 0;
}

bool fuse_only(int rootfs_fd)
{
	return faccessat(rootfs_fd, "work/" FUSE_OVERLAY_MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

const struct driver driver_fuse = { .create = fuse_create, .mount = fuse_mount };
