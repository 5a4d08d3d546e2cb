/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts and starts the daemon: see fuse-overlay.h. Runs in the process that makes a container, as
 * root of its user namespace and before any thread.
 *
 *	caller ── fork ── child ── fork ── bryo-overlay
 *
 * The one in between ends at once: the daemon is nobody's child, and not the monitor's to wait for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "fuse-overlay/fuse-overlay.h"

/* From <sys/mount.h>, which glibc before 2.37 will not share a file with <linux/mount.h>. */
int umount2(const char *target, int flags);
#define DETACH 2

/* ---- The mount ---- */

static int open_device(int *ret_fd, struct err *err)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	(void)err_say(err, ERR_UNSUPPORTED, "cannot open /dev/fuse: %s", strerror(errno));
	return err_hint(err, errno == ENOENT ? "load the kernel module fuse"
					     : "it must be open to all users (mode 0666)");
}

static int set(int fs_fd, const char *key, const char *value)
{
	long r = syscall(SYS_fsconfig, fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key,
			 value, 0);

	return r < 0 ? -errno : 0;
}

static int configure(int fs_fd, const struct fuse_overlay_args *args, int device_fd)
{
	char number[16];
	int r = set(fs_fd, "source", "bryo-overlay");

	(void)snprintf(number, sizeof(number), "%d", device_fd); /* fits */
	if (r == 0)
		r = set(fs_fd, "subtype", "bryo-overlay");
	if (r == 0)
		r = set(fs_fd, "fd", number);
	if (r == 0)
		r = set(fs_fd, "rootmode", "40000");
	if (r == 0)
		r = set(fs_fd, "user_id", "0");
	if (r == 0)
		r = set(fs_fd, "group_id", "0");
	if (r == 0)
		r = set(fs_fd, "allow_other", NULL);
	if (r == 0)
		r = set(fs_fd, "default_permissions", NULL);
	if (r == 0 && args->selinux_label)
		r = set(fs_fd, "context", args->selinux_label);
	if (r == 0 && syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	return r;
}

static int make_mount(const struct fuse_overlay_args *args, int device_fd, int *ret_fd,
		      struct err *err)
{
	auto_close int fs_fd = (int)syscall(SYS_fsopen, "fuse", FSOPEN_CLOEXEC);
	unsigned flags = args->read_only || args->upper_fd < 0 ? MOUNT_ATTR_RDONLY : 0;
	int r = fs_fd < 0 ? -errno : configure(fs_fd, args, device_fd);
	long fd = r < 0 ? -1 : syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, flags);

	if (r == 0 && fd < 0)
		r = -errno;
	if (r == -EPERM || r == -ENODEV || r == -ENOSYS)
		return err_say(err, ERR_UNSUPPORTED, "the kernel refuses FUSE mounts here: %s",
			       strerror(-r));
	if (r < 0)
		return err_set(err, r, "cannot mount the FUSE overlay");
	*ret_fd = (int)fd;
	return 0;
}

/* ---- The command line ---- */

static void add_folder(struct buf *text, int fd)
{
	(void)buf_addf(text, "/proc/self/fd/%d", fd); /* unbounded buffer: cannot fail */
}

static void add_ranges(struct buf *text, const char *key, const struct fuse_overlay_range *ranges,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) /* unbounded buffer: cannot fail */
		(void)buf_addf(text, "%s%u:%u:%u", i ? ":" : key, ranges[i].stored, ranges[i].shown,
			       ranges[i].count);
}

static void add_layers(struct buf *text, const struct fuse_overlay_args *args)
{
	(void)buf_addf(text, "lowerdir="); /* unbounded buffer: cannot fail */
	for (size_t i = 0; i < args->lower_count; i++) {
		(void)buf_addf(text, "%s", i ? ":" : "");
		add_folder(text, args->lower_fds[i]);
	}
	if (args->upper_fd >= 0) {
		(void)buf_addf(text, ",upperdir=");
		add_folder(text, args->upper_fd);
		(void)buf_addf(text, ",workdir=");
		add_folder(text, args->work_fd);
	}
	add_ranges(text, ",uidmapping=", args->uids, args->uid_count);
	add_ranges(text, ",gidmapping=", args->gids, args->gid_count);
	if (args->is_volatile)
		(void)buf_addf(text, ",volatile");
	if (args->ignores_owners)
		(void)buf_addf(text, ",xattr_permissions=0");
	if (args->size_limit)
		(void)buf_addf(text, ",size=%llu", (unsigned long long)args->size_limit);
	if (args->inode_limit)
		(void)buf_addf(text, ",inodes=%llu", (unsigned long long)args->inode_limit);
}

/* ---- The daemon ---- */

struct launch {
	const char *program;
	char **argv;
	int *keep; /* descriptors that it gets, under the numbers that argv names */
	size_t keep_count;
};

/* In the daemon-to-be: nothing of the caller's but what it needs. */
static void become(const struct launch *launch, int word_fd)
{
	struct err err = ERR_INIT;
	int r = 0;

	proc_reset_signals();
	(void)setsid(); /* not a leader: it was forked twice */
	for (size_t i = 0; r == 0 && i < launch->keep_count; i++)
		r = fd_set_cloexec(launch->keep[i], false);
	if (r == 0)
		(void)execv(launch->program, launch->argv);
	(void)err_set(&err, r < 0 ? r : -errno, "cannot run %s", launch->program);
	err_send(word_fd, &err);
	_exit(127);
}

