/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup mount of a container on hosts with cgroup v2, v1, both or none: runs in the child
 * after it has entered its cgroup and, where it has one, its cgroup namespace. A container
 * without a view of cgroups is fine; one that sees the host's own writable is not.
 */
#include "engine/runtime/mount-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/log.h"
#include "engine/runtime/plan-internal.h"

#define CGROUP_FILE_MAX (64U << 10)
#define SAFE_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* The host's own tree, read-only unless a cgroup namespace hides all but the container's part. */
static int bind_host(const struct mount_plan *mount, int target, struct err *err)
{
	auto_close int fd = -1;
	int r = mount_clone(AT_FDCWD, "/sys/fs/cgroup", true, true, &fd);

	if (r == 0)
		r = mount_change(fd, SAFE_ATTRS | MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, true);
	if (r == 0)
		r = mount_attach(fd, target);
	if (r < 0)
		return err_set(err, r, "cannot mount %s (cgroup)", mount->mount->destination);
	return 0;
}

static int mount_v2(struct plan *plan, const struct mount_plan *mount, int target, struct err *err)
{
	struct fs_args args = { .type = "cgroup2",
				.source = "cgroup2",
				.attrs = mount->options.set };
	auto_close int fd = -1;
	int r = mount_fs_open(&args, &fd);

	(void)plan;
	/* EPERM: the cgroup namespace is the caller's; EBUSY: the kernel has all of it on v1. */
	if (r == -EPERM || r == -EBUSY || r == -EACCES)
		return bind_host(mount, target, err);
	if (r == 0)
		r = mount_attach(fd, target);
	return r < 0 ? err_set(err, r, "cannot mount %s (cgroup2)", mount->mount->destination) : 0;
}

/* One v1 hierarchy, "cpu,cpuacct" or "name=systemd", as a folder of the tmpfs at dir_fd. */
static int mount_v1_one(const struct mount_plan *mount, int dir_fd, const char *controllers)
{
	auto_done(strv) struct strv flags = STRV_INIT;
	auto_close int target = -1;
	auto_close int fd = -1;
	const char *name = str_or(str_after(controllers, "name="), controllers);
	struct fs_args args = { .type = "cgroup",
				.source = "cgroup",
				.attrs = mount->options.set | SAFE_ATTRS };
	int r = 0;

	if (mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	target = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return -errno;
	strv_split(&flags, controllers, ',');
	args.data = (const char *const *)flags.v;
	args.data_count = flags.count;
	r = mount_fs_open(&args, &fd);
	if (r == 0)
		r = mount_attach(fd, target);
	if (r < 0)
		return r;
	for (size_t i = 0; i < flags.count && flags.count > 1; i++) {
		if (symlinkat(name, dir_fd, flags.v[i]) < 0)
			log_debug("no link %s to %s", flags.v[i], name); /* a comfort only */
	}
	return 0;
}

/* Every hierarchy of /proc/self/cgroup: "4:cpu,cpuacct:/path", "0::/path" for cgroup2. */
static int mount_v1_all(const struct plan *plan, const struct mount_plan *mount, int dir_fd)
{
	auto_free char *text = NULL;
	size_t size = 0;
	char *rest = NULL;
	int r = file_read_at(plan->process.proc_fd, "self/cgroup", CGROUP_FILE_MAX, &text, &size);

	if (r < 0)
		return r;
	rest = text;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		char *colon = strchr(line, ':');
		char *controllers = colon ? colon + 1 : NULL;
		char *end = controllers ? strchr(controllers, ':') : NULL;

		if (!end || end == controllers)
			continue;
		*end = '\0';
		r = mount_v1_one(mount, dir_fd, controllers);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mount_v1(struct plan *plan, const struct mount_plan *mount, int target, struct err *err)
{
	static const char *const data[] = { "mode=755" };
	struct fs_args args = { .type = "tmpfs",
				.source = "tmpfs",
				.data = data,
				.data_count = 1,
				.label = plan->spec->linux_.mount_label,
				.attrs = SAFE_ATTRS };
	auto_close int fd = -1;
	auto_close int folder = -1;
	int r = 0;

	/* Without a cgroup namespace the paths inside would be the host's: show them as they are.
	 */
	if (!plan->spec->linux_.namespaces[OCI_NS_CGROUP].present)
		return bind_host(mount, target, err);
	r = mount_fs_open(&args, &fd);
	if (r == 0)
		r = mount_attach(fd, target);
	if (r == 0)
		r = mount_v1_all(plan, mount, fd);
	if (r == -EPERM || r == -EBUSY || r == -EACCES || r == -ENODEV || r == -ENOENT) {
		folder = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return folder < 0 ? 0 : bind_host(mount, folder, err);
	}
	if (r == 0 && (mount->options.set & MOUNT_ATTR_RDONLY))
		r = mount_change(fd, MOUNT_ATTR_RDONLY, 0, 0, false);
	return r < 0 ? err_set(err, r, "cannot mount %s (cgroup)", mount->mount->destination) : 0;
}

int mount_cgroup(struct plan *plan, const struct mount_plan *mount, struct err *err)
{
	auto_close int target = -1;
	struct statfs fs;
	int r = mount_target(plan, mount, true, &target, err);

	if (r < 0)
		return r;
	if (statfs("/sys/fs/cgroup", &fs) < 0) {
		log_debug("no cgroup file system on this host: %s stays empty",
			  mount->mount->destination);
		return 0;
	}
	if (fs.f_type == CGROUP2_SUPER_MAGIC)
		return mount_v2(plan, mount, target, err);
	if (fs.f_type == TMPFS_MAGIC)
		return mount_v1(plan, mount, target, err);
	log_debug("no cgroups are mounted on this host: %s stays empty", mount->mount->destination);
	return 0;
}
