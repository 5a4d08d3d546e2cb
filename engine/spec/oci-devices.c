/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --device and --privileged. In a user namespace nobody can make device nodes: the host's own
 * are bound, with the host's permissions on them, so the container can no more than its caller.
 */
#include "engine/spec/oci-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"

#define MAX_DEVICES 4096

static void bind_device(struct oci_spec *oci, const char *host, const char *inside)
{
	static const char *const options[] = { "bind", "rprivate", "nosuid", "noexec", NULL };

	spec_oci_add_mount(oci, "bind", host, inside, options);
}

static void make_device(struct oci_spec *oci, const char *inside, const struct stat *st,
			const char *access)
{
	struct oci_device *d = OCI_ADD(&oci->linux_.devices);
	struct oci_device_rule *rule = OCI_ADD(&oci->linux_.resources.devices);
	char type = S_ISCHR(st->st_mode) ? 'c' : 'b';

	d->path = xstrdup(inside);
	d->type = type;
	d->major = major(st->st_rdev);
	d->minor = minor(st->st_rdev);
	d->file_mode = (struct oci_u64){ true, st->st_mode & 0777 };
	d->uid = (struct oci_u64){ true, st->st_uid };
	d->gid = (struct oci_u64){ true, st->st_gid };
	*rule = (struct oci_device_rule){ .allow = true,
					  .type = type,
					  .major = { true, d->major },
					  .minor = { true, d->minor },
					  .access = xstrdup(access) };
}

static void place_device(const struct spec_moment *m, struct oci_spec *oci, const char *host,
			 const char *inside, const struct stat *st, const char *access)
{
	if (m->in_userns)
		bind_device(oci, host, inside);
	else
		make_device(oci, inside, st, access);
}

/* Every device below a folder. skip names those that a container has of its own. */
static int walk(const struct spec_moment *m, struct oci_spec *oci, const char *host,
		const char *inside, bool top)
{
	static const char *const skip[] = { "pts",    "shm",	 "mqueue",   "fd",    "console",
					    "tty",    "ptmx",	 "null",     "zero",  "full",
					    "random", "urandom", "core",     "stdin", "stdout",
					    "stderr", "log",	 "hugepages" };
	DIR *dir = opendir(host);
	struct dirent *e = NULL;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)) && oci->mounts.count + oci->linux_.devices.count < MAX_DEVICES) {
		auto_free char *from = path_join(host, e->d_name);
		auto_free char *to = path_join(inside, e->d_name);
		bool skipped = e->d_name[0] == '.';
		struct stat st;

		for (size_t i = 0; top && i < ARRAY_SIZE(skip); i++)
			skipped = skipped || str_eq(skip[i], e->d_name);
		if (skipped || lstat(from, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			(void)walk(m, oci, from, to,
				   false); /* what we may not see is not ours to give */
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			place_device(m, oci, from, to, &st, "rwm");
	}
	(void)closedir(dir); /* reading only */
	return 0;
}

/* A folder of devices; one without any was not meant. */
static int add_folder(const char *host, const char *inside, const struct spec_moment *m,
		      struct oci_spec *oci, struct err *err)
{
	size_t before = oci->mounts.count + oci->linux_.devices.count;
	int r = walk(m, oci, host, inside, str_eq(host, "/dev"));

	if (r < 0)
		return err_set(err, r, "cannot list the devices in %s", host);
	if (oci->mounts.count + oci->linux_.devices.count == before)
		return err_say(err, ERR_USAGE, "no devices found in %s", host);
	return 0;
}

static int add_device(const char *text, const struct spec_moment *m, struct oci_spec *oci,
		      struct err *err)
{
	struct strv parts auto_done(strv) = STRV_INIT;
	struct stat st;

	strv_split(&parts, text, ':');
	if (stat(parts.v[0], &st) < 0)
		return err_set(err, -errno, "cannot use the device %s", parts.v[0]);
	if (S_ISDIR(st.st_mode))
		return add_folder(parts.v[0], parts.v[1], m, oci, err);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_say(err, ERR_USAGE, "%s is not a device node", parts.v[0]);
	place_device(m, oci, parts.v[0], parts.v[1], &st, parts.v[2]);
	return 0;
}

/* The rules that stand before all others: nothing, then what every container has. */
static void base_rules(const struct container_spec *spec, struct oci_spec *oci)
{
	struct oci_device_rule *all = OCI_ADD(&oci->linux_.resources.devices);

	*all = (struct oci_device_rule){ .allow = spec->privileged,
					 .type = 'a',
					 .access = xstrdup("rwm") };
}

int spec_oci_devices(const struct container_spec *spec, const struct spec_moment *m,
		     struct oci_spec *oci, struct err *err)
{
	int r = 0;

	if (!m->in_userns)
		base_rules(spec, oci);
	if (spec->privileged)
		r = walk(m, oci, "/dev", "/dev", true);
	if (r < 0)
		return err_set(err, r, "cannot list the host's devices in /dev");
	for (size_t i = 0; i < spec->devices.count && r == 0; i++)
		r = add_device(spec->devices.v[i], m, oci, err);
	return r;
}