/* Starts it, and waits until it closes word's other end, with a word or without. */
static int start(const struct launch *launch, int word[2], struct err *err)
{
	pid_t pid = fork();
	int r = 0;

	if (pid < 0)
		return err_set(err, -errno, "cannot start a process");
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			become(launch, word[1]);
		_exit(pid < 0 ? 1 : 0);
	}
	fd_close(&word[1]);
	r = proc_wait(pid);
	if (r != 0)
		return err_set(err, r < 0 ? r : -EAGAIN, "cannot start a process");
	r = err_recv(word[0], err);
	return r < 0 ? err_prefix(err, "the FUSE overlay") : 0;
}

static void add_kept(struct launch *launch, int fd)
{
	launch->keep[launch->keep_count++] = fd;
}

static void keep_layers(struct launch *launch, const struct fuse_overlay_args *args)
{
	for (size_t i = 0; i < args->lower_count; i++)
		add_kept(launch, args->lower_fds[i]);
	if (args->upper_fd >= 0) {
		add_kept(launch, args->upper_fd);
		add_kept(launch, args->work_fd);
	}
}

static int serve(const char *program, const struct fuse_overlay_args *args, int device_fd,
		 struct err *err)
{
	struct buf text auto_done(buf) = BUF_INIT;
	auto_free int *keep = xcalloc(args->lower_count + 4, sizeof(int));
	auto_free char *name = xstrdup("bryo-overlay");
	char flag[] = "-o";
	struct launch launch = { .program = program, .keep = keep };
	int word[2] = { -1, -1 };
	int r = fd_pipe(word);

	if (r < 0)
		return err_set(err, r, "cannot make a pipe");
	add_layers(&text, args);
	/* unbounded buffer: cannot fail */
	(void)buf_addf(&text, ",ready=%d,fd=%d", word[1], device_fd);
	keep_layers(&launch, args);
	add_kept(&launch, device_fd);
	add_kept(&launch, word[1]);
	launch.argv = (char *[]){ name, flag, text.data, NULL };
	r = start(&launch, word, err);
	fd_close(&word[0]);
	fd_close(&word[1]);
	return r;
}

int fuse_overlay_mount(const struct fuse_overlay_args *args, int *ret_mount_fd, struct err *err)
{
	auto_close int device_fd = -1;
	auto_free char *program = NULL;
	auto_close int fd = -1;
	int r = proc_libexec("bryo-overlay", &program);

	if (r < 0)
		return err_say(err, ERR_UNSUPPORTED, "the program bryo-overlay is not installed");
	r = open_device(&device_fd, err);
	if (r == 0)
		r = make_mount(args, device_fd, &fd, err);
	if (r == 0)
		r = serve(program, args, device_fd, err);
	if (r == 0)
		*ret_mount_fd = fd_take(&fd);
	return r;
}

/* ---- Another program ---- */

/* Takes the mount at place_fd away from there. */
static int take_mount(const char *program, int place_fd, int *ret_fd, struct err *err)
{
	/* place_fd is the folder below the mount: its name leads to what covers it. */
	char path[4096];
	ssize_t n = readlink(FD_PATH(place_fd), path, sizeof(path) - 1);
	long fd = -1;

	if (n < 0)
		return err_set(err, -errno, "cannot find the mount of %s", program);
	path[n] = '\0';
	fd = syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot take the mount of %s", program);
	if (umount2(path, DETACH) < 0) {
		if (errno == EINVAL)
			(void)err_say(err, ERR_FAILED, "the mount program %s mounted nothing",
				      program);
		else
			(void)err_set(err, -errno, "cannot detach the mount of %s", program);
		(void)close((int)fd); /* a mount: nothing to lose */
		return err->code;
	}
	*ret_fd = (int)fd;
	return 0;
}

/* Its parent ends when the mount is there: what it printed is why it is not. */
static int run_program(const char *program, const struct launch *launch, struct err *err)
{
	auto_free char *text = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < launch->keep_count; i++)
		r = fd_set_cloexec(launch->keep[i], false);
	if (r == 0)
		r = proc_run(launch->argv, &text);
	for (size_t i = 0; i < launch->keep_count; i++)
		(void)fd_set_cloexec(launch->keep[i], true); /* was possible before */
	if (r < 0)
		return err_set(err, r, "cannot run the mount program %s", program);
	if (r > 0)
		return err_say(err, ERR_FAILED, "the mount program %s failed: %s", program,
			       text ? str_trim(text) : "it did not say why");
	return 0;
}

int fuse_overlay_mount_by(const char *program, const struct fuse_overlay_args *args, int place_fd,
			  int *ret_mount_fd, struct err *err)
{
	struct buf text auto_done(buf) = BUF_INIT;
	auto_free int *keep = xcalloc(args->lower_count + 3, sizeof(int));
	auto_free char *name = xstrdup(program);
	char flag[] = "-o";
	char path[4096];
	ssize_t n = readlink(FD_PATH(place_fd), path, sizeof(path) - 1);
	struct launch launch = { .program = program, .keep = keep };
	int r = 0;

	if (n < 0)
		return err_set(err, -errno, "cannot name a folder to mount at");
	path[n] = '\0';
	add_layers(&text, args);
	if (args->selinux_label) /* unbounded buffer: cannot fail */
		(void)buf_addf(&text, ",context=\"%s\"", args->selinux_label);
	keep_layers(&launch, args);
	launch.argv = (char *[]){ name, flag, text.data, path, NULL };
	r = run_program(program, &launch, err);
	return r < 0 ? r : take_mount(program, place_fd, ret_mount_fd, err);
}
