/* SPDX-License-Identifier: Apache-2.0 */
/* Channels to the kernel: see channel.h. Runs in bryo-overlay. */
#include "fuse-overlay/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "fuse-overlay/attr.h"
#include "fuse-overlay/change.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"

enum {
	DATA_MAX = 1024 * 1024, /* FUSE_MAX_MAX_PAGES: the most that one request carries */
	HEAD_MAX = 64 * 1024,	/* what stands before it; names and attributes */
	BUFFER_SIZE = DATA_MAX + HEAD_MAX,
	BIG = 256 * 1024, /* memory beyond is given back when it is not used again soon */
	STACK_SIZE = 256 * 1024,
	PIPE_SIZE = 1024 * 1024, /* /proc/sys/fs/pipe-max-size, where nobody changed it */
	PAGES_MIN = 32 * 1024,	 /* a smaller answer is copied faster */
};

/* Newer than Debian 12's <linux/fuse.h>. */
enum { OP_TMPFILE = 51, OP_STATX = 52 };

struct statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct {
		uint32_t mask;
		uint32_t blksize;
		uint64_t attributes;
		uint32_t nlink;
		uint32_t uid;
		uint32_t gid;
		uint16_t mode;
		uint16_t spare0[1];
		uint64_t ino;
		uint64_t size;
		uint64_t blocks;
		uint64_t attributes_mask;
		struct sx_time atime, btime, ctime, mtime;
		uint32_t rdev_major;
		uint32_t rdev_minor;
		uint32_t dev_major;
		uint32_t dev_minor;
		uint64_t spare2[14];
	} stat;
};

/* A lseek(2) that waits for the kernel's pages. */
struct seek {
	struct seek *next;
	fuse_req_t req;
	struct node *node;
	off_t offset;
	int whence;
	int fd; /* the channel that waits for the answer */
};

struct channels {
	struct overlay *ov;
	struct fuse_session *session;
	bool has_writeback;
	bool has_killpriv; /* the kernel offers HANDLE_KILLPRIV_V2 */
	pthread_mutex_t seek_lock;
	pthread_cond_t seek_ready;
	struct seek *seeks;
	bool is_ending;
	bool is_shared; /* one channel for all threads */
};

/* This thread's. */
struct channel {
	struct channels *all;
	int fd;
	char *request; /* BUFFER_SIZE */
	char *answer;
	size_t request_used, answer_used;
	unsigned small; /* requests since the last big one */
	int pipe[2];	/* for channel_reply_pages(); -1: not made yet */
	bool has_no_pipe;
	bool kills_ids;
	bool is_init;
};

static _Thread_local struct channel *here;

/* ---- For operations ---- */

char *channel_buffer(size_t size)
{
	if (size > BUFFER_SIZE)
		return NULL;
	if (size > here->answer_used)
		here->answer_used = size;
	return here->answer;
}

bool channel_kills_ids(void)
{
	return here->kills_ids;
}

int channel_forget_attributes(uint64_t ino)
{
	int r = fuse_lowlevel_notify_inval_inode(here->all->session, ino, -1, 0);

	return r == -ENOENT ? 0 : r; /* it remembers none */
}

bool channel_has_writeback(void)
{
	return here->all->has_writeback;
}

/* ---- What libfuse sends and receives through ---- */

static void patch_init(const struct channels *all, struct iovec *iov, int count)
{
	struct fuse_init_out *out = count == 2 ? iov[1].iov_base : NULL;

	if (out && iov[1].iov_len >= sizeof(*out) && all->has_killpriv)
		out->flags |= FUSE_HANDLE_KILLPRIV_V2;
}

static ssize_t send_answer(int fd, struct iovec *iov, int count, void *ctx)
{
	ssize_t n = 0;

	(void)fd; /* the session's: answers go where their request came from */
	(void)ctx;
	if (here->is_init)
		patch_init(here->all, iov, count);
	n = writev(here->fd, iov, count);
	return n;
}

static ssize_t receive(int fd, void *data, size_t size, void *ctx)
{
	(void)fd;
	(void)ctx;
	return read(here->fd, data, size);
}

