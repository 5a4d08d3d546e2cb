/* SPDX-License-Identifier: Apache-2.0 */
/* zstd streams (RFC 8878) by libzstd: see codec-internal.h. Runs in bryo-image only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "engine/archive/codec-internal.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

enum { OUT_SIZE = 128 * 1024 };

struct state {
	ZSTD_DStream *in;
	ZSTD_CStream *out;
	size_t hint; /* what the last call returned: 0 at the end of a frame */
	char *data;
};

static void close_state(void *p)
{
	struct state *s = p;

	(void)ZSTD_freeDStream(s->in); /* NULL is fine; neither can fail */
	(void)ZSTD_freeCStream(s->out);
	free(s->data);
	free(s);
}

static int open_decoder(void **ret_state, struct codec_input *in, struct err *err)
{
	struct state *s = xcalloc(1, sizeof(*s));

	(void)in;
	s->in = ZSTD_createDStream();
	if (!s->in) {
		close_state(s);
		return err_set(err, -ENOMEM, "cannot start libzstd");
	}
	*ret_state = s;
	return 0;
}

/* libzstd bounds the window, and so its memory, to 128 MiB by itself (ZSTD_d_windowLogMax). */
static ssize_t decode(void *p, struct codec_input *input, void *data, size_t size)
{
	struct state *s = p;
	ZSTD_outBuffer out = { .dst = data, .size = size };

	while (out.pos == 0) {
		int more = codec_input_want(input);
		ZSTD_inBuffer in = { 0 };

		if (more < 0)
			return more;
		if (!more && s->hint == 0)
			return 0;
		in.src = input->at;
		in.size = input->left;
		s->hint = ZSTD_decompressStream(s->in, &out, &in);
		if (ZSTD_isError(s->hint))
			return -EBADMSG;
		input->at += in.pos;
		input->left -= in.pos;
		/* Nothing more to read and nothing came out, inside a frame. */
		if (!more && out.pos == 0)
			return -ENODATA;
	}
	return (ssize_t)out.pos;
}

static int open_encoder(void **ret_state, int level, struct err *err)
{
	struct state *s = xcalloc(1, sizeof(*s));

	if (level == CODEC_LEVEL_DEFAULT)
		level = 3; /* as containers-common */
	s->out = ZSTD_createCStream();
	s->data = xmalloc(OUT_SIZE);
	if (!s->out || level < 1 || level > 20 ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->out, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->out, ZSTD_c_checksumFlag, 1))) {
		close_state(s);
		return err_say(err, ERR_USAGE, "zstd has no compression level %d: use 1 to 20",
			       level);
	}
	*ret_state = s;
	return 0;
}

static int feed(struct state *s, struct codec_sink *sink, ZSTD_inBuffer *in, ZSTD_EndDirective how)
{
	for (;;) {
		ZSTD_outBuffer out = { .dst = s->data, .size = OUT_SIZE };
		size_t left = ZSTD_compressStream2(s->out, &out, in, how);
		int r = 0;

		if (ZSTD_isError(left))
			return -EIO;
		if (out.pos > 0)
			r = sink->write(sink->ctx, s->data, out.pos);
		if (r < 0)
			return r;
		if (how == ZSTD_e_end ? left == 0 : in->pos == in->size)
			return 0;
	}
}

static int encode(void *p, struct codec_sink *sink, const void *data, size_t size)
{
	ZSTD_inBuffer in = { .src = data, .size = size };

	return feed(p, sink, &in, ZSTD_e_continue);
}

static int finish(void *p, struct codec_sink *sink)
{
	ZSTD_inBuffer in = { 0 };

	return feed(p, sink, &in, ZSTD_e_end);
}

const struct decoder_ops codec_zstd_decoder = { .open = open_decoder,
						.read = decode,
						.close = close_state };
const struct encoder_ops codec_zstd_encoder = {
	.open = open_encoder, .write = encode, .finish = finish, .close = close_state
};
