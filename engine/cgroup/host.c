/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host allows: see cgroup_host_probe() in cgroup.h. Runs in commands, before a container
 * is made: a handful of system calls, nothing is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup-internal.h"

#define TOP "/sys/fs/cgroup"

const char *cgroup_manager_name(enum cgroup_manager manager)
{
	switch (manager) {
	case CGROUP_MANAGER_NONE:
		return "";
	case CGROUP_MANAGER_CGROUPFS:
		return "cgroupfs";
	case CGROUP_MANAGER_SYSTEMD:
		return "systemd";
	}
	return "";
}

char *cgroup_controllers_text(unsigned int controllers)
{
	struct strv names auto_done(strv) = STRV_INIT;

	for (unsigned int i = 0; i < CGROUP_KINDS; i++)
		if (controllers & (1U << i))
			strv_add(&names, cgroup_kind_name(i, false));
	return strv_join(&names, ",");
}

static bool is_mounted(const char *path, long magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == magic;
}

int cgroup_find_mount(char *ret_path, size_t size, enum cgroup_layout *ret_layout)
{
	auto_free char *text = NULL;
	enum cgroup_layout layout = CGROUP_LAYOUT_NONE;
	const char *path = NULL;
	int r = 0;

	ret_path[0] = '\0';
	if (is_mounted(TOP, CGROUP2_SUPER_MAGIC)) {
		layout = CGROUP_LAYOUT_V2;
		path = TOP;
	} else if (is_mounted(TOP "/unified", CGROUP2_SUPER_MAGIC)) {
		layout = CGROUP_LAYOUT_HYBRID;
		path = TOP "/unified";
	} else if (is_mounted(TOP, TMPFS_MAGIC)) {
		layout = CGROUP_LAYOUT_V1;
	}
	if (ret_layout)
		*ret_layout = layout;
	if (path)
		return (size_t)snprintf(ret_path, size, "%s", path) < size ? 0 : -ENAMETOOLONG;
	/* Somewhere else, perhaps. */
	r = file_read_at(AT_FDCWD, "/proc/self/mountinfo", 4 << 20, &text, NULL);
	if (r == 0)
		r = cgroup_parse_mountinfo(text, ret_path, size);
	if (r == 0 && ret_layout)
		*ret_layout =
			layout == CGROUP_LAYOUT_NONE ? CGROUP_LAYOUT_V2 : CGROUP_LAYOUT_HYBRID;
	return r;
}

