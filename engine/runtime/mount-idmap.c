/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Id-mapped bind mounts (mount_setattr(2), MOUNT_ATTR_IDMAP; options idmap and ridmap, or maps
 * given with the mount). Runs in the caller before it clones: the kernel asks for
 * CAP_SYS_ADMIN in the user namespace of the file system, so this is for real root.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/runtime/clone-internal.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"
#include "userns/userns.h"

static int to_map(const struct oci_id_maps *own, const struct oci_id_maps *container,
		  struct idmap *ret_map)
{
	const struct oci_id_maps *maps = own->count ? own : container;
	int r = maps->count ? 0 : -EINVAL;

	ret_map->count = 0;
	for (size_t i = 0; r == 0 && i < maps->count; i++)
		r = idmap_add(ret_map, maps->v[i].container_id, maps->v[i].host_id,
			      maps->v[i].size);
	return r;
}

/* A user namespace that only carries the maps: made by a child that does nothing, and kept open. */
static int open_map_namespace(const struct idmap_set *maps, int proc_fd, int *ret_fd,
			      struct err *err)
{
	struct clone_args_internal args = { .flags = CLONE_NEWUSER, .cgroup_fd = -1 };
	auto_close int pidfd = -1;
	char path[32];
	pid_t pid = clone_process(&args, &pidfd);
	int fd = -1;
	int r = 0;

	if (pid == 0) {
		for (;;)
			(void)pause(); /* until it is killed */
	}
	if (pid < 0)
		return err_set(err, pid, "cannot make a user namespace");
	r = userns_write_maps(pid, maps, false, false, err);
	if (r == 0) {
		snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
		fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_set(err, -errno, "cannot open a user namespace");
	}
	(void)proc_kill(pidfd, SIGKILL);
	(void)proc_wait(pid);
	if (r == 0)
		*ret_fd = fd;
	return r;
}

bool mount_wants_idmap(const struct mount_plan *mount)
{
	return mount->options.idmap || mount->mount->uid_mappings.count > 0 ||
	       mount->mount->gid_mappings.count > 0;
}

int mount_idmap(const struct plan *plan, const struct mount_plan *mount, struct err *err)
{
	const struct oci_linux *lx = &plan->spec->linux_;
	const char *destination = mount->mount->destination;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	struct idmap_set maps;
	auto_close int fd = -1;
	int r = to_map(&mount->mount->uid_mappings, &lx->uid_mappings, &maps.uid);

	if (r == 0)
		r = to_map(&mount->mount->gid_mappings, &lx->gid_mappings, &maps.gid);
	if (r < 0)
		return err_say(err, ERR_USAGE,
			       "mount %s: idmap needs uidMappings and gidMappings of the mount or "
			       "of a user namespace",
			       destination);
	r = open_map_namespace(&maps, plan->process.proc_fd, &fd, err);
	if (r < 0)
		return err ? err_prefix(err, "mount %s: idmap", destination) : r;
	attr.userns_fd = (uint64_t)fd;
	if (mount_setattr(mount->source_fd, "",
			  AT_EMPTY_PATH | (mount->options.idmap_all ? AT_RECURSIVE : 0), &attr,
			  sizeof(attr)) < 0)
		return errno == EPERM
			       ? err_say(err, ERR_UNSUPPORTED,
					 "mount %s: idmap is only for the real root", destination)
			       : err_set(err, -errno, "mount %s: cannot map its ids", destination);
	return 0;
}
