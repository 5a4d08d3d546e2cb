/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer's stream, on its way into a folder. Runs in bryo-image's worker, in three threads:
 *
 *	caller: read, hash and keep what came, inflate ─┬─> hash the tar
 *	                                                └─> unpack it, record the rest of it
 *
 * so that a machine with two processors is busy with both. None of them may touch anything but the
 * layer's folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/storage/layer-internal.h"
#include "engine/storage/pipeline.h"

enum {
	READER_HASH,
	READER_UNPACK,
	PROGRESS_STEP = 512 * 1024,
	/* The record is mostly zeros: level 1 is a third larger than 3 and twice as fast. */
	RECORD_LEVEL = 1,
};

struct stream {
	const struct layer_job *job;
	struct pipeline pipeline;
	struct layer_result result;
	/* the reading side */
	struct sha256 hash;
	int blob_fd;
	bool started;
	bool plain;
	uint64_t told;
	/* the unpacking side */
	int record_fd;
	struct encoder *record;
	/* each stage's own words */
	struct err read_err, unpack_err;
	bool read_first, unpack_first;
};

ssize_t fd_source_read(void *ctx, void *data, size_t size)
{
	struct fd_source *s = ctx;
	ssize_t n = 0;

	if (s->bounded && size > s->left)
		size = (size_t)s->left;
	if (size == 0)
		return 0;
	do
		n = s->offset >= 0 ? pread(s->fd, data, size, s->offset) : read(s->fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* An end that comes too early must not pass for the stream's. */
	if (n == 0 && s->bounded)
		return -EPIPE;
	if (s->offset >= 0)
		s->offset += n;
	s->left -= s->bounded ? (uint64_t)n : 0;
	return n;
}

/* ---- Reading ---- */

/* A plain tar is hashed behind the ring alone, and needs no copy to go out again. */
static int start(struct stream *s, const void *data, size_t size)
{
	s->started = true;
	s->plain = codec_detect(data, size) == CODEC_NONE;
	if (s->plain || !s->job->keep_blob)
		return 0;
	s->blob_fd = openat(s->job->layer_fd, LAYER_BLOB,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return s->blob_fd < 0 ? -errno : 0;
}

static ssize_t read_source(void *ctx, void *data, size_t size)
{
	struct stream *s = ctx;
	ssize_t n = s->job->source.read(s->job->source.ctx, data, size);
	int r = 0;

	if (n <= 0)
		return n;
	if (!s->started)
		r = start(s, data, (size_t)n);
	if (r == 0 && !s->plain)
		sha256_add(&s->hash, data, (size_t)n);
	if (r == 0 && s->blob_fd >= 0)
		r = fd_write_all(s->blob_fd, data, (size_t)n);
	if (r < 0)
		return r;
	s->result.size += (uint64_t)n;
	if (s->job->progress && s->result.size - s->told >= PROGRESS_STEP) {
		s->told = s->result.size;
		s->job->progress(s->job->progress_ctx, s->result.size);
	}
	return n;
}

static int fill_ring(struct stream *s, struct decoder *decoder, struct err *err)
{
	for (;;) {
		uint8_t *room = pipeline_room(&s->pipeline);
		size_t used = 0;
		ssize_t n = 1;

		if (!room)
			return -ECANCELED;
		while (n > 0 && used < PIPELINE_SLOT_SIZE) {
			n = decoder_read(decoder, room + used, PIPELINE_SLOT_SIZE - used, err);
			if (n < 0)
				return (int)n;
			used += (size_t)n;
		}
		if (used == 0)
			return 0;
		s->result.tar_size += used;
		pipeline_push(&s->pipeline, used);
	}
}

static int read_all(struct stream *s)
{
	struct decoder_args args = { .source = { read_source, s }, .max_size = s->job->max_size };
	auto_decoder struct decoder *decoder = NULL;
	int r = decoder_new(&args, &decoder, &s->read_err);

	if (r == 0) {
		s->result.codec = decoder_codec(decoder);
		r = fill_ring(s, decoder, &s->read_err);
	}
	if (r == 0)
		pipeline_end(&s->pipeline);
	else
		s->read_first = pipeline_fail(&s->pipeline);
	if (s->job->progress)
		s->job->progress(s->job->progress_ctx, s->result.size);
	return r;
}

/* ---- Hashing ---- */

static void *hash_all(void *ctx)
{
	struct stream *s = ctx;
	struct sha256 hash;
	const void *data = NULL;
	size_t size = 0;

	sha256_init(&hash);
	while (pipeline_next(&s->pipeline, READER_HASH, &data, &size) == 0 && size > 0)
		sha256_add(&hash, data, size);
	sha256_finish(&hash, s->result.diff_id);
	return NULL;
}

/* ---- Unpacking ---- */

static int next_bytes(void *ctx, const void **ret_data, size_t *ret_size)
{
	struct stream *s = ctx;

	return pipeline_next(&s->pipeline, READER_UNPACK, ret_data, ret_size);
}

static int write_record(void *ctx, const void *data, size_t size)
{
	struct stream *s = ctx;

	return fd_write_all(s->record_fd, data, size);
}

static int keep_bytes(void *ctx, const void *data, size_t size)
{
	struct stream *s = ctx;

	return encoder_write(s->record, data, size);
}

static int unpack_all(struct stream *s, struct err *err)
{
	struct tar_reader_args args = {
		.fill = next_bytes, .ctx = s, .keep = keep_bytes, .keep_ctx = s
	};
	struct unpack_args how = { .layer_fd = s->job->layer_fd, .one_id = s->job->one_id };
	auto_tar_reader struct tar_reader *reader = tar_reader_new(&args);
	int r = encoder_new(CODEC_ZSTD, RECORD_LEVEL, (struct codec_sink){ write_record, s },
			    &s->record, err);

	if (r < 0)
		return r;
	s->record_fd = openat(s->job->layer_fd, LAYER_TAR_RECORD,
			      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (s->record_fd < 0)
		return err_set(err, -errno, "cannot write the layer's tar record");
	r = unpack(reader, &how, &s->result.unpacked, err);
	if (r < 0 && err->code == 0) /* fill's or keep's: the reader leaves the words to us */
		return err_set(err, r, "cannot write the layer's tar record");
	if (r < 0)
		return r;
	r = encoder_finish(s->record);
	return r < 0 ? err_set(err, r, "cannot write the layer's tar record") : 0;
}

static void *unpack_thread(void *ctx)
{
	struct stream *s = ctx;

	if (unpack_all(s, &s->unpack_err) < 0)
		s->unpack_first = pipeline_fail(&s->pipeline);
	return NULL;
}

/* ---- All of it ---- */

static int run_threads(struct stream *s, struct err *err)
{
	pthread_t hash = 0;
	pthread_t unpacker = 0;
	int r = -pthread_create(&hash, NULL, hash_all, s);

	if (r < 0)
		return err_set(err, r, "cannot start a thread");
	r = -pthread_create(&unpacker, NULL, unpack_thread, s);
	if (r < 0) {
		(void)pipeline_fail(&s->pipeline); /* ends the other thread */
		(void)pthread_join(hash, NULL);
		return err_set(err, r, "cannot start a thread");
	}
	r = read_all(s);
	(void)pthread_join(hash, NULL); /* both exist and nobody else joins them */
	(void)pthread_join(unpacker, NULL);
	if (s->read_first || s->unpack_first) {
		const struct err *first = s->read_first ? &s->read_err : &s->unpack_err;

		r = first->code ? first->code : -EIO;
		if (err)
			*err = *first;
	}
	return r;
}

static int check_digest(const char *what, const char *wanted, const char *is, struct err *err)
{
	if (!wanted || str_eq(wanted, is))
		return 0;
	return err_say(err, ERR_USAGE, "the %s of the layer is %s, not %s as it should be", what,
		       is, wanted);
}

static int finish(struct stream *s, struct err *err)
{
	struct layer_result *result = &s->result;
	char name[STORAGE_DIGEST_SIZE + 8];
	int r = 0;

	if (s->plain || !s->started)
		memcpy(result->digest, result->diff_id, sizeof(result->digest));
	else
		sha256_finish(&s->hash, result->digest);
	r = check_digest("digest", s->job->digest, result->digest, err);
	if (r == 0)
		r = check_digest("diff id", s->job->diff_id, result->diff_id, err);
	if (r < 0 || s->blob_fd < 0)
		return r;
	(void)snprintf(name, sizeof(name), LAYER_BLOB "-%s",
		       result->digest + strlen("sha256:")); /* fits */
	return renameat(s->job->layer_fd, LAYER_BLOB, s->job->layer_fd, name) < 0
		       ? err_set(err, -errno, "cannot keep the layer's compressed stream")
		       : 0;
}

int layer_stream(const struct layer_job *job, struct layer_result *ret, struct err *err)
{
	struct stream s = { .job = job, .blob_fd = -1, .record_fd = -1 };
	int r = 0;

	pipeline_init(&s.pipeline);
	sha256_init(&s.hash);
	r = run_threads(&s, err);
	if (r == 0)
		r = finish(&s, err);
	if (r == 0)
		*ret = s.result;
	encoder_free(s.record);
	fd_close(&s.record_fd);
	fd_close(&s.blob_fd);
	sha256_done(&s.hash);
	pipeline_done(&s.pipeline);
	return r;
}
