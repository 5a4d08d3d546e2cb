/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of the container: attached at the beginning, entered at the end. Runs in the child.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"

/*
 * By path: a descriptor that the caller opened belongs to its mount namespace, and could not
 * be cloned in ours.
 */
static char *root_path(const struct plan *plan)
{
	return plan->spec->root.path
		       ? path_join(str_or(plan->args->bundle, ""), plan->spec->root.path)
		       : NULL;
}

/* Where the root is attached until it is entered: its own path, that hooks find it there. */
static int open_place(const struct plan *plan)
{
	auto_free char *path = root_path(plan);
	int fd = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd >= 0 ? fd : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_root(struct plan *plan, int *ret_fd, struct err *err)
{
	auto_free char *path = root_path(plan);
	int r = 0;

	if (plan->args->open_root)
		return plan->args->open_root(plan->args->open_root_data, ret_fd, err);
	if (!plan->spec->root.path)
		return err_say(err, ERR_USAGE, "root.path is missing");
	r = mount_clone(AT_FDCWD, path, true, true, ret_fd);
	return r < 0 ? err_set(err, r, "cannot open root.path %s", plan->spec->root.path) : 0;
}

/*
 * Nothing that is mounted from here on may reach the caller's namespace, and pivot_root(2)
 * wants a parent that is not shared. With rootfsPropagation "shared" or "slave" the mounts stay
 * slaves of the caller's, so that what is bound from them goes on following the host.
 */
int rootfs_attach(struct plan *plan, struct err *err)
{
	const char *wanted = str_or(plan->spec->linux_.rootfs_propagation, "");
	bool follow = str_ends(wanted, "shared") || str_ends(wanted, "slave");
	auto_close int root = -1;
	auto_close int place = -1;
	int r = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(err, -errno, "cannot cut the mounts off the host's");
	r = open_root(plan, &root, err);
	if (r < 0)
		return r;
	place = open_place(plan);
	if (place < 0)
		return err_set(err, -errno, "cannot open the place of the root file system");
	r = mount_change(root, 0, 0, follow ? MS_SLAVE : MS_PRIVATE, true);
	if (r == 0)
		r = mount_attach(root, place);
	if (r < 0)
		return err_set(err, r, "cannot attach the root file system");
	plan->root_fd = fd_take(&root);
	return 0;
}

/* For roots on the initial ramfs, which cannot be pivoted (--no-pivot): weaker, see runc(8). */
static int enter_by_chroot(struct err *err)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return err_set(err, -errno, "cannot move the root file system");
	if (chroot(".") < 0 || chdir("/") < 0)
		return err_set(err, -errno, "cannot enter the root file system");
	return 0;
}

/*
 * pivot_root(".", ".") puts the old root on top of the new one (pivot_root(2), NOTES); it is
 * detached at once. No path is used, and no folder is needed for the old root.
 */
static int enter_by_pivot(struct err *err)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_set(err, -errno, "cannot make the root file system the root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_set(err, -errno, "cannot leave the old root");
	return chdir("/") < 0 ? err_set(err, -errno, "cannot change to /") : 0;
}

int rootfs_enter(struct plan *plan, struct err *err)
{
	unsigned long propagation =
		mount_propagation_flags(str_or(plan->spec->linux_.rootfs_propagation, ""));
	int r = 0;

	if (plan->spec->root.readonly)
		r = mount_change(plan->root_fd, MOUNT_ATTR_RDONLY, 0, 0, false);
	if (r < 0)
		return err_set(err, r, "cannot make the root file system read-only");
	if (fchdir(plan->root_fd) < 0)
		return err_set(err, -errno, "cannot enter the root file system");
	r = plan->args->no_pivot ? enter_by_chroot(err) : enter_by_pivot(err);
	if (r < 0)
		return r;
	if (propagation && mount(NULL, "/", NULL, propagation, NULL) < 0)
		return err_set(err, -errno, "cannot set linux.rootfsPropagation");
	return 0;
}
