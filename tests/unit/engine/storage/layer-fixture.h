/* SPDX-License-Identifier: Apache-2.0 */
/* Layers from memory into a store and back, and a sample of all kinds of entries. */
#pragma once

#include "tests/unit/engine/storage/store-fixture.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "engine/archive/sha256.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/storage/layer.h"
#include "engine/storage/storage-internal.h"
#include "tests/unit/engine/archive/archive-build.h"

struct from {
	const struct buf *buf;
	size_t at;
};

static inline ssize_t from_buf(void *ctx, void *data, size_t size)
{
	struct from *f = ctx;
	size_t n = f->buf->size - f->at;

	n = n < size ? n : size;
	n = n < 10000 ? n : 10000;
	if (n > 0)
		memcpy(data, f->buf->data + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static inline int into_buf(void *ctx, const void *data, size_t size)
{
	return buf_add(ctx, data, size);
}

static inline int put(const struct storage *s, const struct buf *stream, struct layer_info *info,
		      struct err *err)
{
	struct from from = { stream, 0 };
	struct layer_put_args args = {
		.storage = s, .read = from_buf, .ctx = &from, .one_id = true
	};

	return layer_put(&args, info, err);
}

/* Puts it, and wants the same bytes back. Returns the unpacked folder. */
static inline int put_and_get(const struct storage *s, const struct buf *tar,
			      struct layer_info *info)
{
	struct buf out auto_done(buf) = BUF_INIT;
	char path[200];
	int fd = -1;

	OK(put(s, tar, info, &err));
	OK(layer_get(s, info->diff_id, (struct codec_sink){ into_buf, &out }, &err));
	CHECK(out.size == tar->size);
	CHECK(out.size == 0 || memcmp(out.data, tar->data, out.size) == 0);
	(void)snprintf(path, sizeof(path), "%s/diff", info->diff_id + 7);
	fd = openat(s->layers_fd, path, O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	return fd;
}

static inline bool tmp_is_empty(const struct storage *s)
{
	auto_close int tmp = openat(s->root_fd, "tmp", O_RDONLY | O_DIRECTORY);
	uint64_t bytes = 0;
	uint64_t entries = 0;

	CHECK(file_tree_usage(tmp, ".", &bytes, &entries) == 0);
	return entries == 1;
}

static inline void compress(enum codec codec, const struct buf *plain, struct buf *out)
{
	auto_encoder struct encoder *e = NULL;

	OK(encoder_new(codec, CODEC_LEVEL_DEFAULT, (struct codec_sink){ into_buf, out }, &e, &err));
	CHECK(encoder_write(e, plain->data, plain->size) == 0 && encoder_finish(e) == 0);
}

static inline void sample(struct buf *tar)
{
	struct tar_header h = build_header('0', "usr/setuid", 4);

	build_entry(tar, '5', "./", "");
	build_entry(tar, '5', "usr/", "");
	build_entry(tar, '0', "usr/file", "content");
	build_entry(tar, '1', "usr/hard", "usr/file");
	build_entry(tar, '2', "usr/soft", "/etc/passwd");
	memcpy(h.mode, "0004755", 7);
	build_raw(tar, h, "suid", 4);
	build_pax(tar, 'x', "SCHILY.xattr.user.mine", "yes");
	build_entry(tar, '0', "usr/attr", "a");
	build_pax(tar, 'x', "SCHILY.xattr.user.overlay.opaque", "y");
	build_entry(tar, '5', "usr/forged", "");
	build_entry(tar, '3', "usr/null", "");
	build_entry(tar, '6', "usr/fifo", "");
	build_entry(tar, '0', "no/entry/for/parents", "x");
	build_end(tar);
	(void)buf_add(tar, "tail", 4);
}

static inline void check_sample(int fd)
{
	struct stat a;
	struct stat b;
	char value[8];

	CHECK(has_text(fd, "usr/file", "content"));
	CHECK(fstatat(fd, "usr/file", &a, 0) == 0 && fstatat(fd, "usr/hard", &b, 0) == 0);
	CHECK(a.st_ino == b.st_ino && a.st_mtim.tv_sec == 1000000000);
	CHECK(fstatat(fd, "usr", &a, 0) == 0 && a.st_mtim.tv_sec == 1000000000);
	CHECK(fstatat(fd, "usr/soft", &a, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(a.st_mode));
	CHECK(fstatat(fd, "usr/setuid", &a, 0) == 0 && (a.st_mode & 07777) == 04755);
	{
		auto_close int attr = openat(fd, "usr/attr", O_RDONLY);
		auto_close int forged = openat(fd, "usr/forged", O_RDONLY);

		CHECK(fgetxattr(attr, "user.mine", value, sizeof(value)) == 3);
		CHECK(fgetxattr(forged, STORAGE_OPAQUE_XATTR, value, sizeof(value)) < 0);
	}
	CHECK(faccessat(fd, "usr/null", F_OK, AT_SYMLINK_NOFOLLOW) < 0); /* 0/0 would hide */
	CHECK(fstatat(fd, "usr/fifo", &a, 0) == 0 && S_ISFIFO(a.st_mode));
	CHECK(has_text(fd, "no/entry/for/parents", "x"));
}