static const struct fuse_custom_io channel_io = { .writev = send_answer, .read = receive };

/* ---- Requests that libfuse does not know ---- */

static struct node *node_of(const struct overlay *ov, uint64_t id)
{
	return id == FUSE_ROOT_ID ? ov->nodes.root : (struct node *)(uintptr_t)id;
}

static void send_raw(const struct fuse_in_header *in, int r, const void *data, size_t size)
{
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + (r < 0 ? 0 : size)),
				       .error = r,
				       .unique = in->unique };
	struct iovec iov[2] = { { &out, sizeof(out) }, { (void *)data, size } };

	/* Fails only where the mount is gone or the caller was interrupted. */
	(void)!writev(here->fd, iov, r < 0 ? 1 : 2);
}

static void split_timeout(double timeout, uint64_t *ret_seconds, uint32_t *ret_nanoseconds)
{
	*ret_seconds = (uint64_t)timeout;
	*ret_nanoseconds = (uint32_t)((timeout - (double)*ret_seconds) * 1e9);
}

static void fill_attr(const struct stat *st, struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){ .ino = st->st_ino,
				    .size = (uint64_t)st->st_size,
				    .blocks = (uint64_t)st->st_blocks,
				    .atime = (uint64_t)st->st_atim.tv_sec,
				    .mtime = (uint64_t)st->st_mtim.tv_sec,
				    .ctime = (uint64_t)st->st_ctim.tv_sec,
				    .atimensec = (uint32_t)st->st_atim.tv_nsec,
				    .mtimensec = (uint32_t)st->st_mtim.tv_nsec,
				    .ctimensec = (uint32_t)st->st_ctim.tv_nsec,
				    .mode = st->st_mode,
				    .nlink = (uint32_t)st->st_nlink,
				    .uid = st->st_uid,
				    .gid = st->st_gid,
				    .rdev = (uint32_t)st->st_rdev,
				    .blksize = (uint32_t)st->st_blksize };
}

/* The answer opens the file, too. */
static int open_tmpfile(struct overlay *ov, const struct fuse_entry_param *entry, int flags,
			struct fuse_open_out *out)
{
	struct node *node = node_of(ov, entry->ino);
	struct fuse_file_info fi = { .flags = flags };
	int r = ops_open_file(ov, node, &fi);

	if (r < 0)
		node_forget(ov, node, 1);
	out->fh = fi.fh;
	out->open_flags = fi.direct_io ? FOPEN_DIRECT_IO : FOPEN_KEEP_CACHE;
	return r;
}

static void serve_tmpfile(const struct fuse_in_header *in, const char *body, size_t size)
{
	struct overlay *ov = here->all->ov;
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = { 0 };
	struct fuse_create_in create;
	struct fuse_entry_param entry;
	int r = size < sizeof(create) ? -EIO : 0;

	if (r == 0) {
		memcpy(&create, body, sizeof(create));
		r = op_tmpfile(
			ov, node_of(ov, in->nodeid),
			&(struct asker){ .uid = in->uid, .gid = in->gid, .umask = create.umask },
			create.mode & 07777, &entry);
	}
	if (r == 0)
		r = open_tmpfile(ov, &entry, (int)create.flags, &out.open);
	if (r == 0) {
		out.entry.nodeid = entry.ino;
		split_timeout(entry.entry_timeout, &out.entry.entry_valid,
			      &out.entry.entry_valid_nsec);
		split_timeout(entry.attr_timeout, &out.entry.attr_valid,
			      &out.entry.attr_valid_nsec);
		fill_attr(&entry.attr, &out.entry.attr);
	}
	send_raw(in, r, &out, sizeof(out));
}