int cgroup_open_path(const char *mount, const char *path)
{
	auto_close int top = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return -errno;
	while (*path == '/')
		path++;
	return *path == '\0' ? fd_take(&top)
			     : path_open_beneath(top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

unsigned int cgroup_outer_uid(void)
{
	auto_free char *text = NULL;
	unsigned int uid = (unsigned int)getuid();
	unsigned int inside = 0;
	unsigned int outside = 0;
	unsigned int count = 0;
	const char *line = NULL;

	if (file_read_at(AT_FDCWD, "/proc/self/uid_map", 65536, &text, NULL) < 0)
		return uid;
	for (line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && uid >= inside &&
		    uid - inside < count)
			return outside + (uid - inside);
	return uid;
}

/* May we make groups in this folder and move processes in from beside it? */
static bool may_use(int fd)
{
	return fd >= 0 && faccessat(fd, ".", W_OK, AT_EACCESS) == 0 &&
	       faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

static unsigned int controllers_in(int fd, const char *file)
{
	auto_free char *text = NULL;

	return file_read_at(fd, file, 4096, &text, NULL) < 0 ? 0 : cgroup_parse_controllers(text);
}

/*
 * The folder for groups of our own without systemd: our own group's parent where that is ours (a
 * folder that was delegated, with us in a leaf of it), else our own group.
 */
static void find_base(struct cgroup_host *host)
{
	auto_close int own = cgroup_open_path(host->mount, host->own);
	auto_close int parent = -1;
	char path[CGROUP_PATH_MAX];
	char *slash = NULL;

	if (own < 0)
		return;
	(void)snprintf(path, sizeof(path), "%s", host->own);
	slash = strrchr(path, '/');
	if (path[1] != '\0' && slash) {
		slash[slash == path] = '\0';
		parent = cgroup_open_path(host->mount, path);
		if (may_use(parent)) {
			(void)snprintf(host->base, sizeof(host->base), "%s", path);
			host->v2 = controllers_in(parent, "cgroup.controllers");
			return;
		}
	}
	if (!may_use(own))
		return;
	(void)snprintf(host->base, sizeof(host->base), "%s", host->own);
	/* We stand in it: its controllers cannot be enabled now, but may be already. The root of
	 * the hierarchy is the exception (cgroup-v2.rst, "No Internal Process Constraint"). */
	host->v2 =
		controllers_in(own, host->own[1] ? "cgroup.subtree_control" : "cgroup.controllers");
}

/* A running systemd that we may ask: the machine's for root, the user's else. */
static bool systemd_serves(bool rootless)
{
	char path[64];

	if (access("/run/systemd/system", F_OK) < 0)
		return false;
	if (!rootless)
		return access("/run/systemd/private", W_OK) == 0 ||
		       access("/run/dbus/system_bus_socket", W_OK) == 0;
	(void)snprintf(path, sizeof(path), "/run/user/%u/systemd/private", cgroup_outer_uid());
	if (access(path, W_OK) == 0)
		return true;
	(void)snprintf(path, sizeof(path), "/run/user/%u/bus", cgroup_outer_uid());
	return access(path, W_OK) == 0;
}

static unsigned int systemd_controllers(const struct cgroup_host *host, bool rootless)
{
	auto_close int fd = -1;
	char path[128] = "/";
	unsigned int uid = cgroup_outer_uid();

	if (rootless)
		(void)snprintf(path, sizeof(path), "/user.slice/user-%u.slice/user@%u.service", uid,
			       uid);
	fd = cgroup_open_path(host->mount, path);
	return fd < 0 ? 0 : controllers_in(fd, "cgroup.controllers");
}

/* v1 hierarchies in which we may make groups below our own. */
static unsigned int writable_v1(const char *text)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < CGROUP_KINDS; i++) {
		const char *name = cgroup_kind_name(i, true);
		char own[CGROUP_PATH_MAX];
		char mount[64];
		auto_close int fd = -1;

		if (cgroup_parse_own_v1(text, name, own) < 0)
			continue;
		(void)snprintf(mount, sizeof(mount), TOP "/%s", name);
		fd = cgroup_open_path(mount, own);
		if (may_use(fd))
			found |= 1U << i;
	}
	return found;
}

static void explain(struct cgroup_host *host, bool rootless)
{
	const char *why = "";

	if (host->layout == CGROUP_LAYOUT_NONE)
		why = "no cgroup file system is mounted";
	else if (host->layout != CGROUP_LAYOUT_V2 && rootless)
		why = "this host has cgroup v1, where an unprivileged user cannot set limits";
	else if (host->layout != CGROUP_LAYOUT_V2 && host->v1 == 0)
		why = "the cgroup v1 hierarchies cannot be written";
	else if (host->manager == CGROUP_MANAGER_NONE)
		why = "no cgroup v2 folder is delegated to this user";
	else if (host->v2 == 0 && host->v1 == 0)
		why = "no cgroup controller is delegated here";
	(void)snprintf(host->reason, sizeof(host->reason), "%s", why);
}

int cgroup_host_probe(bool rootless, struct cgroup_host *ret_host)
{
	struct cgroup_host host = { 0 };
	auto_free char *text = NULL;
	int r = cgroup_find_mount(host.mount, sizeof(host.mount), &host.layout);

	if (r < 0)
		host.mount[0] = '\0';
	r = file_read_at(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (host.mount[0] && cgroup_parse_own(text, host.own) == 0)
		find_base(&host);
	/* v1 cannot be delegated safely (cgroups(7)), so nobody does it: not worth 40 calls. */
	if (host.layout != CGROUP_LAYOUT_V2 && !rootless)
		host.v1 = writable_v1(text);
	if (host.base[0])
		host.manager = CGROUP_MANAGER_CGROUPFS;
	if (host.layout == CGROUP_LAYOUT_V2 && systemd_serves(rootless)) {
		host.manager = CGROUP_MANAGER_SYSTEMD;
		host.v2 = systemd_controllers(&host, rootless);
	}
	if (host.manager == CGROUP_MANAGER_NONE && host.v1)
		host.manager = CGROUP_MANAGER_CGROUPFS;
	explain(&host, rootless);
	*ret_host = host;
	return 0;
}
