/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the data of files. Runs in bryo-overlay, in every thread. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuse-overlay/attr.h"
#include "fuse-overlay/channel.h"
#include "fuse-overlay/copyup.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct handle *handle = NULL;
	char *buffer = NULL;
	ssize_t n = 0;
	int r = handle_file(ov, ops_node(req, ino), false, &handle);

	(void)fi; /* files are not opened here */
	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	if (channel_reply_pages(req, handle->fd, offset, size)) {
		handle_put(ov, handle);
		return;
	}
	buffer = channel_buffer(size);
	do
		n = buffer ? pread(handle->fd, buffer, size, offset) : -1;
	while (n < 0 && buffer && errno == EINTR);
	if (n < 0)
		ops_reply(req, buffer ? -errno : -ENOMEM);
	else
		(void)fuse_reply_buf(req, buffer, (size_t)n); /* see ops_reply() */
	handle_put(ov, handle);
}

/* Opens for writing, in the upper layer. */
static int open_written(struct overlay *ov, struct node *node, struct handle **ret)
{
	int r = node_copy_up(ov, node, COPY_ALL);

	return r < 0 ? r : handle_file(ov, node, true, ret);
}

/* Set-id bits go, and the kernel goes by the mode that it remembers, at exec too. */
static int kill_ids(struct overlay *ov, struct node *node, fuse_ino_t ino)
{
	int r = attr_kill_ids(ov, node);

	return r < 0 ? r : channel_forget_attributes(ino);
}

/* With HANDLE_KILLPRIV_V2 only write(2) and truncate(2) say whether the caller may keep them. For
 * other changes of data it is real root (CAP_FSETID in the first user namespace). */
static bool is_stranger(fuse_req_t req)
{
	return fuse_req_ctx(req)->uid != 0 || !ops_overlay(req)->has_trusted;
}

void op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *data, off_t offset,
		  struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	size_t length = fuse_buf_size(data);
	struct fuse_bufvec out = FUSE_BUFVEC_INIT(length);
	struct quota_change change = { 0 };
	struct handle *handle = NULL;
	ssize_t n = 0;
	int r = open_written(ov, node, &handle);

	(void)fi; /* files are not opened here */
	if (r == 0 && channel_kills_ids())
		r = kill_ids(ov, node, ino);
	if (r == 0)
		r = quota_write_begin(ov, node, handle->fd, offset, &length, &change);
	if (r == 0) {
		out.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
		out.buf[0].fd = handle->fd;
		out.buf[0].pos = offset;
		out.buf[0].size = length;
		n = fuse_buf_copy(&out, data, 0);
		r = n < 0 ? (int)n : 0;
		quota_change_end(ov, &change);
	}
	handle_put_p(ov, &handle);
	if (r < 0)
		ops_reply(req, r);
	else
		(void)fuse_reply_write(req, (size_t)n); /* see ops_reply() */
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	struct handle *handle = NULL;
	int r = 0;

	(void)fi; /* files are not opened here */
	/* A layer was synced when it was made. */
	if (!ov->options.is_volatile && node->layer == UPPER) {
		r = handle_file(ov, node, false, &handle);
		if (r == 0 && (datasync ? fdatasync(handle->fd) : fsync(handle->fd)) < 0)
			r = -errno;
		handle_put_p(ov, &handle);
	}
	ops_reply(req, r);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	struct handle *dir = NULL;
	int fd = -1;
	int r = 0;

	(void)fi; /* folders are not opened here */
	if (!ov->options.is_volatile && node->layer == UPPER) {
		r = handle_folder(ov, node, UPPER, &dir);
		if (r == 0)
			fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (r == 0 && (fd < 0 || (datasync ? fdatasync(fd) : fsync(fd)) < 0))
			r = -errno;
		if (fd >= 0)
			(void)close(fd); /* only read */
		handle_put_p(ov, &dir);
	}
	ops_reply(req, r);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		  struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	struct quota_change change = { 0 };
	struct handle *handle = NULL;
	int r = open_written(ov, node, &handle);

	(void)fi; /* files are not opened here */
	if (r == 0 && is_stranger(req))
		r = kill_ids(ov, node, ino);
	if (r == 0)
		r = quota_allocate_begin(ov, node, handle->fd, mode, offset, length, &change);
	if (r == 0) {
		r = fallocate(handle->fd, mode, offset, length) < 0 ? -errno : 0;
		quota_change_end(ov, &change);
	}
	handle_put_p(ov, &handle);
	ops_reply(req, r);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
			struct fuse_file_info *from_fi, fuse_ino_t to, off_t to_offset,
			struct fuse_file_info *to_fi, size_t size, int flags)
{
	struct overlay *ov = ops_overlay(req);
	struct handle *source = NULL;
	struct handle *target = NULL;
	struct quota_change change = { 0 };
	ssize_t n = 0;
	int r = open_written(ov, ops_node(req, to), &target);

	(void)from_fi; /* files are not opened here */
	(void)to_fi;
	if (r == 0)
		r = handle_file(ov, ops_node(req, from), false, &source);
	if (r == 0 && is_stranger(req))
		r = kill_ids(ov, ops_node(req, to), to);
	if (r == 0)
		r = quota_write_begin(ov, ops_node(req, to), target->fd, to_offset, &size, &change);
	if (r == 0) {
		n = copy_file_range(source->fd, &from_offset, target->fd, &to_offset, size,
				    (unsigned)flags);
		r = n < 0 ? -errno : 0;
		quota_change_end(ov, &change);
	}
	handle_put_p(ov, &source);
	handle_put_p(ov, &target);
	/* The kernel copies by pages where this cannot be (another file system). */
	if (r < 0)
		ops_reply(req, r == -EXDEV ? -EOPNOTSUPP : r);
	else
		(void)fuse_reply_write(req, (size_t)n); /* see ops_reply() */
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	struct handle *handle = NULL;
	off_t at = 0;
	int r = 0;

	(void)fi; /* files are not opened here */
	/* What was written may be in the kernel's cache alone, and would be taken for a hole. */
	if (node->layer == UPPER && channel_has_writeback()) {
		channel_seek_later(req, node, offset, whence);
		return;
	}
	r = handle_file(ov, node, false, &handle);
	if (r == 0) {
		at = lseek(handle->fd, offset, whence);
		r = at < 0 ? -errno : 0;
	}
	handle_put_p(ov, &handle);
	if (r < 0)
		ops_reply(req, r);
	else
		(void)fuse_reply_lseek(req, at); /* see ops_reply() */
}
