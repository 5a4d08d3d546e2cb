/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal of a process: made in the container's own devpts, so that ttyname(3) works
 * there. Runs in the child. For exec the container may be hostile: nothing is opened by a path
 * that it could redirect, and /dev/console is bound from the descriptor of the terminal, never
 * from the path /dev/pts/N (CVE-2025-52565).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/runtime/mount-internal.h"

int terminal_resize(int fd, uint16_t height, uint16_t width)
{
	struct winsize size = { .ws_row = height, .ws_col = width };

	return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/*
 * The root of a devpts, and ptmx on that very file system: RESOLVE_NO_XDEV refuses whatever
 * could have been mounted over it. The device number is looked at before it is used.
 */
static int open_master(int root_fd, int *ret_fd)
{
	struct open_how how = { .flags = O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK,
				.resolve =
					RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH };
	auto_close int pts =
		path_open_in_root(root_fd, "/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	auto_close int fd = -1;
	struct statfs fs;
	struct stat st;

	if (pts < 0)
		return pts;
	if (fstatfs(pts, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return -ENODEV;
	fd = (int)syscall(SYS_openat2, pts, "ptmx", &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return -ENODEV;
	if (fd_set_nonblock(fd, false) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int bind_console(int root_fd, int slave, struct err *err)
{
	auto_close int dev = path_open_in_root(root_fd, "/dev", O_PATH | O_DIRECTORY, 0);
	auto_close int made = -1;
	auto_close int target = -1;
	auto_close int clone = -1;
	struct stat st;
	int r = 0;

	if (dev < 0)
		return err_set(err, dev, "cannot open /dev of the container");
	made = openat(dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0620);
	if (made < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make /dev/console");
	target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return err_set(err, -errno, "cannot open /dev/console");
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return err_say(err, ERR_USAGE, "/dev/console of the image is not a file");
	r = mount_clone(slave, "", false, true, &clone);
	if (r == 0)
		r = mount_attach(clone, target);
	return r < 0 ? err_set(err, r, "cannot mount /dev/console") : 0;
}

int terminal_make(int root_fd, bool console, int *ret_master, int *ret_slave, struct err *err)
{
	auto_close int master = -1;
	auto_close int slave = -1;
	struct stat st;
	int unlock = 0;
	int r = open_master(root_fd, &master);

	if (r < 0)
		return err_set(err, r, "cannot make a terminal: no devpts on /dev/pts");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_set(err, -errno, "cannot unlock the terminal");
	/* The other end by the kernel's own hand: no path is looked up (ioctl_tty(2)). */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_set(err, -errno, "cannot open the terminal");
	if (fstat(slave, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) < 136 ||
	    major(st.st_rdev) > 143)
		return err_say(err, ERR_FAILED, "the terminal is not one");
	if (console)
		r = bind_console(root_fd, slave, err);
	if (r < 0)
		return r;
	*ret_master = fd_take(&master);
	*ret_slave = fd_take(&slave);
	return 0;
}
