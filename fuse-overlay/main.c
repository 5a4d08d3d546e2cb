/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-overlay: a union file system. Mounts it, tells that it is there, and serves it until it is
 * unmounted everywhere. Takes fuse-overlayfs' command line; see options.h for what bryo adds.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "fuse-overlay/channel.h"
#include "fuse-overlay/confine.h"
#include "fuse-overlay/mount.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/usage.h"

enum { THREADS_MIN = 3, THREADS_MAX = 10 };

static const char help_text[] =
	"usage: bryo-overlay [-f] [-d] -o OPTION[,OPTION...] MOUNTPOINT\n"
	"\n"
	"Lays folders over each other and shows them at MOUNTPOINT, until it is unmounted.\n"
	"\n"
	"  -f                   stay in the foreground\n"
	"  -d, --debug          show requests (stays in the foreground)\n"
	"  -V, --version        show the version\n"
	"  -o lowerdir=A[:B...] the folders, highest first; \"\\:\" for a colon in a name\n"
	"  -o upperdir=DIR      takes all changes; without it the mount is read-only\n"
	"  -o workdir=DIR       for what is half made; on the upper folder's file system\n"
	"  -o uidmapping=A:B:N[:...], gidmapping=...   files' ids A and on are shown as B and on\n"
	"  -o squash_to_root, squash_to_uid=N, squash_to_gid=N   all files have this owner\n"
	"  -o size=BYTES, inodes=N   quota of the upper folder; 512m, 10g\n"
	"  -o xattr_permissions=2   owners, modes and devices are kept in attributes; 0: not read\n"
	"  -o volatile          never sync\n"
	"  -o nowriteback       writes reach the upper folder before write(2) returns\n"
	"  -o noacl             no POSIX ACLs\n"
	"  -o static_nlink      folders have one link\n"
	"  -o timeout=SECONDS   how long the kernel may keep names and attributes\n"
	"  -o ro, nosuid, nodev, noexec, noatime, context=LABEL   of the mount, see mount(8)\n";

/* ---- Making it ready ---- */

/* Descriptors for layers, and for what is open in them. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* what there is has to do, else */
	}
}

/* ---- Channels ---- */

static unsigned thread_count(const struct options *o)
{
	cpu_set_t set;
	unsigned count = 2;

	if (o->threads)
		return o->threads < THREADS_MAX ? o->threads : THREADS_MAX;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = (unsigned)CPU_COUNT(&set);
	count += 1; /* one waits for a disk while others serve */
	return count < THREADS_MIN ? THREADS_MIN : count > THREADS_MAX ? THREADS_MAX : count;
}

/* The mount's first channel, which bryo hands over, and more of them. */
static int open_channels(const struct options *o, int fds[THREADS_MAX], size_t *ret_count,
			 struct err *err)
{
	size_t count = 1;
	int r = 0;

	if (o->device_fd >= 0)
		fds[0] = o->device_fd;
	else
		r = mount_at(o, &fds[0], err);
	if (r < 0)
		return r;
	for (unsigned n = thread_count(o); count < n; count++) {
		fds[count] = channel_clone(fds[0]);
		if (fds[count] < 0)
			break; /* with fewer it works as well */
	}
	*ret_count = count;
	return 0;
}

/* ---- Serving ---- */

struct word {
	int fd; /* where somebody waits to hear that all is ready, or -1 */
};

/* The caller's pipes and locks are not ours to keep; layers and channels stay open. */
static int close_others(const struct overlay *ov, int word_fd)
{
	size_t room = ov->layer_count + 8;
	auto_free int *keep = xcalloc(room, sizeof(int));
	size_t count = 0;

	for (int fd = 0; fd < 3; fd++)
		keep[count++] = fd;
	for (unsigned i = 0; i < ov->layer_count; i++)
		if (ov->layers[i].fd >= 0)
			keep[count++] = ov->layers[i].fd;
	if (ov->options.device_fd >= 0)
		keep[count++] = ov->options.device_fd;
	if (ov->work_fd >= 0)
		keep[count++] = ov->work_fd;
	if (ov->mark_fd >= 0)
		keep[count++] = ov->mark_fd;
	if (ov->proc_fd >= 0)
		keep[count++] = ov->proc_fd;
	if (word_fd >= 0)
		keep[count++] = word_fd;
	return fd_close_all_but(keep, count);
}

