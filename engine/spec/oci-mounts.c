/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of a container, in the order in which they are made: what the specification
 * demands, the engine's own files, then what the user asked for, outermost first.
 */
#include "engine/spec/oci-internal.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"

#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

struct oci_mount *spec_oci_add_mount(struct oci_spec *oci, const char *type, const char *source,
				     const char *destination, const char *const *options)
{
	struct oci_mount *m = OCI_ADD(&oci->mounts);

	m->type = xstrdup(type);
	m->source = xstrdup(source);
	m->destination = xstrdup(destination);
	m->source_fd = -1;
	for (; options && *options; options++)
		strv_add(&m->options, *options);
	return m;
}

/* A mount of the user's at the same place takes the default's seat. */
static bool is_free(const struct container_spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->mounts.count; i++)
		if (str_eq(spec->mounts.v[i].destination, destination))
			return false;
	return true;
}

static void add_shm(const struct container_spec *spec, const struct spec_moment *m,
		    struct oci_spec *oci)
{
	auto_free char *size = xasprintf("size=%lld", (long long)spec->shm_size);

	if (!is_free(spec, "/dev/shm") || spec->ipc.kind == SPEC_NS_NONE)
		return;
	if (spec->ipc.kind == SPEC_NS_HOST)
		spec_oci_add_mount(oci, "bind", "/dev/shm", "/dev/shm",
				   OPTIONS("rbind", "rprivate", "nosuid", "noexec", "nodev"));
	else if (m->shm_fd >= 0)
		spec_oci_add_mount(oci, "bind", NULL, "/dev/shm",
				   OPTIONS("bind", "rprivate", "nosuid", "noexec", "nodev"))
			->source_fd = m->shm_fd;
	else
		spec_oci_add_mount(oci, "tmpfs", "shm", "/dev/shm",
				   OPTIONS("nosuid", "noexec", "nodev", "mode=1777", size));
}

static void add_system(const struct container_spec *spec, const struct spec_moment *m,
		       struct oci_spec *oci)
{
	/* Group 5 (tty) owns terminals where the container has that group at all. */
	bool has_tty_group =
		!m->one_id && (!m->nested || idmap_to_outside(&m->maps.gid, 5) != IDMAP_NONE);

	spec_oci_add_mount(oci, "proc", "proc", "/proc", OPTIONS("nosuid", "noexec", "nodev"));
	spec_oci_add_mount(oci, "tmpfs", "tmpfs", "/dev",
			   OPTIONS("nosuid", "noexec", "strictatime", "mode=755", "size=65536k"));
	spec_oci_add_mount(oci, "devpts", "devpts", "/dev/pts",
			   has_tty_group ? OPTIONS("nosuid", "noexec", "newinstance",
						   "ptmxmode=0666", "mode=0620", "gid=5")
					 : OPTIONS("nosuid", "noexec", "newinstance",
						   "ptmxmode=0666", "mode=0620"));
	if (spec->ipc.kind == SPEC_NS_HOST)
		spec_oci_add_mount(oci, "bind", "/dev/mqueue", "/dev/mqueue",
				   OPTIONS("rbind", "nosuid", "noexec", "nodev"));
	else if (spec->ipc.kind != SPEC_NS_NONE)
		spec_oci_add_mount(oci, "mqueue", "mqueue", "/dev/mqueue",
				   OPTIONS("nosuid", "noexec", "nodev"));
	add_shm(spec, m, oci);
	spec_oci_add_mount(oci, "sysfs", "sysfs", "/sys",
			   spec->privileged ? OPTIONS("nosuid", "noexec", "nodev", "rw")
					    : OPTIONS("nosuid", "noexec", "nodev", "ro"));
	spec_oci_add_mount(oci, "cgroup", "cgroup", "/sys/fs/cgroup",
			   spec->privileged && spec->cgroupns.kind == SPEC_NS_PRIVATE
				   ? OPTIONS("nosuid", "noexec", "nodev", "relatime", "rw")
				   : OPTIONS("nosuid", "noexec", "nodev", "relatime", "ro"));
}

static void add_file(const struct container_spec *spec, struct oci_spec *oci, const char *source,
		     const char *destination)
{
	if (source && is_free(spec, destination))
		spec_oci_add_mount(oci, "bind", source, destination,
				   spec->read_only
					   ? OPTIONS("bind", "rprivate", "ro", "nosuid", "nodev")
					   : OPTIONS("bind", "rprivate", "nosuid", "nodev"));
}

