/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip streams (RFC 1952) by ISA-L, several times faster than zlib, or by zlib where ISA-L does not
 * exist and for the levels that it does not have: see codec-internal.h. Runs in bryo-image only.
 *
 * A gzip stream is a row of members (eStargz and pigz write many); what follows the last one must
 * be the end, as Go's reader wants it.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "engine/archive/codec-internal.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

#if defined(__x86_64__) || defined(__aarch64__)
#define HAVE_ISAL 1
#include <isa-l/igzip_lib.h>
#else
#define HAVE_ISAL 0
#endif

enum {
	OUT_SIZE = 256 * 1024,
	/* Input goes to ISA-L in pieces of this size, however the caller cuts it, so that equal
	 * streams give equal bytes. */
	PIECE_SIZE = 256 * 1024,
	LEVEL_DEFAULT = 2,
	LEVEL_ISAL_MAX = 3,
};

/* ---- Reading by ISA-L ---- */

#if HAVE_ISAL
struct isal_reader {
	struct inflate_state inflate;
	int between; /* no member is open */
};

static void isal_close(void *p)
{
	free(p);
}

static int isal_open(void **ret_state, struct codec_input *in, struct err *err)
{
	struct isal_reader *s = xcalloc(1, sizeof(*s));

	(void)in;
	(void)err;
	isal_inflate_init(&s->inflate);
	s->inflate.crc_flag = ISAL_GZIP; /* reads the header, checks the trailer's CRC and length */
	s->between = 1;
	*ret_state = s;
	return 0;
}

/* The next member starts here: 1, or 0 at the end of the stream. */
static int isal_next_member(struct isal_reader *s, struct codec_input *in)
{
	int more = codec_input_want(in);

	if (more <= 0)
		return more;
	isal_inflate_reset(&s->inflate);
	s->inflate.crc_flag = ISAL_GZIP;
	s->between = 0;
	return 1;
}

static ssize_t isal_decode(void *p, struct codec_input *in, void *data, size_t size)
{
	struct isal_reader *s = p;
	struct inflate_state *z = &s->inflate;

	if (size > INT_MAX)
		size = INT_MAX;
	z->next_out = data;
	z->avail_out = (uint32_t)size;
	while (z->avail_out == size) {
		int more = s->between ? isal_next_member(s, in) : codec_input_want(in);
		int ended = 0;
		int r = 0;

		if (more < 0)
			return more;
		if (s->between)
			return 0;
		z->next_in = (uint8_t *)in->at; /* it is only read */
		z->avail_in = (uint32_t)in->left;
		r = isal_inflate(z);
		ended = z->block_state == ISAL_BLOCK_FINISH;
		in->at = in->left > 0 ? z->next_in : in->at;
		in->left = z->avail_in;
		if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT)
			return -EBADMSG;
		if (!more && !ended && z->avail_out == size)
			return -ENODATA;
		s->between = ended;
	}
	return (ssize_t)(size - z->avail_out);
}

#define DECODER                                                                                    \
	{                                                                                          \
		.open = isal_open, .read = isal_decode, .close = isal_close                        \
	}
#else

/* ---- Reading by zlib ---- */

struct zlib_reader {
	z_stream z;
	int between;
};

static void zlib_close_reader(void *p)
{
	struct zlib_reader *s = p;

	(void)inflateEnd(&s->z); /* only fails for a broken state */
	free(s);
}

static int zlib_open_reader(void **ret_state, struct codec_input *in, struct err *err)
{
	struct zlib_reader *s = xcalloc(1, sizeof(*s));

	(void)in;
	if (inflateInit2(&s->z, 15 + 16) != Z_OK) { /* 16: gzip only */
		free(s);
		return err_set(err, -ENOMEM, "cannot start zlib");
	}
	s->between = 1;
	*ret_state = s;
	return 0;
}

static ssize_t zlib_decode(void *p, struct codec_input *in, void *data, size_t size)
{
	struct zlib_reader *s = p;
	z_stream *z = &s->z;

	if (size > INT_MAX)
		size = INT_MAX;
	z->next_out = data;
	z->avail_out = (uInt)size;
	while (z->avail_out == size) {
		int more = codec_input_want(in);
		int r = 0;

		if (more < 0)
			return more;
		if (!more)
			return s->between ? 0 : -ENODATA;
		if (s->between && inflateReset(z) != Z_OK)
			return -EBADMSG;
		z->next_in = (Bytef *)in->at; /* it is only read */
		z->avail_in = (uInt)in->left;
		r = inflate(z, Z_NO_FLUSH);
		in->at = z->next_in;
		in->left = z->avail_in;
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return -EBADMSG;
		s->between = r == Z_STREAM_END;
	}
	return (ssize_t)(size - z->avail_out);
}

#define DECODER                                                                                    \
	{                                                                                          \
		.open = zlib_open_reader, .read = zlib_decode, .close = zlib_close_reader          \
	}
#endif

/* ---- Writing ---- */