static void fill_statx(const struct statx *stx, const struct stat *st, struct statx_out *out)
{
	out->stat.mask = STATX_BASIC_STATS | (stx->stx_mask & STATX_BTIME);
	out->stat.blksize = (uint32_t)st->st_blksize;
	out->stat.nlink = (uint32_t)st->st_nlink;
	out->stat.uid = st->st_uid;
	out->stat.gid = st->st_gid;
	out->stat.mode = (uint16_t)st->st_mode;
	out->stat.ino = st->st_ino;
	out->stat.size = (uint64_t)st->st_size;
	out->stat.blocks = (uint64_t)st->st_blocks;
	out->stat.rdev_major = major(st->st_rdev);
	out->stat.rdev_minor = minor(st->st_rdev);
	out->stat.atime = (struct sx_time){ st->st_atim.tv_sec, (uint32_t)st->st_atim.tv_nsec, 0 };
	out->stat.mtime = (struct sx_time){ st->st_mtim.tv_sec, (uint32_t)st->st_mtim.tv_nsec, 0 };
	out->stat.ctime = (struct sx_time){ st->st_ctim.tv_sec, (uint32_t)st->st_ctim.tv_nsec, 0 };
	out->stat.btime = (struct sx_time){ stx->stx_btime.tv_sec, stx->stx_btime.tv_nsec, 0 };
}

static void serve_statx(const struct fuse_in_header *in)
{
	struct overlay *ov = here->all->ov;
	struct node *node = node_of(ov, in->nodeid);
	struct statx_out out = { 0 };
	struct statx stx = { 0 };
	struct place place;
	struct stat st;
	int r = attr_get(ov, node, &st);

	if (r == 0)
		r = place_get(ov, node, &place);
	if (r == 0) {
		if (statx(place.fd, place.name, AT_SYMLINK_NOFOLLOW | place.empty, STATX_BTIME,
			  &stx) < 0)
			r = -errno;
		place_put(ov, &place);
	}
	if (r == 0) {
		split_timeout(ov->options.timeout, &out.attr_valid, &out.attr_valid_nsec);
		fill_statx(&stx, &st, &out);
	}
	send_raw(in, r, &out, sizeof(out));
}

/* The name, and behind its NUL the value. */
int channel_parse_setxattr(const char *body, size_t size, struct setxattr *ret)
{
	struct fuse_setxattr_in args = { 0 };
	const char *key = body + FUSE_COMPAT_SETXATTR_IN_SIZE;
	const char *end = size > FUSE_COMPAT_SETXATTR_IN_SIZE
				  ? memchr(key, '\0', size - FUSE_COMPAT_SETXATTR_IN_SIZE)
				  : NULL;

	if (!end)
		return -EINVAL;
	memcpy(&args, body, FUSE_COMPAT_SETXATTR_IN_SIZE);
	if (args.size > size - (size_t)(end + 1 - body))
		return -EINVAL;
	*ret = (struct setxattr){ key, end + 1, args.size, (int)args.flags };
	return 0;
}

static void serve_setxattr(const struct fuse_in_header *in, const char *body, size_t size)
{
	struct overlay *ov = here->all->ov;
	struct setxattr set;
	int r = channel_parse_setxattr(body, size, &set);

	if (r == 0)
		r = op_setxattr(ov, node_of(ov, in->nodeid), set.key, set.value, set.size,
				set.flags);
	send_raw(in, r, NULL, 0);
}

/* ---- Answers by splice(2) ---- */

static bool open_pipe(struct channel *channel)
{
	if (channel->pipe[0] >= 0)
		return true;
	if (channel->has_no_pipe)
		return false;
	/* Users have a limit of pages in pipes: pipe(7). */
	if (pipe2(channel->pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    fcntl(channel->pipe[1], F_SETPIPE_SZ, PIPE_SIZE) < 0)
		channel->has_no_pipe = true;
	if (channel->has_no_pipe && channel->pipe[0] >= 0) {
		fd_close(&channel->pipe[0]);
		fd_close(&channel->pipe[1]);
	}
	return !channel->has_no_pipe;
}

/* What is left in it would be taken for the next answer. */
static void throw_away(struct channel *channel)
{
	fd_close(&channel->pipe[0]);
	fd_close(&channel->pipe[1]);
}

bool channel_reply_pages(struct fuse_req *req, int fd, off_t offset, size_t size)
{
	const struct fuse_in_header *in = (const struct fuse_in_header *)here->request;
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + size),
				       .unique = in->unique };
	struct stat st;

	/* The length stands before the data: all of it must be there. */
	if (size < PAGES_MIN || size > PIPE_SIZE / 2 || fstat(fd, &st) < 0 ||
	    offset + (off_t)size > st.st_size || !open_pipe(here))
		return false;
	if (write(here->pipe[1], &out, sizeof(out)) != sizeof(out) ||
	    splice(fd, &offset, here->pipe[1], NULL, size, 0) != (ssize_t)size) {
		throw_away(here);
		return false;
	}
	/* Fails where the mount is gone or the caller was interrupted. */
	if (splice(here->pipe[0], NULL, here->fd, NULL, out.len, 0) != (ssize_t)out.len)
		throw_away(here);
	fuse_reply_none(req); /* frees it */
	return true;
}

