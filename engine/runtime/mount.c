/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of the spec, one by one: see mount-internal.h. */
#include "engine/runtime/mount-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/runtime/plan-internal.h"

/* fsconfig(2) takes values of at most 255 bytes; longer ones go through mount(2). */
#define FSCONFIG_VALUE_MAX 255

/* Bits that a failed change may leave as they are: the kernel locks what the host set. */
#define LOCKABLE (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int mount_clone(int dir_fd, const char *path, bool all, bool follow, int *ret_fd)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	int fd = -1;

	if (all)
		flags |= AT_RECURSIVE;
	if (!follow)
		flags |= AT_SYMLINK_NOFOLLOW;
	fd = open_tree(dir_fd, path, flags);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int mount_attach(int mount_fd, int target_fd)
{
	return move_mount(mount_fd, "", target_fd, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

int mount_change(int mount_fd, uint64_t set, uint64_t clear, uint64_t propagation, bool all)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (all ? AT_RECURSIVE : 0), &attr,
			     sizeof(attr)) < 0
		       ? -errno
		       : 0;
}

static int fs_set(int fs, const char *name, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, name, value, 0) < 0 ? -errno : 0;
}

/* One "name=value" or "flag". */
static int fs_set_data(int fs, const char *text)
{
	char name[64];
	const char *equals = strchr(text, '=');

	if (!equals)
		return fsconfig(fs, FSCONFIG_SET_FLAG, text, NULL, 0) < 0 ? -errno : 0;
	if ((size_t)(equals - text) >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = '\0';
	return fs_set(fs, name, equals + 1);
}

int mount_fs_open(const struct fs_args *args, int *ret_fd)
{
	auto_close int fs = fsopen(args->type, FSOPEN_CLOEXEC);
	int fd = -1;
	int r = 0;

	if (fs < 0)
		return -errno;
	if (args->source)
		r = fs_set(fs, "source", args->source);
	for (size_t i = 0; r == 0 && i < args->data_count; i++)
		r = fs_set_data(fs, args->data[i]);
	if (r == 0 && !str_empty(args->label))
		r = fs_set(fs, "context", args->label);
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)args->attrs);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static const char *mount_type(const struct mount_plan *mount)
{
	const char *type = mount->mount->type;

	if (mount->options.bind || str_empty(type))
		return "bind";
	return type;
}

static bool is_cgroup(const struct mount_plan *mount)
{
	return str_eq(mount_type(mount), "cgroup") || str_eq(mount_type(mount), "cgroup2");
}

int mount_target(const struct plan *plan, const struct mount_plan *mount, bool folder, int *ret_fd,
		 struct err *err)
{
	const char *destination = mount->mount->destination;
	int flags = O_PATH | (mount->options.target_nofollow ? O_NOFOLLOW : 0);
	int fd = path_open_in_root(plan->root_fd, destination, flags, 0);

	if (fd == -ENOENT && folder)
		fd = path_mkdir_in_root(plan->root_fd, destination, 0755);
	else if (fd == -ENOENT)
		fd = path_touch_in_root(plan->root_fd, destination, 0755, 0644);
	if (fd < 0)
		return err_set(err, fd, "cannot make the mount point %s", destination);
	*ret_fd = fd;
	return 0;
}

/*
 * In two calls at most: the options for the tree, then those for the top alone. Where the
 * kernel says that a flag is locked (a host's nosuid, seen from a less privileged mount
 * namespace), asking for less restriction is dropped: what the host forbids stays forbidden.
 */
static int change_or_keep(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool all)
{
	int r = 0;

	if (!set && !clear && !propagation)
		return 0;
	r = mount_change(fd, set, clear, propagation, all);
	if (r != -EPERM)
		return r;
	log_debug("mount flags are locked, keeping the host's");
	if (set & MOUNT_ATTR__ATIME || clear & MOUNT_ATTR__ATIME) {
		set &= ~(uint64_t)MOUNT_ATTR__ATIME;
		clear &= ~(uint64_t)MOUNT_ATTR__ATIME;
	}
	return mount_change(fd, set, clear & ~(uint64_t)LOCKABLE, propagation, all);
}

