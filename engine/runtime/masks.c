/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.maskedPaths and readonlyPaths. Runs in the child after all mounts. What covers a path
 * is checked to be what it claims: the caller's /dev/null must be the null device
 * (CVE-2025-31133), and folders are covered by an empty, read-only tmpfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"

/* One empty tmpfs for all masked folders, one null device for all masked files. */
struct covers {
	int folder;
	int file;
};

static void covers_done(struct covers *covers)
{
	fd_close(&covers->folder);
	fd_close(&covers->file);
}

static int make_folder_cover(const struct plan *plan, int *ret_fd)
{
	static const char *const data[] = { "mode=755", "size=0", "nr_inodes=2" };
	struct fs_args args = { .type = "tmpfs",
				.source = "tmpfs",
				.data = data,
				.data_count = 3,
				.label = plan->spec->linux_.mount_label,
				.attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					 MOUNT_ATTR_NOEXEC };

	return mount_fs_open(&args, ret_fd);
}

/* The null device of the caller's /dev, attached there, so that it can be cloned often. */
static int open_null(int *ret_fd)
{
	auto_close int fd = open("/dev/null", O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return -ENODEV;
	*ret_fd = fd_take(&fd);
	return 0;
}

/*
 * Only what is attached in our namespace can be cloned (before Linux 6.15): the first masked
 * folder gets the tmpfs itself, the others clones of it from there.
 */
static int cover_path(const struct plan *plan, struct covers *covers, bool folder, int target)
{
	int *from = folder ? &covers->folder : &covers->file;
	auto_close int clone = -1;
	int r = 0;

	if (*from < 0 && folder) {
		r = make_folder_cover(plan, from);
		return r < 0 ? r : mount_attach(*from, target);
	}
	if (*from < 0)
		r = open_null(from);
	if (r == 0)
		r = mount_clone(*from, "", false, true, &clone);
	return r < 0 ? r : mount_attach(clone, target);
}

static int mask(const struct plan *plan, struct covers *covers, const char *path, struct err *err)
{
	auto_close int target = path_open_in_root(plan->root_fd, path, O_PATH, 0);
	struct stat st;
	int r = 0;

	if (target == -ENOENT || target == -ENOTDIR || target == -EACCES)
		return 0; /* what is not there needs no mask (config-linux.md) */
	if (target < 0)
		return err_set(err, target, "cannot open the masked path %s", path);
	if (fstat(target, &st) < 0)
		return err_set(err, -errno, "cannot look at the masked path %s", path);
	r = cover_path(plan, covers, S_ISDIR(st.st_mode), target);
	return r < 0 ? err_set(err, r, "cannot mask %s", path) : 0;
}

/*
 * A clone of the path on itself, read-only with all that is mounted below. Without AT_RECURSIVE
 * the clone would uncover what is masked there; a tree from a more privileged namespace cannot
 * be cloned in part at all.
 */
static int make_readonly(const struct plan *plan, const char *path, struct err *err)
{
	auto_close int target = path_open_in_root(plan->root_fd, path, O_PATH, 0);
	auto_close int clone = -1;
	int r = 0;

	if (target == -ENOENT || target == -ENOTDIR || target == -EACCES)
		return 0;
	if (target < 0)
		return err_set(err, target, "cannot open the read-only path %s", path);
	r = mount_clone(target, "", true, true, &clone);
	if (r == 0)
		r = mount_change(clone, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, true);
	if (r == 0)
		r = mount_attach(clone, target);
	return r < 0 ? err_set(err, r, "cannot make %s read-only", path) : 0;
}

int masks_apply(struct plan *plan, struct err *err)
{
	auto_done(covers) struct covers covers = { -1, -1 };
	const struct oci_linux *lx = &plan->spec->linux_;
	int r = 0;

	for (size_t i = 0; r == 0 && i < lx->readonly_paths.count; i++)
		r = make_readonly(plan, lx->readonly_paths.v[i], err);
	for (size_t i = 0; r == 0 && i < lx->masked_paths.count; i++)
		r = mask(plan, &covers, lx->masked_paths.v[i], err);
	return r;
}