/* Away from the terminal, for good. The working directory would keep a mount busy. */
static int leave_terminal(void)
{
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	(void)setsid(); /* fails where it is a session's leader already */
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	return chdir("/") < 0 ? -errno : 0;
}

static int tell_ready(void *ctx, struct err *err)
{
	struct word *word = ctx;

	(void)err;
	fd_close(&word->fd); /* closed without a word: success, see err_recv() */
	return 0;
}

static int serve(struct overlay *ov, struct word *word, struct err *err)
{
	int fds[THREADS_MAX];
	size_t count = 0;
	int r = 0;

	if (!ov->options.foreground) {
		r = close_others(ov, word->fd);
		if (r == 0)
			r = leave_terminal();
		if (r < 0)
			return err_set(err, r, "cannot leave the terminal");
	}
	r = open_channels(&ov->options, fds, &count, err);
	if (r == 0)
		r = confine(ov, err);
	if (r == 0)
		r = channels_run(&(struct channels_args){ .ov = ov,
							  .fds = fds,
							  .count = count,
							  .ready = tell_ready,
							  .ctx = word },
				 err);
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	if (r == 0)
		usage_save(ov);
	return r;
}

static int run(struct options *options, int word_fd, struct err *err)
{
	struct overlay ov = { .options = *options, .work_fd = -1, .mark_fd = -1, .proc_fd = -1 };
	struct word word = { word_fd };
	int r = overlay_open(&ov, err);

	*options = (struct options){ .device_fd = -1, .ready_fd = -1 }; /* the overlay's now */
	if (r == 0)
		r = serve(&ov, &word, err);
	if (r < 0 && word.fd >= 0)
		err_send(word.fd, err);
	fd_close(&word.fd);
	overlay_done(&ov);
	return r;
}

/* The child serves; the caller waits until it can. */
static int run_in_background(struct options *options, struct err *err)
{
	int ends[2];
	int r = fd_pipe(ends);
	pid_t pid = r < 0 ? -1 : fork();

	if (pid < 0)
		return err_set(err, r < 0 ? r : -errno, "cannot go to the background");
	if (pid == 0) {
		fd_close(&ends[0]);
		r = run(options, ends[1], err);
		_exit(r < 0 ? 1 : 0);
	}
	fd_close(&ends[1]);
	r = err_recv(ends[0], err);
	fd_close(&ends[0]);
	return r;
}

/* ---- The program ---- */

static int report(const struct err *err)
{
	(void)fprintf(stderr, "bryo-overlay: %s\n", err->text); /* nobody hears of its failure */
	return 1;
}

static int show(const struct options *o)
{
	/* Podman reads the version of its mount_program from this line. */
	if (o->want_version)
		(void)printf("bryo-overlay: version %s\nFUSE library version %s\n", BRYO_VERSION,
			     fuse_pkgversion());
	else
		(void)fputs(help_text, stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* Where 0 to 2 are closed, a layer or a channel would get such a number, and lose it to /dev/null.
 */
static int fill_standard(void)
{
	int fd = 0;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return -errno;
	(void)close(fd); /* nothing was written */
	return 0;
}

int main(int argc, char **argv)
{
	struct options options auto_done(options) = { .device_fd = -1, .ready_fd = -1 };
	struct strv ignored auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	int r = fill_standard();

	if (r < 0)
		return 1; /* there is nobody to tell */
	r = options_parse(&options, argc, argv, &ignored, &err);
	if (r < 0)
		return report(&err);
	if (options.want_help || options.want_version)
		return show(&options);
	for (size_t i = 0; i < ignored.count; i++)
		(void)fprintf(stderr, "bryo-overlay: option %s is not known and left out\n",
			      ignored.v[i]);
	if (options.mountpoint) {
		char *path = realpath(options.mountpoint, NULL);

		if (!path) {
			(void)err_set(&err, -errno, "cannot use %s", options.mountpoint);
			return report(&err);
		}
		free(options.mountpoint);
		options.mountpoint = path;
	}
	raise_limit();
	(void)mallopt(M_ARENA_MAX, 2); /* nodes are small and many: few heaps to give back */
	(void)signal(SIGPIPE, SIG_IGN);
	if (options.foreground || options.ready_fd >= 0)
		r = run(&options, options.ready_fd, &err);
	else
		r = run_in_background(&options, &err);
	return r < 0 ? report(&err) : 0;
}