/* ---- Requests ---- */

static bool kills_ids(const struct fuse_in_header *in, const char *body, size_t size)
{
	if (in->opcode == FUSE_WRITE && size >= sizeof(struct fuse_write_in))
		return ((const struct fuse_write_in *)body)->write_flags & FUSE_WRITE_KILL_SUIDGID;
	if (in->opcode == FUSE_SETATTR && size >= sizeof(struct fuse_setattr_in))
		return ((const struct fuse_setattr_in *)body)->valid & FATTR_KILL_SUIDGID;
	return false;
}

/* Gives memory back that one big request used, after many small ones. */
static void shrink(struct channel *channel)
{
	if (channel->request_used > BIG || channel->answer_used > BIG) {
		if (++channel->small < 64)
			return;
		(void)madvise(channel->request, BUFFER_SIZE, MADV_DONTNEED); /* a courtesy */
		(void)madvise(channel->answer, BUFFER_SIZE, MADV_DONTNEED);
		channel->request_used = channel->answer_used = 0;
	}
	channel->small = 0;
}

static void serve(struct channel *channel, size_t size)
{
	struct fuse_in_header *in = (struct fuse_in_header *)channel->request;
	const char *body = channel->request + sizeof(*in);
	struct fuse_buf buf = { .mem = channel->request };

	assert(channel->request);
	if (size < sizeof(*in))
		return; /* the kernel sends whole requests */
	channel->kills_ids = kills_ids(in, body, size - sizeof(*in));
	channel->is_init = in->opcode == FUSE_INIT;
	if (channel->is_init && size >= sizeof(*in) + sizeof(struct fuse_init_in))
		channel->all->has_killpriv =
			((const struct fuse_init_in *)body)->flags & FUSE_HANDLE_KILLPRIV_V2;
	if (in->opcode == OP_TMPFILE) {
		serve_tmpfile(in, body, size - sizeof(*in));
		return;
	}
	if (in->opcode == OP_STATX) {
		serve_statx(in);
		return;
	}
	if (in->opcode == FUSE_SETXATTR) {
		serve_setxattr(in, body, size - sizeof(*in));
		return;
	}
	buf.size = size;
	fuse_session_process_buf(channel->all->session, &buf);
}