int mount_apply_options(int mount_fd, const struct mount_plan *mount, bool bind, struct err *err)
{
	const struct mount_options *o = &mount->options;
	/* A new file system is private and has its attributes; a clone is in its source's group. */
	uint64_t propagation = o->propagation ? o->propagation : bind ? MS_PRIVATE : 0;
	bool all = o->propagation ? o->propagation_all : true;
	int r = 0;

	if (bind && o->propagation == MS_SHARED) /* out of the caller's group first */
		r = mount_change(mount_fd, 0, 0, MS_SLAVE, all);
	if (r == 0 && all)
		r = change_or_keep(mount_fd, o->set_all, o->clear_all, propagation, true);
	else if (r == 0)
		r = change_or_keep(mount_fd, o->set_all, o->clear_all, 0, true);
	if (r == 0)
		r = change_or_keep(mount_fd, bind ? o->set : 0, bind ? o->clear : 0,
				   all ? 0 : propagation, false);
	if (r < 0)
		return err_set(err, r, "cannot set the mount options of %s",
			       mount->mount->destination);
	return 0;
}

static int refuse_data(const struct mount_plan *mount, struct err *err)
{
	return err_say(err, ERR_USAGE, "mount %s: option %s is not known for a bind mount",
		       mount->mount->destination, mount->options.data[0]);
}

/*
 * Relative sources are beneath the bundle (config.md, "Mounts"). A descriptor given in memory is
 * a folder or file of the caller's, or a mount that is not attached anywhere: that one is taken
 * as it is, since only newer kernels (6.15) can clone it.
 */
static int source_clone(const struct plan *plan, const struct mount_plan *mount, int *ret_fd)
{
	const struct oci_mount *m = mount->mount;
	auto_free char *path = NULL;
	int r = 0;

	if (m->source_fd > 0) {
		r = mount_clone(m->source_fd, "", mount->options.bind_all, true, ret_fd);
		if (r != -EINVAL)
			return r;
		*ret_fd = fcntl(m->source_fd, F_DUPFD_CLOEXEC, 3);
		return *ret_fd < 0 ? -errno : 0;
	}
	path = path_join(str_or(plan->args->bundle, ""), m->source);
	return mount_clone(AT_FDCWD, path, mount->options.bind_all, !mount->options.source_nofollow,
			   ret_fd);
}

static int prepare_bind(const struct plan *plan, struct mount_plan *mount, struct err *err)
{
	bool idmap = mount_wants_idmap(mount);
	int r = 0;

	if (mount->options.data_count > 0)
		return refuse_data(mount, err);
	if (!mount->mount->source && mount->mount->source_fd <= 0)
		return err_say(err, ERR_USAGE, "mount %s: a bind mount without a source",
			       mount->mount->destination);
	/* A descriptor of our mount namespace can be cloned here only. */
	if (mount->mount->source_fd <= 0 && !idmap &&
	    (!plan->new_user || mount->options.copy_symlink))
		return 0;
	r = source_clone(plan, mount, &mount->source_fd);
	if (r < 0 && (idmap || (r != -EPERM && r != -EINVAL)))
		return err_set(err, r, "cannot open the mount source %s",
			       str_or(mount->mount->source, mount->mount->destination));
	return idmap ? mount_idmap(plan, mount, err) : 0;
}

/*
 * In the caller. A container with a user namespace of its own runs its first process under
 * other ids: a source below the caller's home may be closed to them, so the caller, who may
 * go there, clones it now. Where it may not clone (it is not root of its mount namespace) the
 * child tries.
 */
int mount_prepare(struct plan *plan, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->spec->mounts.count; i++) {
		struct mount_plan *mount = OCI_ADD(&plan->mounts);

		mount->mount = &plan->spec->mounts.v[i];
		mount->source_fd = -1;
		mount_options_parse(&mount->mount->options, &mount->options);
		if (str_eq(mount_type(mount), "bind") && !mount->options.remount)
			r = prepare_bind(plan, mount, err);
		else if (mount_wants_idmap(mount))
			r = err_say(err, ERR_USAGE, "mount %s: idmap is only for bind mounts",
				    mount->mount->destination);
	}
	return r;
}

