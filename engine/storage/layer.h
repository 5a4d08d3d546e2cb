/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How layers come into the store and go out of it. Linked into bryo-image only: it brings in
 * OpenSSL (SHA-256), the codecs and threads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/archive/codec.h"
#include "engine/storage/storage.h"

struct err;

/* A process that unpacks on behalf of others, see layer_workers_start(). */
struct layer_workers;

struct layer_put_args {
	const struct storage *storage;

	/* Where the stream (plain or compressed) comes from: read(2)'s way, from any thread ... */
	ssize_t (*read)(void *ctx, void *data, size_t size);
	void *ctx;
	/*
	 * ... or, when read is NULL, a descriptor: from offset on by pread(2) when offset >= 0 (so
	 * that several layers of one archive file may be put at once), else from where it stands;
	 * size bytes, or to its end when size is 0.
	 */
	int fd;
	int64_t offset;
	uint64_t size;

	const char *digest;  /* what the stream must hash to ("sha256:..."), or NULL */
	const char *diff_id; /* what the uncompressed stream must hash to, or NULL */
	uint64_t max_size;   /* bytes that may come out of the stream; 0: 1 TiB */
	bool one_id;	     /* all files become the caller's; owners live on in the tar record */
	bool drop_blob;	     /* do not keep the compressed stream */
	struct layer_workers *workers; /* unpack in a locked-up process; NULL: in this one */
	/* Called now and then from the reading thread with the bytes of the stream read so far. */
	void (*progress)(void *progress_ctx, uint64_t bytes);
	void *progress_ctx;
};

struct layer_info {
	char diff_id[STORAGE_DIGEST_SIZE];
	char digest[STORAGE_DIGEST_SIZE]; /* of the stream as it came; equals diff_id for a plain
					     tar */
	uint64_t size;			  /* of the stream as it came */
	uint64_t tar_size;
	enum codec codec;
	bool reused; /* the layer was there already (or somebody else just made it) */
};

/*
 * Takes a layer in: hashes, inflates, unpacks and records it, all at the same time, makes it
 * durable and publishes it by one rename. Where args->diff_id names a layer that exists, it is
 * reused without a byte being read (then digest, size, tar_size and codec come from its record);
 * where another thread or process is just making that layer, waits for it.
 *
 * Nothing in the stream can make it write outside the layer's folder. Device nodes that this
 * process may not make become nothing on disk, as in rootless Podman with ignore_chown_errors,
 * and live on in the tar record. 0 or a negative errno with err set: ERR_USAGE for what is wrong
 * with the stream, digest mismatches included. A failure leaves nothing behind; a kill -9 leaves a
 * folder in tmp/ that storage_sweep() removes.
 */
int layer_put(const struct layer_put_args *args, struct layer_info *ret_info, struct err *err);

/*
 * Starts a process that serves layer_put(): each layer is unpacked in a fork of it that holds no
 * capability it can do without, sees no folder but the layer's, and may start no program and open
 * no socket (engine/base/sandbox.h). Call it before the first thread and before secrets are
 * read. layer_put() with these workers may be called from several threads.
 */
int layer_workers_start(struct layer_workers **ret_workers, struct err *err);
void layer_workers_stop(struct layer_workers *workers);

/*
 * Writes the layer's tar stream, byte for byte as it came in, to sink, from the tar record and the
 * unpacked files. The bytes are hashed on the way: -EBADMSG after the last byte when they are not
 * the layer's (somebody changed its files), so finish what you write only on 0.
 */
int layer_get(const struct storage *storage, const char *diff_id, struct codec_sink sink,
	      struct err *err);

/*
 * Opens the compressed stream of this digest that was kept for the layer. -ENOENT without err
 * being set when it was not: then compress layer_get()'s stream anew.
 */
int layer_get_blob(const struct storage *storage, const char *diff_id, const char *digest,
		   int *ret_fd, uint64_t *ret_size);
