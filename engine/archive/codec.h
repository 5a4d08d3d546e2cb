/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed streams behind one seam. Only bryo-image links this: it brings in zlib, ISA-L,
 * libzstd and libarchive (for bzip2 and xz, which only `import` and `load` meet).
 *
 * gzip is inflated by ISA-L where it exists (x86-64, aarch64), else by zlib.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum codec {
	CODEC_NONE,
	CODEC_GZIP,
	CODEC_ZSTD,
	CODEC_BZIP2, /* reading only */
	CODEC_XZ,    /* reading only */
};

/* How many first bytes codec_detect() wants to see; fewer are fine at the end of a stream. */
enum { CODEC_MAGIC_SIZE = 6 };

/* Which codec the first bytes of a stream name; CODEC_NONE for all else (a tar, for example). */
enum codec codec_detect(const void *data, size_t size);

/* "", "gzip", "zstd", "bzip2", "xz"; codec_parse() also takes "none" and "uncompressed". */
const char *codec_name(enum codec codec);
int codec_parse(const char *name, enum codec *ret_codec); /* 0 or -EINVAL */

/* ---- Reading ---- */

struct codec_source {
	/* read(2)'s way: bytes read, 0 at the end, a negative errno. */
	ssize_t (*read)(void *ctx, void *data, size_t size);
	void *ctx;
};

struct decoder;

struct decoder_args {
	struct codec_source source;
	/* Bytes that may come out: one more is refused as a decompression bomb. 0: no bound. */
	uint64_t max_size;
};

/*
 * Reads the first bytes, finds the codec by its magic and gets ready to read on. The caller
 * frees *ret_decoder. 0 or a negative errno with err set.
 */
int decoder_new(const struct decoder_args *args, struct decoder **ret_decoder, struct err *err);
void decoder_free(struct decoder *decoder); /* NULL is fine */
enum codec decoder_codec(const struct decoder *decoder);

/*
 * Fills data with up to size bytes: the count, 0 at the end (checksums were right and the source
 * is at its end), or a negative errno with err set: -EBADMSG for damaged or cut streams, -EFBIG
 * beyond max_size, or the source's. Concatenated gzip members and zstd frames are one stream.
 */
ssize_t decoder_read(struct decoder *decoder, void *data, size_t size, struct err *err);

static inline void decoder_free_p(struct decoder **decoder)
{
	decoder_free(*decoder);
}
#define auto_decoder __attribute__((cleanup(decoder_free_p)))

/* ---- Writing ---- */

struct codec_sink {
	int (*write)(void *ctx, const void *data, size_t size); /* 0 or a negative errno */
	void *ctx;
};

struct encoder;

enum { CODEC_LEVEL_DEFAULT = -1000 };

/*
 * CODEC_NONE, CODEC_GZIP or CODEC_ZSTD (others: ERR_UNSUPPORTED). level is gzip's 1 to 9 or zstd's
 * 1 to 20, or CODEC_LEVEL_DEFAULT. The bytes written depend on nothing but the input and the level.
 */
int encoder_new(enum codec codec, int level, struct codec_sink sink, struct encoder **ret_encoder,
		struct err *err);
int encoder_write(struct encoder *encoder, const void *data,
		  size_t size);		     /* 0 or a negative errno */
int encoder_finish(struct encoder *encoder); /* writes the end; once, before encoder_free() */
void encoder_free(struct encoder *encoder);

static inline void encoder_free_p(struct encoder **encoder)
{
	encoder_free(*encoder);
}
#define auto_encoder __attribute__((cleanup(encoder_free_p)))