/* crun's copy-symlink: a source that is a symlink is copied, not followed. Gives 1 when done. */
static int copy_symlink(const struct plan *plan, const struct mount_plan *mount, struct err *err)
{
	const char *destination = mount->mount->destination;
	auto_free char *parent_path = xstrdup(destination);
	auto_close int parent = -1;
	char target[4096];
	char *slash = NULL;
	ssize_t n = readlink(str_or(mount->mount->source, ""), target, sizeof(target) - 1);

	if (n < 0)
		return 0;
	target[n] = '\0';
	slash = strrchr(parent_path, '/');
	if (!slash)
		return err_say(err, ERR_USAGE, "mount %s: not an absolute path", destination);
	*slash = '\0';
	parent = path_mkdir_in_root(plan->root_fd, *parent_path ? parent_path : "/", 0755);
	if (parent < 0)
		return err_set(err, parent, "cannot make the folder of %s", destination);
	if (symlinkat(target, parent, path_name(destination)) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make the symlink %s", destination);
	return 1;
}

static int mount_bind(struct plan *plan, struct mount_plan *mount, struct err *err)
{
	auto_close int source = fd_take(&mount->source_fd);
	auto_close int target = -1;
	struct stat st;
	int r = 0;

	if (mount->options.copy_symlink) {
		r = copy_symlink(plan, mount, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (source < 0)
		r = source_clone(plan, mount, &source);
	if (r < 0)
		return err_set(err, r, "cannot open the mount source %s", mount->mount->source);
	if (fstat(source, &st) < 0)
		return err_set(err, -errno, "cannot look at the mount source %s",
			       mount->mount->source);
	r = mount_apply_options(source, mount, true, err);
	if (r == 0)
		r = mount_target(plan, mount, S_ISDIR(st.st_mode), &target, err);
	if (r < 0)
		return r;
	r = mount_attach(source, target);
	return r < 0 ? err_set(err, r, "cannot mount %s", mount->mount->destination) : 0;
}

static int mount_remount(struct plan *plan, const struct mount_plan *mount, struct err *err)
{
	auto_close int target =
		path_open_in_root(plan->root_fd, mount->mount->destination, O_PATH, 0);

	if (target < 0)
		return err_set(err, target, "cannot open the mount %s", mount->mount->destination);
	return mount_apply_options(target, mount, true, err);
}

/* What a type is replaced by where it cannot be mounted: the caller's own, as it is. */
static const char *fallback_of(const char *type)
{
	if (str_eq(type, "sysfs"))
		return "/sys";
	if (str_eq(type, "proc"))
		return "/proc";
	if (str_eq(type, "mqueue"))
		return "/dev/mqueue";
	return NULL;
}

/*
 * EPERM: sysfs belongs to the network namespace, mqueue to the ipc namespace, and a procfs that
 * shows more than the caller's is refused in a user namespace. The caller's own is bound then,
 * all that is below it too: the kernel allows no part of it to be uncovered.
 */
static int open_fallback(const struct mount_plan *mount, const char *path, int *ret_fd)
{
	uint64_t set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	auto_close int fd = -1;
	int r = mount_clone(AT_FDCWD, path, true, true, &fd);

	if (r < 0)
		return r;
	set |= mount->options.set & MOUNT_ATTR_RDONLY;
	r = mount_change(fd, set, 0, MS_PRIVATE, true);
	if (r == 0)
		*ret_fd = fd_take(&fd);
	return r;
}

/* The data without gid=: the group tty is not mapped in a namespace with one id. */
static size_t drop_gid(const struct mount_options *o, const char **ret_data)
{
	size_t n = 0;

	for (size_t i = 0; i < o->data_count; i++) {
		if (!str_starts(o->data[i], "gid="))
			ret_data[n++] = o->data[i];
	}
	return n;
}

/* A queue's folder that keeps its first label is there all the same, but not to be used. */
static void label_root(int mount_fd, const char *label)
{
	auto_close int fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsetxattr(fd, "security.selinux", label, strlen(label) + 1, 0);
}

static int open_fs(const struct plan *plan, const struct mount_plan *mount, int *ret_fd)
{
	const struct mount_options *o = &mount->options;
	const char *type = mount_type(mount);
	/* What SELinux takes context= for in a user namespace (selinux_set_mnt_opts()). */
	bool labelled = str_eq(type, "tmpfs") || str_eq(type, "devpts") || str_eq(type, "overlay");
	auto_free const char **less = NULL;
	struct fs_args args = {
		.type = type,
		.source = mount->mount->source,
		.data = o->data,
		.data_count = o->data_count,
		.label = labelled ? plan->spec->linux_.mount_label : NULL,
		.attrs = o->copy_up ? o->set & ~(uint64_t)MOUNT_ATTR_RDONLY : o->set,
	};
	int r = mount_fs_open(&args, ret_fd);

	if (r == -EINVAL && str_eq(type, "devpts")) {
		less = xcalloc(o->data_count + 1, sizeof(*less));
		args.data_count = drop_gid(o, less);
		args.data = less;
		r = mount_fs_open(&args, ret_fd);
	}
	if ((r == -EPERM || r == -EBUSY) && fallback_of(type))
		r = open_fallback(mount, fallback_of(type), ret_fd);
	if (r == 0 && str_eq(type, "mqueue") && !str_empty(plan->spec->linux_.mount_label))
		label_root(*ret_fd, plan->spec->linux_.mount_label);
	return r;
}

/* tmpcopyup: the tmpfs begins with what the image has at its place. */
static int fill_tmpfs(int mount_fd, int target_fd, const struct mount_plan *mount, struct err *err)
{
	struct stat st;
	int r = copy_up(target_fd, mount_fd);

	if (r == 0 && fstat(target_fd, &st) < 0)
		r = -errno;
	if (r == 0 && fchownat(mount_fd, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	if (r == 0 && fchmodat(mount_fd, ".", st.st_mode & 07777, 0) < 0)
		r = -errno;
	if (r == 0 && (mount->options.set & MOUNT_ATTR_RDONLY))
		r = mount_change(mount_fd, MOUNT_ATTR_RDONLY, 0, 0, false);
	return r < 0 ? err_set(err, r, "cannot copy up %s", mount->mount->destination) : 0;
}

/*
 * CVE-2019-16884, CVE-2023-27561: an image whose /proc is a symlink would have the masks of
 * /proc land elsewhere. These two go to real folders only.
 */
static int check_plain_target(const struct plan *plan, const struct mount_plan *mount,
			      struct err *err)
{
	const char *path = mount->mount->destination;
	auto_close int fd = -1;

	while (*path == '/')
		path++;
	fd = path_open_beneath(plan->root_fd, *path ? path : ".", O_PATH | O_DIRECTORY, 0);
	if (fd == -ELOOP || fd == -ENOTDIR || fd == -EXDEV)
		return err_say(err, ERR_USAGE, "mount %s: the target is not a plain folder",
			       mount->mount->destination);
	return 0;
}

static bool has_long_data(const struct mount_options *o)
{
	for (size_t i = 0; i < o->data_count; i++) {
		if (strlen(o->data[i]) > FSCONFIG_VALUE_MAX)
			return true;
	}
	return false;
}

/* Overlay's lists of folders outgrow fsconfig(2): the old call takes a page of options. */
static int mount_classic(const struct mount_plan *m, int target_fd, struct err *err)
{
	auto_done(strv) struct strv data = STRV_INIT;
	auto_free char *joined = NULL;
	auto_close int fd = -1;

	for (size_t i = 0; i < m->options.data_count; i++)
		strv_add(&data, m->options.data[i]);
	joined = strv_join(&data, ",");
	if (mount(str_or(m->mount->source, "none"), FD_PATH(target_fd), m->mount->type, 0, joined) <
	    0)
		return err_set(err, -errno, "cannot mount %s (%s)", m->mount->destination,
			       m->mount->type);
	fd = openat(target_fd, ".", O_PATH | O_CLOEXEC); /* what is now on top of it */
	return fd < 0 ? 0 : mount_apply_options(fd, m, true, err);
}

static int mount_new(struct plan *plan, struct mount_plan *mount, struct err *err)
{
	const char *type = mount_type(mount);
	auto_close int target = -1;
	auto_close int fd = -1;
	int r = 0;

	if (str_eq(type, "proc") || str_eq(type, "sysfs"))
		r = check_plain_target(plan, mount, err);
	if (r == 0)
		r = mount_target(plan, mount, true, &target, err);
	if (r < 0)
		return r;
	if (has_long_data(&mount->options))
		return mount_classic(mount, target, err);
	r = open_fs(plan, mount, &fd);
	if (r < 0)
		return err_set(err, r, "cannot mount %s (%s)", mount->mount->destination, type);
	if (mount->options.copy_up)
		r = fill_tmpfs(fd, target, mount, err);
	if (r == 0 && (mount->options.propagation || mount->options.set_all))
		r = mount_apply_options(fd, mount, false, err);
	if (r < 0)
		return r;
	r = mount_attach(fd, target);
	return r < 0 ? err_set(err, r, "cannot mount %s (%s)", mount->mount->destination, type) : 0;
}

int mount_all(struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->mounts.count; i++) {
		struct mount_plan *mount = &plan->mounts.v[i];
		int r = 0;

		if (is_cgroup(mount))
			continue;
		if (mount->options.remount)
			r = mount_remount(plan, mount, err);
		else if (str_eq(mount_type(mount), "bind"))
			r = mount_bind(plan, mount, err);
		else
			r = mount_new(plan, mount, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int mount_cgroups(struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->mounts.count; i++) {
		int r = is_cgroup(&plan->mounts.v[i]) ? mount_cgroup(plan, &plan->mounts.v[i], err)
						      : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