static void add_files(const struct container_spec *spec, const struct spec_moment *m,
		      struct oci_spec *oci)
{
	add_file(spec, oci, m->resolv_path, "/etc/resolv.conf");
	add_file(spec, oci, m->hosts_path, "/etc/hosts");
	add_file(spec, oci, m->hostname_path, "/etc/hostname");
	add_file(spec, oci, m->passwd_path, "/etc/passwd");
	add_file(spec, oci, m->group_path, "/etc/group");
	add_file(spec, oci, m->tz_path, "/etc/localtime");
	add_file(spec, oci, m->containerenv_path, "/run/.containerenv");
}

/* --read-only leaves the folders writable that nearly every program needs. */
static void add_read_only_tmpfs(const struct container_spec *spec, struct oci_spec *oci)
{
	static const char *const places[] = { "/run", "/tmp", "/var/tmp" };

	if (!spec->read_only || !spec->read_only_tmpfs)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (is_free(spec, places[i]))
			spec_oci_add_mount(
				oci, "tmpfs", "tmpfs", places[i],
				OPTIONS("rw", "rprivate", "nosuid", "nodev", "tmpcopyup"));
}

static int add_own(const struct container_spec *spec, const struct spec_moment *m, size_t i,
		   struct oci_spec *oci, struct err *err)
{
	static const char *const types[] = {
		[SPEC_MOUNT_BIND] = "bind",	[SPEC_MOUNT_VOLUME] = "bind",
		[SPEC_MOUNT_TMPFS] = "tmpfs",	[SPEC_MOUNT_DEVPTS] = "devpts",
		[SPEC_MOUNT_MQUEUE] = "mqueue", [SPEC_MOUNT_IMAGE] = "bind"
	};
	const struct spec_mount *own = &spec->mounts.v[i];
	const char *source =
		m->mount_sources && m->mount_sources[i] ? m->mount_sources[i] : own->source;
	struct oci_mount *mount = NULL;

	if (own->kind == SPEC_MOUNT_TMPFS || own->kind == SPEC_MOUNT_DEVPTS ||
	    own->kind == SPEC_MOUNT_MQUEUE)
		source = types[own->kind];
	if (!source)
		return err_say(err, ERR_FAILED, "the volume for %s has no folder",
			       own->destination);
	mount = spec_oci_add_mount(oci, types[own->kind], source, own->destination, NULL);
	strv_add_all(&mount->options, &own->options);
	if (own->kind == SPEC_MOUNT_IMAGE && m->mount_fds && m->mount_fds[i] >= 0) {
		mount->source_fd = m->mount_fds[i];
		strv_add(&mount->options, "bind");
		strv_add(&mount->options, "ro");
	}
	return 0;
}

/* ---- Hidden paths ---- */

static bool is_unmasked(const struct container_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->unmasked.count; i++)
		if (str_eq(spec->unmasked.v[i], "ALL") ||
		    fnmatch(spec->unmasked.v[i], path, 0) == 0)
			return true;
	return false;
}

static void hide_paths(const struct container_spec *spec, struct oci_spec *oci)
{
	static const char *const masked[] = {
		"/proc/acpi",	     "/proc/kcore",
		"/proc/keys",	     "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi",
		"/proc/timer_list",  "/proc/timer_stats",
		"/sys/dev/block",    "/sys/devices/virtual/powercap",
		"/sys/firmware",     "/sys/fs/selinux",
	};
	static const char *const read_only[] = {
		"/proc/asound", "/proc/bus", "/proc/fs",
		"/proc/irq",	"/proc/sys", "/proc/sysrq-trigger"
	};

	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		if (!is_unmasked(spec, masked[i]))
			strv_add(&oci->linux_.masked_paths, masked[i]);
	for (size_t i = 0; i < spec->masked.count; i++)
		strv_add(&oci->linux_.masked_paths, spec->masked.v[i]);
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++)
		if (!is_unmasked(spec, read_only[i]))
			strv_add(&oci->linux_.readonly_paths, read_only[i]);
}

int spec_oci_mounts(const struct container_spec *spec, const struct spec_moment *m,
		    struct oci_spec *oci, struct err *err)
{
	int r = 0;

	add_system(spec, m, oci);
	add_read_only_tmpfs(spec, oci);
	add_files(spec, m, oci);
	for (size_t i = 0; i < spec->mounts.count && r == 0; i++)
		r = add_own(spec, m, i, oci, err);
	hide_paths(spec, oci);
	return r;
}