/* 0: one request was served, 1: the mount is gone; or a negative errno. */
static int serve_next(struct channel *channel)
{
	ssize_t n = read(channel->fd, channel->request, BUFFER_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
		return 0; /* ENOENT: the request was interrupted while it was read */
	if (n < 0)
		return errno == ENODEV ? 1 : -errno;
	if ((size_t)n > channel->request_used)
		channel->request_used = (size_t)n;
	serve(channel, (size_t)n);
	shrink(channel);
	return 0;
}

static void channel_done(struct channel *channel)
{
	if (channel->request)
		(void)munmap(channel->request, BUFFER_SIZE);
	if (channel->answer)
		(void)munmap(channel->answer, BUFFER_SIZE);
	channel->request = channel->answer = NULL;
	throw_away(channel);
}

static void *memory(size_t size)
{
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

static int channel_init(struct channel *channel, struct channels *all, int fd)
{
	*channel = (struct channel){ .all = all, .fd = fd, .pipe = { -1, -1 } };
	channel->request = memory(BUFFER_SIZE);
	channel->answer = memory(BUFFER_SIZE);
	if (channel->request && channel->answer)
		return 0;
	channel_done(channel);
	return -ENOMEM;
}

static void serve_all(struct channel *channel)
{
	here = channel;
	while (serve_next(channel) == 0)
		;
	here = NULL;
}

static void *run_channel(void *arg)
{
	struct channel *channel = arg;

	/* A working directory and a umask of its own: see layer.h and owner.h. */
	if (unshare(CLONE_FS) == 0)
		serve_all(channel);
	return NULL;
}

/* ---- lseek(2) on what may not be written back ---- */

void channel_seek_later(struct fuse_req *req, struct node *node, off_t offset, int whence)
{
	struct channels *all = here->all;
	struct seek *seek = malloc(sizeof(*seek));

	if (!seek) {
		ops_reply(req, -ENOMEM);
		return;
	}
	*seek = (struct seek){
		.req = req, .node = node, .offset = offset, .whence = whence, .fd = here->fd
	};
	pthread_mutex_lock(&all->seek_lock);
	seek->next = all->seeks;
	all->seeks = seek;
	pthread_cond_signal(&all->seek_ready);
	pthread_mutex_unlock(&all->seek_lock);
}

static void seek_now(struct channels *all, const struct seek *seek)
{
	struct handle *handle = NULL;
	fuse_ino_t ino = seek->node == all->ov->nodes.root ? FUSE_ROOT_ID : (uintptr_t)seek->node;
	off_t at = 0;
	int r = fuse_lowlevel_notify_inval_inode(all->session, ino, 0, 0);

	if (r == 0 || r == -ENOENT)
		r = handle_file(all->ov, seek->node, false, &handle);
	if (r == 0) {
		at = lseek(handle->fd, seek->offset, seek->whence);
		r = at < 0 ? -errno : 0;
	}
	handle_put_p(all->ov, &handle);
	if (r < 0)
		ops_reply(seek->req, r);
	else
		(void)fuse_reply_lseek(seek->req, at); /* see ops_reply() */
}

static void *run_seeks(void *arg)
{
	struct channels *all = arg;
	struct channel channel = { .all = all };

	here = &channel;
	pthread_mutex_lock(&all->seek_lock);
	while (!all->is_ending) {
		struct seek *seek = all->seeks;

		if (!seek) {
			pthread_cond_wait(&all->seek_ready, &all->seek_lock);
			continue;
		}
		all->seeks = seek->next;
		pthread_mutex_unlock(&all->seek_lock);
		channel.fd = seek->fd;
		seek_now(all, seek);
		free(seek);
		pthread_mutex_lock(&all->seek_lock);
	}
	pthread_mutex_unlock(&all->seek_lock);
	here = NULL;
	return NULL;
}

static void end_seeks(struct channels *all)
{
	pthread_mutex_lock(&all->seek_lock);
	all->is_ending = true;
	pthread_cond_signal(&all->seek_ready);
	pthread_mutex_unlock(&all->seek_lock);
}

/* ---- The session ---- */

int channel_clone(int fd)
{
	uint32_t from = (uint32_t)fd;
	auto_close int clone = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (clone < 0 || ioctl(clone, FUSE_DEV_IOC_CLONE, &from) < 0)
		return -errno;
	return fd_take(&clone);
}

static void want(struct fuse_conn_info *conn, unsigned flag)
{
	conn->want |= conn->capable & flag;
}

static void op_init(void *ctx, struct fuse_conn_info *conn)
{
	struct overlay *ov = ctx;
	const struct options *o = &ov->options;
	struct channels *all = here->all;

	conn->want = 0;
	want(conn, FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS);
	want(conn, FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	want(conn, FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT);
	want(conn, FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA);
	/* The upper file system applies umask or default ACL: it alone knows which. */
	want(conn, FUSE_CAP_DONT_MASK);
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2 /* else patch_init() */
	want(conn, FUSE_CAP_HANDLE_KILLPRIV_V2);
#endif
	/* Entries of an ACL would be given to the files themselves, and to owners that they lack.
	 */
	if (!o->no_acl && !ov->remembers)
		want(conn, FUSE_CAP_POSIX_ACL);
	/* A quota's errors must reach who writes. */
	if (!o->no_writeback && overlay_writable(ov) && !ov->quota.is_on)
		want(conn, FUSE_CAP_WRITEBACK_CACHE);
	all->has_writeback = conn->want & FUSE_CAP_WRITEBACK_CACHE;
	conn->max_write = DATA_MAX;
	conn->max_background = 64;
	conn->time_gran = 1;
}

static int make_session(struct channels *all, int fd, struct err *err)
{
	char name[] = "bryo-overlay";
	char debug[] = "-d";
	char *argv[] = { name, debug, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(all->ov->options.debug ? 2 : 1, argv);
	struct fuse_lowlevel_ops ops = overlay_ops;
	char path[32];
	int own = -1;

	ops.init = op_init;
	all->session = fuse_session_new(&args, &ops, sizeof(ops), all->ov);
	fuse_opt_free_args(&args);
	if (!all->session)
		return err_say(err, ERR_FAILED, "libfuse makes no session");
	/* The session closes its own at its end; the channels' are the caller's. */
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return err_set(err, -errno, "cannot copy a channel");
	if (fuse_session_custom_io(all->session, &channel_io, own) == 0)
		return 0;
	/* Built without (libfuse 3.18's default): all threads share the first channel, to which
	 * libfuse then answers by itself. */
	all->is_shared = true;
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", own); /* fits */
	if (fuse_session_mount(all->session, path) == 0)
		return 0;
	(void)close(own); /* a channel: nothing to lose */
	return err_say(err, ERR_FAILED, "libfuse does not take its channel");
}

static int start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	int r = pthread_attr_init(&attr);

	if (r == 0)
		r = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (r == 0)
		r = pthread_create(thread, &attr, run, arg);
	(void)pthread_attr_destroy(&attr); /* of glibc: nothing to fail */
	return -r;
}

enum { CHANNELS_MAX = 64 };

static int run_threads(struct channels *all, struct channel *channels, size_t count,
		       struct err *err)
{
	pthread_t threads[CHANNELS_MAX] = { 0 };
	pthread_t seeker = 0;
	size_t started = 0;
	int r = start(&seeker, run_seeks, all);

	if (r < 0)
		return err_set(err, r, "cannot start a thread");
	/* The first channel is this thread's. With fewer threads it goes on all the same. */
	for (size_t i = 1; r == 0 && i < count; i++) {
		r = start(&threads[started], run_channel, &channels[i]);
		if (r == 0)
			started++;
	}
	serve_all(&channels[0]);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL); /* was started: nothing to fail */
	end_seeks(all);
	(void)pthread_join(seeker, NULL);
	return 0;
}

int channels_run(const struct channels_args *args, struct err *err)
{
	struct channels all = { .ov = args->ov,
				.seek_lock = PTHREAD_MUTEX_INITIALIZER,
				.seek_ready = PTHREAD_COND_INITIALIZER };
	struct channel channels[CHANNELS_MAX] = { 0 };
	size_t count = args->count < CHANNELS_MAX ? args->count : CHANNELS_MAX;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = channel_init(&channels[i], &all, args->fds[i]);
	if (r < 0)
		r = err_set(err, r, "cannot take memory for %zu channels", count);
	if (r == 0)
		r = make_session(&all, args->fds[0], err);
	for (size_t i = 1; r == 0 && all.is_shared && i < count; i++)
		channels[i].fd = channels[0].fd;
	if (r == 0) {
		here = &channels[0];
		r = serve_next(here); /* INIT */
		if (r < 0)
			r = err_set(err, r, "cannot greet the kernel");
	}
	if (r == 0)
		r = args->ready(args->ctx, err);
	if (r == 0)
		r = run_threads(&all, channels, count, err);
	here = NULL;
	for (size_t i = 0; i < count; i++)
		channel_done(&channels[i]);
	if (all.session)
		fuse_session_destroy(all.session);
	return r < 0 ? r : 0;
}
