/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting: see mount.h. Runs in bryo-overlay, before it shuts itself in. */
#include "fuse-overlay/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/options.h"

static unsigned long flag_of(const char *name)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} flags[] = {
		{ "nosuid", MS_NOSUID },   { "nodev", MS_NODEV },	    { "noexec", MS_NOEXEC },
		{ "noatime", MS_NOATIME }, { "nodiratime", MS_NODIRATIME },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (str_eq(name, flags[i].name))
			return flags[i].flag;
	return 0;
}

/* As root of the mount namespace's user namespace (fuse(4), "fd", "rootmode", ...). */
static int mount_as_root(const struct options *o, int *ret_fd)
{
	struct buf data auto_done(buf) = BUF_INIT;
	auto_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	unsigned long flags = o->read_only ? MS_RDONLY : 0;

	if (fd < 0)
		return -errno;
	/* unbounded buffer: cannot fail */
	(void)buf_addf(
		&data,
		"fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions", fd,
		geteuid(), getegid());
	for (size_t i = 0; i < o->mount.count; i++) {
		flags |= flag_of(o->mount.v[i]);
		if (str_starts(o->mount.v[i], "context=") || str_starts(o->mount.v[i], "max_read="))
			(void)buf_addf(&data, ",%s", o->mount.v[i]);
	}
	if (mount("bryo-overlay", o->mountpoint, "fuse.bryo-overlay", flags, data.data) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* By libfuse, which asks the setuid fusermount3. */
static int mount_as_user(const struct options *o, int *ret_fd)
{
	char name[] = "bryo-overlay";
	char flag[] = "-o";
	char list[] = "default_permissions,fsname=bryo-overlay,subtype=bryo-overlay";
	char *argv[] = { name, flag, list, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *session =
		fuse_session_new(&args, &overlay_ops, sizeof(overlay_ops), NULL);
	int r = -EPERM;

	fuse_opt_free_args(&args);
	if (!session)
		return -ENOMEM;
	if (fuse_session_mount(session, o->mountpoint) == 0) {
		/* The session goes, its mount and descriptor stay. */
		*ret_fd = fcntl(fuse_session_fd(session), F_DUPFD_CLOEXEC, 3);
		r = *ret_fd < 0 ? -errno : 0;
	}
	fuse_session_destroy(session);
	return r;
}

int mount_at(const struct options *o, int *ret_fd, struct err *err)
{
	int r = mount_as_root(o, ret_fd);

	if (r == -EPERM && geteuid() != 0)
		r = mount_as_user(o, ret_fd);
	if (r < 0)
		r = err_set(err, r, "cannot mount at %s", o->mountpoint);
	if (r < 0 && access("/dev/fuse", R_OK | W_OK) < 0)
		(void)err_hint(err, "/dev/fuse must be there and open to all users (mode 0666)");
	return r;
}