struct writer {
	z_stream z; /* where by_zlib */
	int by_zlib;
	uint8_t *out;
#if HAVE_ISAL
	struct isal_zstream isal;
	uint8_t *level_memory;
	uint8_t *piece;
	size_t piece_size;
#endif
};

static void close_writer(void *p)
{
	struct writer *s = p;

	if (s->by_zlib)
		(void)deflateEnd(&s->z); /* says only that data was left, as after an error */
	free(s->out);
#if HAVE_ISAL
	free(s->level_memory);
	free(s->piece);
#endif
	free(s);
}

#if HAVE_ISAL
static void open_isal(struct writer *s, int level)
{
	static const uint32_t memory[LEVEL_ISAL_MAX + 1] = { 0, ISAL_DEF_LVL1_DEFAULT,
							     ISAL_DEF_LVL2_DEFAULT,
							     ISAL_DEF_LVL3_DEFAULT };

	isal_deflate_init(&s->isal);
	s->isal.level = (uint32_t)level;
	s->isal.level_buf_size = memory[level];
	s->level_memory = xmalloc(memory[level]);
	s->isal.level_buf = s->level_memory;
	s->isal.gzip_flag = IGZIP_GZIP;
	s->piece = xmalloc(PIECE_SIZE);
}
#endif

static int open_writer(void **ret_state, int level, struct err *err)
{
	struct writer *s = NULL;

	if (level == CODEC_LEVEL_DEFAULT)
		level = LEVEL_DEFAULT;
	if (level < 1 || level > 9)
		return err_say(err, ERR_USAGE, "gzip has no compression level %d: use 1 to 9",
			       level);
	s = xcalloc(1, sizeof(*s));
	s->out = xmalloc(OUT_SIZE);
#if HAVE_ISAL
	if (level <= LEVEL_ISAL_MAX) {
		open_isal(s, level);
		*ret_state = s;
		return 0;
	}
#endif
	s->by_zlib = 1;
	if (deflateInit2(&s->z, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
		s->by_zlib = 0;
		close_writer(s);
		return err_set(err, -ENOMEM, "cannot start zlib");
	}
	*ret_state = s;
	return 0;
}

static int zlib_encode(struct writer *s, struct codec_sink *sink, const uint8_t *data, size_t size,
		       int flush)
{
	int r = Z_OK;

	do {
		size_t part = size < INT_MAX ? size : INT_MAX;

		s->z.next_in = (Bytef *)data; /* it is only read */
		s->z.avail_in = (uInt)part;
		do {
			int e = 0;

			s->z.next_out = s->out;
			s->z.avail_out = OUT_SIZE;
			r = deflate(&s->z, flush);
			if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
				return -EIO;
			e = sink->write(sink->ctx, s->out, OUT_SIZE - s->z.avail_out);
			if (e < 0)
				return e;
		} while (s->z.avail_out == 0);
		data += part;
		size -= part;
	} while (size > 0);
	return 0;
}

#if HAVE_ISAL
static int isal_flush_piece(struct writer *s, struct codec_sink *sink, bool last)
{
	s->isal.next_in = s->piece;
	s->isal.avail_in = (uint32_t)s->piece_size;
	s->isal.end_of_stream = last;
	s->piece_size = 0;
	do {
		int e = 0;

		s->isal.next_out = s->out;
		s->isal.avail_out = OUT_SIZE;
		if (isal_deflate(&s->isal) != COMP_OK)
			return -EIO;
		e = sink->write(sink->ctx, s->out, OUT_SIZE - s->isal.avail_out);
		if (e < 0)
			return e;
	} while (s->isal.avail_out == 0);
	assert(s->isal.avail_in == 0);
	return 0;
}

static int isal_encode(struct writer *s, struct codec_sink *sink, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t n = PIECE_SIZE - s->piece_size;

		if (n > size)
			n = size;
		memcpy(s->piece + s->piece_size, data, n);
		s->piece_size += n;
		data += n;
		size -= n;
		if (s->piece_size == PIECE_SIZE) {
			int r = isal_flush_piece(s, sink, false);

			if (r < 0)
				return r;
		}
	}
	return 0;
}
#endif

static int encode(void *p, struct codec_sink *sink, const void *data, size_t size)
{
	struct writer *s = p;

#if HAVE_ISAL
	if (!s->by_zlib)
		return isal_encode(s, sink, data, size);
#endif
	return zlib_encode(s, sink, data, size, Z_NO_FLUSH);
}

static int finish(void *p, struct codec_sink *sink)
{
	struct writer *s = p;

#if HAVE_ISAL
	if (!s->by_zlib)
		return isal_flush_piece(s, sink, true);
#endif
	return zlib_encode(s, sink, NULL, 0, Z_FINISH);
}

const struct decoder_ops codec_gzip_decoder = DECODER;
const struct encoder_ops codec_gzip_encoder = {
	.open = open_writer, .write = encode, .finish = finish, .close = close_writer
};
