/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building the container's tree of mounts by descriptors (fsopen(2), open_tree(2),
 * mount_setattr(2), move_mount(2)). All runs in the container's first process, in its own
 * mount namespace, as root of its user namespace, before pivot_root and before any process of
 * the container exists. Targets are resolved beneath the root's descriptor by the kernel, so a
 * symlink of the image, or one swapped in meanwhile through a shared volume, can only lead
 * elsewhere inside the root (CVE-2021-30465).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct mount_options;
struct mount_plan;
struct oci_spec;
struct plan;

/* Opens a new file system: an unattached mount. data is name=value or a flag, attrs MOUNT_ATTR_*.
 */
struct fs_args {
	const char *type;
	const char *source; /* NULL: the type's name */
	const char *const *data;
	size_t data_count;
	const char *label; /* SELinux mount label; NULL: none */
	uint64_t attrs;
};
int mount_fs_open(const struct fs_args *args, int *ret_fd);

/* An unattached clone of what is mounted at path (beneath dir_fd), with all below it if all. */
int mount_clone(int dir_fd, const char *path, bool all, bool follow, int *ret_fd);

/* Attaches mount_fd on target_fd (O_PATH). 0 or a negative errno. */
int mount_attach(int mount_fd, int target_fd);

/* mount_setattr(2) on an unattached or attached mount. 0 or a negative errno. */
int mount_change(int mount_fd, uint64_t set, uint64_t clear, uint64_t propagation, bool all);

/* All mounts of the spec in order, cgroup mounts last; see mount.c. */
int mount_all(struct plan *plan, struct err *err);
/* The cgroup mounts, after the child has entered its cgroup. */
int mount_cgroups(struct plan *plan, struct err *err);
/* One of them, mount-cgroup.c. */
int mount_cgroup(struct plan *plan, const struct mount_plan *mount, struct err *err);

/* In the caller, where it may: clones of bind sources that the child could not reach. */
int mount_prepare(struct plan *plan, struct err *err);

/* Opens a mount's target beneath the root, making it a folder or an empty file as needed. */
int mount_target(const struct plan *plan, const struct mount_plan *mount, bool folder, int *ret_fd,
		 struct err *err);
/* Attributes and propagation of an unattached mount. */
int mount_apply_options(int mount_fd, const struct mount_plan *mount, bool bind, struct err *err);

/* mount-idmap.c: in the caller, on the clone that mount_prepare() made. */
bool mount_wants_idmap(const struct mount_plan *mount);
int mount_idmap(const struct plan *plan, const struct mount_plan *mount, struct err *err);

/* copy-up.c: copies the tree at from_fd into the folder to_fd: names, data, modes, owners, xattrs.
 */
int copy_up(int from_fd, int to_fd);

/* rootfs.c */
int rootfs_attach(struct plan *plan, struct err *err);
int rootfs_enter(struct plan *plan, struct err *err);

/* devices.c: default devices, linux.devices and the links of /dev. */
int devices_make(struct plan *plan, struct err *err);
/* Opens a device of the caller's own /dev and checks type and number: "/dev/null" must be it. */
int device_open_checked(const char *path, char type, int64_t major, int64_t minor, int *ret_fd);

/* masks.c: maskedPaths and readonlyPaths. */
int masks_apply(struct plan *plan, struct err *err);

/* terminal.c: makes the terminal in the container's devpts; /dev/console too for the first. */
int terminal_make(int root_fd, bool console, int *ret_master, int *ret_slave, struct err *err);
int terminal_resize(int fd, uint16_t height, uint16_t width);

/* sysctl.c */
int sysctl_validate(const struct oci_spec *spec, struct err *err);
int sysctl_apply(const struct plan *plan, struct err *err);
