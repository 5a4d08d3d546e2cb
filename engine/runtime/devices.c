/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev of a container: the default devices (config-linux.md, "Default Devices"), linux.devices
 * and the usual links. Runs in the child after the mounts. In a user namespace no device can be
 * made (mknod(2), EPERM): the caller's own is bound in its place, after a look whether it is
 * the device that it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"

struct device {
	const char *path;
	char type;
	int64_t major;
	int64_t minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool exact; /* mode and owner were given: they are set on a node that we make */
};

static const struct device defaults[] = {
	{ "/dev/null", 'c', 1, 3, 0666, 0, 0, false },
	{ "/dev/zero", 'c', 1, 5, 0666, 0, 0, false },
	{ "/dev/full", 'c', 1, 7, 0666, 0, 0, false },
	{ "/dev/random", 'c', 1, 8, 0666, 0, 0, false },
	{ "/dev/urandom", 'c', 1, 9, 0666, 0, 0, false },
	{ "/dev/tty", 'c', 5, 0, 0666, 0, 0, false },
};

static const struct {
	const char *name;
	const char *target;
	const char *only_if; /* a path in the container; NULL: always */
} links[] = {
	{ "fd", "/proc/self/fd", NULL },	 { "stdin", "/proc/self/fd/0", NULL },
	{ "stdout", "/proc/self/fd/1", NULL },	 { "stderr", "/proc/self/fd/2", NULL },
	{ "ptmx", "pts/ptmx", "/dev/pts/ptmx" }, { "core", "/proc/kcore", NULL },
};

static mode_t type_bits(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

static bool is_device(const struct stat *st, char type, int64_t major, int64_t minor)
{
	return (st->st_mode & S_IFMT) == type_bits(type) &&
	       (type == 'p' || st->st_rdev == makedev((unsigned int)major, (unsigned int)minor));
}

/* The look comes after the clone: what was looked at is what is bound, whatever the path is by
 * then. */
int device_open_checked(const char *path, char type, int64_t major, int64_t minor, int *ret_fd)
{
	auto_close int fd = -1;
	struct stat st;
	int r = mount_clone(AT_FDCWD, path, false, true, &fd);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_device(&st, type, major, minor))
		return -ENODEV;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* 0, -EEXIST where something else is there, -EPERM where nodes cannot be made. */
static int make_node(int dir_fd, const char *name, const struct device *device)
{
	mode_t mode = type_bits(device->type) | (device->mode & 07777);
	dev_t number = device->type == 'p'
			       ? 0
			       : makedev((unsigned int)device->major, (unsigned int)device->minor);
	struct stat st;

	if (mknodat(dir_fd, name, mode, number) < 0) {
		if (errno != EEXIST)
			return -errno;
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		return is_device(&st, device->type, device->major, device->minor) ? 0 : -EEXIST;
	}
	if (!device->exact)
		return 0;
	if (fchownat(dir_fd, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return fchmodat(dir_fd, name, device->mode & 07777, 0) < 0 ? -errno : 0;
}

static int bind_node(int dir_fd, const char *name, const struct device *device)
{
	auto_close int source = -1;
	auto_close int made = -1;
	int r = device_open_checked(device->path, device->type, device->major, device->minor,
				    &source);

	if (r < 0)
		return r;
	made = openat(dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (made < 0 && errno != EEXIST)
		return -errno;
	/* The name is one component, and a symlink there is not followed (move_mount(2)). */
	return move_mount(source, "", dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* can_make is set to false at the first EPERM: the next ones are bound without asking. */
static int make_device(const struct plan *plan, int dev_fd, const struct device *device,
		       bool *can_make, struct err *err)
{
	const char *name = str_after(device->path, "/dev/");
	auto_free char *parent = NULL;
	auto_close int folder = -1;
	int dir = dev_fd;
	int r = -EPERM;

	if (!name || dev_fd < 0 || strchr(name, '/')) {
		parent = xstrdup(device->path);
		name = path_name(device->path);
		*(strrchr(parent, '/')) = '\0';
		folder = path_mkdir_in_root(plan->root_fd, *parent ? parent : "/", 0755);
		if (folder < 0)
			return err_set(err, folder, "cannot make the folder of device %s",
				       device->path);
		dir = folder;
	}
	if (*can_make || device->type == 'p')
		r = make_node(dir, name, device);
	if (r == -EPERM) {
		*can_make = false;
		r = bind_node(dir, name, device);
	}
	if (r == -ENODEV)
		return err_say(err, ERR_FAILED, "%s of this host is not the device %c %lld:%lld",
			       device->path, device->type, (long long)device->major,
			       (long long)device->minor);
	return r < 0 ? err_set(err, r, "cannot make the device %s", device->path) : 0;
}

static bool is_given(const struct oci_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->linux_.devices.count; i++) {
		if (str_eq(spec->linux_.devices.v[i].path, path))
			return true;
	}
	return false;
}

/* A /dev bound from elsewhere is its owner's affair: nothing is made there. */
static bool dev_is_bound(const struct plan *plan)
{
	for (size_t i = 0; i < plan->mounts.count; i++) {
		if (plan->mounts.v[i].options.bind &&
		    (str_eq(plan->mounts.v[i].mount->destination, "/dev") ||
		     str_eq(plan->mounts.v[i].mount->destination, "/dev/")))
			return true;
	}
	return false;
}

static void make_links(const struct plan *plan, int dev_fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (links[i].only_if) {
			int there = path_open_in_root(plan->root_fd, links[i].only_if, O_PATH, 0);

			if (there < 0)
				continue;
			(void)close(there);
		}
		/* The image's own are left alone; a read-only /dev is no reason to fail. */
		if (symlinkat(links[i].target, dev_fd, links[i].name) == 0 || errno != EEXIST ||
		    !str_eq(links[i].name, "ptmx") || unlinkat(dev_fd, "ptmx", 0) < 0)
			continue;
		if (symlinkat(links[i].target, dev_fd, links[i].name) < 0)
			log_debug("cannot make /dev/ptmx: %s", strerror(errno));
	}
}

int devices_make(struct plan *plan, struct err *err)
{
	const struct oci_spec *spec = plan->spec;
	auto_close int dev_fd = -1;
	bool can_make = true;
	int r = 0;

	if (dev_is_bound(plan))
		return 0;
	dev_fd = path_mkdir_in_root(plan->root_fd, "/dev", 0755);
	if (dev_fd < 0)
		return err_set(err, dev_fd, "cannot make /dev");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(defaults); i++) {
		if (!is_given(spec, defaults[i].path))
			r = make_device(plan, dev_fd, &defaults[i], &can_make, err);
	}
	for (size_t i = 0; r == 0 && i < spec->linux_.devices.count; i++) {
		const struct oci_device *d = &spec->linux_.devices.v[i];
		struct device device = {
			.path = d->path,
			.type = d->type == 'u' ? 'c' : d->type,
			.major = d->major,
			.minor = d->minor,
			.mode = d->file_mode.has ? (mode_t)d->file_mode.value : 0666,
			.uid = (uid_t)d->uid.value,
			.gid = (gid_t)d->gid.value,
			.exact = true,
		};

		r = make_device(plan, dev_fd, &device, &can_make, err);
	}
	if (r == 0)
		make_links(plan, dev_fd);
	return r;
}
