/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that take layers in and give them back share. For bryo-image. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/archive/codec.h"
#include "engine/storage/layer.h"
#include "engine/storage/unpack.h"

struct err;

#define LAYER_TAR_RECORD "tar.zst"
#define LAYER_BLOB "blob" /* renamed to blob-HEX when its digest is known */

/* One stream to be unpacked into a private folder. */
struct layer_job {
	struct codec_source source;
	int layer_fd; /* holds an empty diff/ */
	const char *digest;
	const char *diff_id;
	uint64_t max_size;
	bool one_id;
	bool keep_blob;
	void (*progress)(void *ctx, uint64_t bytes);
	void *progress_ctx;
};

struct layer_result {
	char diff_id[STORAGE_DIGEST_SIZE];
	char digest[STORAGE_DIGEST_SIZE];
	uint64_t size;
	uint64_t tar_size;
	enum codec codec;
	struct unpack_result unpacked;
};

/* Unpacks, hashes and records the stream with threads of its own, and checks both digests. */
int layer_stream(const struct layer_job *job, struct layer_result *ret, struct err *err);

/* A descriptor as source: from offset by pread(2) where it is not negative; size 0: to the end. */
struct fd_source {
	int fd;
	int64_t offset;
	uint64_t left;
	bool bounded;
};
ssize_t fd_source_read(void *ctx, void *data, size_t size);

/* layer_stream() in a locked-up process of args->workers, which holds lock_fd (-1: none) too. */
int layer_workers_run(const struct layer_put_args *args, int layer_fd, int lock_fd,
		      struct layer_result *ret, struct err *err);

/* What may come out of a stream when the caller names no bound. */
#define LAYER_MAX_SIZE_DEFAULT (1ULL << 40)

/*
 * Looks for a layer that the whole file args->fd would become: by size, then by digest. 1 with
 * *ret_info filled in, or 0; a file that cannot be read is the later reading's to tell.
 */
int layer_find_twin(const struct layer_put_args *args, struct layer_info *ret_info);
