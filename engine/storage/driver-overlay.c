/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's overlay as a driver (Documentation/filesystems/overlayfs.rst). Runs in the process
 * that sets a container up, as root of its user namespace; names layers by descriptors, through
 * /proc/self/fd, so that no path of the store is resolved again and long lists stay short.
 *
 * Always with "userxattr", in privileged mode too: one format of the store for all. That also
 * switches redirects and metadata-only copies off, as docs/formats/layer.md wants.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/storage/storage-internal.h"

/* fsconfig(2) takes values of up to 255 bytes. */
enum { VALUE_MAX = 255 };

/* From <sys/mount.h>, which glibc before 2.37 will not share a file with <linux/mount.h>. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);
int umount2(const char *target, int flags);
#define CLASSIC_RDONLY 1
#define CLASSIC_DETACH 2

/* "/proc/self/fd/3:/proc/self/fd/4", highest first. */
static void lower_list(const struct driver_mount_args *args, struct buf *text)
{
	for (size_t i = 0; i < args->lower_count; i++) /* unbounded buffer: cannot fail */
		(void)buf_addf(text, "%s/proc/self/fd/%d", i ? ":" : "", args->lower_fds[i]);
}

/* What the kernel said about the failure ("overlay: upper fs does not support ..."). */
static void last_words(int fs_fd, char *text, size_t size)
{
	char line[256];
	ssize_t n = 0;

	text[0] = '\0';
	while ((n = read(fs_fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		if (line[0] == 'e' || text[0] == '\0')
			(void)snprintf(text, size, "%s", n > 2 ? line + 2 : line); /* may be cut */
	}
	text[strcspn(text, "\n")] = '\0';
}

/*
 * Errors by which kernels say that they do not do overlay here at all: not built in, no right in
 * this user namespace (before 5.11), or an upper file system that lacks what is needed.
 */
static bool is_refusal(int code)
{
	return code == -ENODEV || code == -EPERM || code == -EINVAL || code == -EOPNOTSUPP ||
	       code == -ENOSYS;
}

static int refused(int code, const char *words, struct err *err)
{
	if (!is_refusal(code))
		return err_set(err, code, "cannot mount the overlay%s%s", *words ? ": " : "",
			       words);
	return err_say(err, ERR_UNSUPPORTED, "the kernel refuses overlay here: %s%s%s",
		       strerror(-code), *words ? ": " : "", words);
}

static int set_string(int fs_fd, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static int set_flag(int fs_fd, const char *key)
{
	return syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0) < 0 ? -errno : 0;
}

static int set_lowers(int fs_fd, const struct driver_mount_args *args)
{
	struct buf list auto_done(buf) = BUF_INIT;
	int r = 0;

	lower_list(args, &list);
	if (list.size <= VALUE_MAX)
		return set_string(fs_fd, "lowerdir", list.data);
	for (size_t i = 0; r == 0 && i < args->lower_count; i++) /* "lowerdir+": Linux 6.7 */
		r = set_string(fs_fd, "lowerdir+", FD_PATH(args->lower_fds[i]));
	return r;
}

struct upper {
	int upper_fd;
	int work_fd;
};

static void upper_done(struct upper *upper)
{
	fd_close(&upper->upper_fd);
	fd_close(&upper->work_fd);
}

static int open_upper(const struct driver_mount_args *args, struct upper *ret_upper,
		      struct err *err)
{
	if (args->rootfs_fd < 0)
		return 0;
	ret_upper->upper_fd =
		openat(args->rootfs_fd, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	ret_upper->work_fd =
		openat(args->rootfs_fd, "work", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (ret_upper->upper_fd < 0 || ret_upper->work_fd < 0)
		return err_set(err, -errno, "cannot open the container's upper folder");
	return 0;
}

static int configure(int fs_fd, const struct driver_mount_args *args, const struct upper *upper)
{
	int r = set_flag(fs_fd, "userxattr");

	if (r == 0)
		r = set_lowers(fs_fd, args);
	if (r == 0 && upper->upper_fd >= 0)
		r = set_string(fs_fd, "upperdir", FD_PATH(upper->upper_fd));
	if (r == 0 && upper->upper_fd >= 0)
		r = set_string(fs_fd, "workdir", FD_PATH(upper->work_fd));
	if (r == 0 && upper->upper_fd >= 0 && args->is_volatile)
		r = set_flag(fs_fd, "volatile");
	if (r == 0 && args->selinux_label)
		r = set_string(fs_fd, "context", args->selinux_label);
	if (r == 0 && syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	return r;
}

/* 0, -EOPNOTSUPP with err set, -E2BIG where only the classic way may hold so many layers, ... */
static int mount_by_fd(const struct driver_mount_args *args, const struct upper *upper, int *ret_fd,
		       struct err *err)
{
	auto_close int fs_fd = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	char words[256] = "";
	long fd = -1;
	int r = 0;

	if (fs_fd < 0)
		return refused(-errno, "", err);
	r = configure(fs_fd, args, upper);
	if (r < 0) {
		last_words(fs_fd, words, sizeof(words));
		return strstr(words, "lowerdir+") ? -E2BIG : refused(r, words, err);
	}
	fd = syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, args->read_only ? MOUNT_ATTR_RDONLY : 0);
	if (fd < 0)
		return refused(-errno, "", err);
	*ret_fd = (int)fd;
	return 0;
}

int overlay_mount_classic(const struct driver_mount_args *args, int *ret_fd, struct err *err)
{
	struct upper upper auto_done(upper) = { -1, -1 };
	struct buf options auto_done(buf) = BUF_INIT;
	auto_close int place_fd = -1;
	long fd = -1;
	int r = open_upper(args, &upper, err);

	/* Any folder will do as mount point: the mount namespace is ours alone. */
	if (r == 0)
		r = storage_folder(args->storage, "tmp", &place_fd, err);
	if (r < 0)
		return r;
	(void)buf_addf(&options, "userxattr,lowerdir=");
	lower_list(args, &options);
	if (upper.upper_fd >= 0)
		(void)buf_addf(&options, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s",
			       upper.upper_fd, upper.work_fd, args->is_volatile ? ",volatile" : "");
	if (args->selinux_label)
		(void)buf_addf(&options, ",context=\"%s\"", args->selinux_label);
	if (options.size >= 4096) /* mount(2): one page */
		return err_say(
			err, ERR_UNSUPPORTED,
			"%zu layers are too many for this kernel: Linux 6.7 or newer takes them",
			args->lower_count);
	if (mount("overlay", FD_PATH(place_fd), "overlay", args->read_only ? CLASSIC_RDONLY : 0,
		  options.data) < 0)
		return refused(-errno, "", err);
	/* The mount covers the folder only for who walks there anew, not for place_fd. */
	fd_close(&place_fd);
	r = storage_folder(args->storage, "tmp", &place_fd, err);
	fd = r < 0 ? -1
		   : syscall(SYS_open_tree, place_fd, "",
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (fd < 0 && r == 0)
		r = err_set(err, -errno, "cannot take the overlay mount");
	if (umount2(FD_PATH(place_fd), CLASSIC_DETACH) < 0 && r == 0)
		r = err_set(err, -errno, "cannot detach the overlay mount");
	if (r == 0)
		*ret_fd = (int)fd;
	return r;
}

/*
 * A volatile overlay leaves a mark that forbids the next mount. It guards against what a crash of
 * the machine may have lost; a container that is started again was at worst killed, and its files
 * are all there.
 */
static bool forget_volatile(const struct driver_mount_args *args)
{
	return args->rootfs_fd >= 0 &&
	       faccessat(args->rootfs_fd, "work/work/incompat/volatile", F_OK,
			 AT_SYMLINK_NOFOLLOW) == 0 &&
	       file_remove_tree(args->rootfs_fd, "work/work/incompat") == 0;
}

static int overlay_mount(const struct driver_mount_args *args, int *ret_fd, struct err *err)
{
	struct upper upper auto_done(upper) = { -1, -1 };
	int r = open_upper(args, &upper, err);

	if (r < 0)
		return r;
	/* One layer alone is no overlay (the kernel wants two): it is its folder. */
	if (args->rootfs_fd < 0 && args->lower_count == 1) {
		struct driver_mount_args alone = *args;

		return driver_copy.mount(&alone, ret_fd, err);
	}
	r = mount_by_fd(args, &upper, ret_fd, err);
	if (r == -EOPNOTSUPP && forget_volatile(args))
		r = mount_by_fd(args, &upper, ret_fd, err);
	return r == -E2BIG ? overlay_mount_classic(args, ret_fd, err) : r;
}

static int overlay_create(const struct driver_mount_args *args, struct err *err)
{
	auto_close int upper_fd = -1;
	struct storage_idmap map;
	uid_t uid = 0;
	gid_t gid = 0;

	if (mkdirat(args->rootfs_fd, "upper", 0755) < 0 ||
	    mkdirat(args->rootfs_fd, "work", 0700) < 0)
		return err_set(err, -errno, "cannot make the container's upper folder");
	upper_fd =
		openat(args->rootfs_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (upper_fd < 0)
		return err_set(err, -errno, "cannot open the container's upper folder");
	/* Overlay writes to work/ as the root that mounts it, who may be another than us. */
	if (made_of_idmap(args->made, &map) &&
	    idmap_outside(map.uids, map.uid_count, 0, &uid) == 0 &&
	    idmap_outside(map.gids, map.gid_count, 0, &gid) == 0 &&
	    fchownat(args->rootfs_fd, "work", uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, -errno, "cannot set the owner of the container's work folder");
	return storage_root_attributes(args, upper_fd, err);
}

/* ---- The probe ---- */

/* What images need of it: a lower file is seen, deleted by a 0/0 device, a folder replaced whole.
 */
static int try_changes(int mount_fd, int upper_fd, struct err *err)
{
	auto_close int folder_fd = -1;
	struct stat st;
	char mark = 0;

	if (unlinkat(mount_fd, "file", 0) < 0 ||
	    fstatat(upper_fd, "file", &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_whiteout(&st))
		return err_say(err, ERR_UNSUPPORTED, "deleting a file of a layer fails here: %s",
			       strerror(errno));
	if (unlinkat(mount_fd, "folder", AT_REMOVEDIR) < 0 || mkdirat(mount_fd, "folder", 0755) < 0)
		return err_say(err, ERR_UNSUPPORTED, "replacing a folder of a layer fails here: %s",
			       strerror(errno));
	folder_fd = openat(upper_fd, "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || fgetxattr(folder_fd, STORAGE_OPAQUE_XATTR, &mark, 1) != 1 ||
	    mark != 'y')
		return err_say(err, ERR_UNSUPPORTED,
			       "the file system keeps no user.* attributes, which overlay needs");
	return 0;
}

int overlay_try(const struct driver *driver, const struct storage *s, const struct scratch *scratch,
		struct err *err)
{
	static const char *const folders[] = { "lower", "upper", "work", "lower/folder" };
	auto_close int lower_fd = -1;
	auto_close int upper_fd = -1;
	auto_close int mount_fd = -1;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(scratch->fd, folders[i], 0755) < 0)
			return err_set(err, -errno, "cannot make a folder to try overlay in");
	if (mknodat(scratch->fd, "lower/file", S_IFREG | 0644, 0) < 0)
		return err_set(err, -errno, "cannot make a file to try overlay with");
	lower_fd = openat(scratch->fd, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
	upper_fd = openat(scratch->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lower_fd < 0 || upper_fd < 0)
		return err_set(err, -errno, "cannot open a folder to try overlay in");
	r = driver->mount(&(struct driver_mount_args){ .storage = s,
						       .rootfs_fd = scratch->fd,
						       .lower_fds = &lower_fd,
						       .lower_count = 1 },
			  &mount_fd, err);
	return r < 0 ? r : try_changes(mount_fd, upper_fd, err);
}

const struct driver driver_overlay = { .create = overlay_create, .mount = overlay_mount };
