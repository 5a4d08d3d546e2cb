/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving a layer back as the tar stream that it was: see layer.h. Runs in bryo-image. The tar
 * record is read by the same reader that made it, without contents; where a content belongs, it
 * comes from the unpacked file or from kept/. The hash at the end says whether all were right.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/archive/sha256.h"
#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "engine/storage/layer-internal.h"
#include "engine/storage/storage-internal.h"

enum { CHUNK = 256 * 1024, KEPT_INDEX_MAX = 64 * 1024 * 1024 };

struct kept {
	char what; /* 'c' or 'r', see unpack.h */
	uint64_t number;
	unsigned int file;
	const char *path; /* into the index's text */
};

struct giver {
	const char *diff_id;
	struct codec_sink sink;
	struct sha256 hash;
	int layer_fd;
	int diff_fd;
	int record_fd;
	struct decoder *record;
	char *chunk; /* for the record */
	char *data;  /* for contents */
	char *index;
	struct kept *kept;
	size_t kept_count, kept_capacity;
	struct err *err;
	int sink_error; /* the sink's own */
};

static void giver_done(struct giver *g)
{
	sha256_done(&g->hash);
	fd_close(&g->layer_fd);
	fd_close(&g->diff_fd);
	fd_close(&g->record_fd);
	decoder_free(g->record);
	free(g->chunk);
	free(g->data);
	free(g->index);
	free(g->kept);
}

static int damaged(const struct giver *g, const char *why)
{
	(void)err_say(g->err, ERR_FAILED, "the layer %s in the store is damaged: %s", g->diff_id,
		      why);
	return -EBADMSG;
}

/* All that goes out goes through here. */
static int give(void *ctx, const void *data, size_t size)
{
	struct giver *g = ctx;
	int r = g->sink.write(g->sink.ctx, data, size);

	if (r < 0) {
		g->sink_error = r;
		return r;
	}
	sha256_add(&g->hash, data, size);
	return 0;
}

/* ---- kept/ ---- */

static int parse_kept(struct giver *g, const char *text)
{
	struct kept k = { 0 };
	unsigned long long number = 0;
	int used = 0;

	if (sscanf(text, "%c %llu %u%n", &k.what, &number, &k.file, &used) != 3)
		return damaged(g, "its list of kept contents");
	k.number = number;
	k.path = text + used + (text[used] == ' ');
	xgrow(g->kept, g->kept_count, g->kept_capacity);
	g->kept[g->kept_count++] = k;
	return 0;
}

