/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a file's layer there already? Runs in bryo-image. Whoever brings a layer without saying its
 * diff id (import) would unpack it all only to throw it away; hashing a file costs a tenth of that.
 * A file is hashed only where a layer of exactly its size is there, so new ones cost nothing more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/storage/layer-internal.h"

#define BLOCK ((size_t)256 * 1024)

static int hash_file(int fd, uint64_t size, char ret_text[SHA256_TEXT_SIZE])
{
	auto_free char *block = xmalloc(BLOCK);
	struct sha256 hash auto_done(sha256);
	uint64_t at = 0;
	ssize_t n = 1;

	sha256_init(&hash);
	while (at < size && n > 0) {
		n = pread(fd, block, BLOCK, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			sha256_add(&hash, block, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	if (n < 0)
		return -errno;
	sha256_finish(&hash, ret_text);
	return at == size ? 0 : -EIO; /* shortened meanwhile */
}

/* A whole file, read from its begin to its end; what is read but once has no twin. */
static bool is_whole_file(const struct layer_put_args *args, uint64_t *ret_size)
{
	struct stat st;

	if (args->read || args->diff_id || args->digest || args->offset >= 0 || args->size != 0 ||
	    fstat(args->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    lseek(args->fd, 0, SEEK_CUR) != 0)
		return false;
	*ret_size = (uint64_t)st.st_size;
	return true;
}

static void describe(const struct storage_layer *layer, const char *digest, uint64_t size,
		     struct layer_info *ret)
{
	struct layer_info info = { .size = size, .tar_size = layer->tar_size, .reused = true };

	memcpy(info.diff_id, layer->diff_id, sizeof(info.diff_id));
	memcpy(info.digest, digest, sizeof(info.digest));
	if (str_eq(digest, layer->blob_digest))
		(void)codec_parse(layer->blob_codec, &info.codec); /* of our own record */
	*ret = info;
}

int layer_find_twin(const struct layer_put_args *args, struct layer_info *ret_info)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	char digest[SHA256_TEXT_SIZE] = "";
	uint64_t size = 0;

	if (!is_whole_file(args, &size) || storage_layer_list(args->storage, &ids, NULL) < 0)
		return 0;
	for (size_t i = 0; i < ids.count; i++) {
		struct storage_layer layer;

		if (storage_layer_stat(args->storage, ids.v[i], &layer, NULL) < 0 ||
		    (layer.tar_size != size && layer.blob_size != size))
			continue;
		if (!*digest && hash_file(args->fd, size, digest) < 0)
			return 0; /* the real reading tells why */
		if (!str_eq(digest, layer.diff_id) && !str_eq(digest, layer.blob_digest))
			continue;
		describe(&layer, digest, size, ret_info);
		return 1;
	}
	return 0;
}