static int read_kept(struct giver *g)
{
	size_t size = 0;
	int r = file_read_at(g->layer_fd, KEPT_INDEX, KEPT_INDEX_MAX, &g->index, &size);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(g->err, r, "cannot read the kept contents of layer %s", g->diff_id);
	for (const char *p = g->index; p < g->index + size; p += strlen(p) + 1) {
		r = parse_kept(g, p);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Opens kept/FILE or what lies below it. */
static int open_kept(const struct giver *g, unsigned int file, const char *below)
{
	auto_free char *path = xasprintf(KEPT_FOLDER "/%u%s", file, below);
	auto_close int fd = -1;
	const char *name = NULL;

	fd = unpack_open_parent(g->layer_fd, path, &name);
	if (fd < 0)
		return fd;
	fd = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd_take(&fd);
}

/*
 * Where the content of this entry is: kept as such; or, when a later entry replaced its path or a
 * folder above it, with the first replacement after it; else in its place.
 */
static int open_content(const struct giver *g, const struct tar_entry *e)
{
	char clean[UNPACK_PATH_MAX];
	auto_close int parent = -1;
	const char *name = NULL;
	int fd = -1;

	if (unpack_clean_path(e->path, clean) < 0)
		return -EINVAL;
	for (size_t i = 0; i < g->kept_count; i++) {
		const struct kept *k = &g->kept[i];
		size_t n = strlen(k->path);

		if (k->what == 'c' && k->number == e->number)
			return open_kept(g, k->file, "");
		if (k->what == 'r' && k->number > e->number && strncmp(clean, k->path, n) == 0 &&
		    (clean[n] == '\0' || clean[n] == '/'))
			return open_kept(g, k->file, clean + n);
	}
	parent = unpack_open_parent(g->diff_fd, clean, &name);
	if (parent < 0)
		return parent;
	fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* ---- Contents ---- */

static int give_range(struct giver *g, const struct tar_entry *e, int fd, uint64_t at,
		      uint64_t size)
{
	while (size > 0) {
		size_t want = size < CHUNK ? (size_t)size : CHUNK;
		ssize_t n = pread(fd, g->data, want, (off_t)at);
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(g->err, -errno, "cannot read \"%.200s\" of layer %s",
				       e->path, g->diff_id);
		if (n == 0)
			return damaged(g, "a file of it is shorter than it was");
		r = give(g, g->data, (size_t)n);
		if (r < 0)
			return r;
		at += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}

static bool was_kept_whole(const struct giver *g, const struct tar_entry *e)
{
	for (size_t i = 0; i < g->kept_count; i++)
		if (g->kept[i].what == 'c' && g->kept[i].number == e->number)
			return true;
	return false;
}

static int give_content(struct giver *g, const struct tar_entry *e)
{
	auto_close int fd = open_content(g, e);
	int r = 0;

	if (fd < 0)
		return damaged(g, "a file of it is missing");
	if (!e->sparse || was_kept_whole(g, e))
		return give_range(g, e, fd, 0, e->stored_size);
	for (size_t i = 0; r == 0 && i < e->run_count; i++)
		r = give_range(g, e, fd, e->runs[i].offset, e->runs[i].size);
	return r;
}

/* ---- The record ---- */

static ssize_t read_record(void *ctx, void *data, size_t size)
{
	return fd_read_full(*(int *)ctx, data, size);
}

static int next_record_bytes(void *ctx, const void **ret_data, size_t *ret_size)
{
	struct giver *g = ctx;
	ssize_t n = decoder_read(g->record, g->chunk, CHUNK, g->err);

	if (n < 0)
		return (int)n;
	*ret_data = g->chunk;
	*ret_size = (size_t)n;
	return 0;
}

static int give_all(struct giver *g)
{
	struct tar_reader_args args = { .fill = next_record_bytes,
					.ctx = g,
					.keep = give,
					.keep_ctx = g,
					.without_content = true };
	auto_tar_reader struct tar_reader *reader = tar_reader_new(&args);
	const struct tar_entry *e = NULL;
	int r = 0;

	while ((r = tar_reader_next(reader, &e, g->err)) > 0) {
		r = e->stored_size > 0 ? give_content(g, e) : 0;
		if (r < 0)
			break;
	}
	if (g->sink_error < 0)
		return err_set(g->err, g->sink_error, "cannot write layer %s", g->diff_id);
	return r;
}

static int open_layer(struct giver *g, const struct storage *s)
{
	struct layer_path path = layer_path(g->diff_id, "");
	struct decoder_args args = { .source = { read_record, &g->record_fd } };

	g->layer_fd =
		openat(s->layers_fd, path.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (g->layer_fd < 0 && errno == ENOENT)
		return err_say(g->err, ERR_NOT_FOUND, "the layer %s is not in the store",
			       g->diff_id);
	g->diff_fd = openat(g->layer_fd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	g->record_fd = openat(g->layer_fd, LAYER_TAR_RECORD, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (g->layer_fd < 0 || g->diff_fd < 0 || g->record_fd < 0)
		return err_set(g->err, -errno, "cannot open layer %s", g->diff_id);
	g->chunk = xmalloc(CHUNK);
	g->data = xmalloc(CHUNK);
	return decoder_new(&args, &g->record, g->err);
}

int layer_get(const struct storage *s, const char *diff_id, struct codec_sink sink, struct err *err)
{
	struct err unasked = ERR_INIT;
	struct giver g auto_done(giver) = { .diff_id = diff_id,
					    .sink = sink,
					    .layer_fd = -1,
					    .diff_fd = -1,
					    .record_fd = -1,
					    .err = err ? err : &unasked };
	char is[SHA256_TEXT_SIZE];
	int r = 0;

	if (!storage_digest_valid(diff_id))
		return err_say(err, ERR_USAGE, "\"%s\" is no diff id of a layer", diff_id);
	sha256_init(&g.hash);
	r = open_layer(&g, s);
	if (r == 0)
		r = read_kept(&g);
	if (r == 0)
		r = give_all(&g);
	if (r < 0)
		return r;
	sha256_finish(&g.hash, is);
	return str_eq(is, diff_id) ? 0 : damaged(&g, "its files were changed");
}

int layer_get_blob(const struct storage *s, const char *diff_id, const char *digest, int *ret_fd,
		   uint64_t *ret_size)
{
	char name[STORAGE_DIGEST_SIZE + 8];
	struct layer_path path;
	auto_close int fd = -1;
	struct stat st;

	if (!storage_digest_valid(diff_id) || !storage_digest_valid(digest))
		return -EINVAL;
	(void)snprintf(name, sizeof(name), LAYER_BLOB "-%s", digest + strlen("sha256:")); /* fits */
	path = layer_path(diff_id, name);
	fd = openat(s->layers_fd, path.text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = fd_take(&fd);
	return 0;
}
