/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed streams: see codec.h. Runs in bryo-image only. Finds the codec, counts what comes
 * out, and words the errors; the codecs themselves are codec-gzip.c, codec-zstd.c and
 * codec-foreign.c.
 */
#include "engine/archive/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/codec-internal.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

static ssize_t plain_read(void *state, struct codec_input *in, void *data, size_t size);

static const struct decoder_ops plain_decoder = { .read = plain_read };

static const struct {
	const char *name;
	unsigned char magic[CODEC_MAGIC_SIZE];
	size_t magic_size;
	const struct decoder_ops *decoder;
	const struct encoder_ops *encoder;
} codecs[] = {
	[CODEC_NONE] = { "", { 0 }, 0, &plain_decoder, NULL },
	/* RFC 1952 knows no other method than 8. */
	[CODEC_GZIP] = { "gzip", { 0x1f, 0x8b, 8 }, 3, &codec_gzip_decoder, &codec_gzip_encoder },
	[CODEC_ZSTD] = { "zstd",
			 { 0x28, 0xb5, 0x2f, 0xfd },
			 4,
			 &codec_zstd_decoder,
			 &codec_zstd_encoder },
	[CODEC_BZIP2] = { "bzip2", { 'B', 'Z', 'h' }, 3, &codec_foreign_decoder, NULL },
	[CODEC_XZ] = { "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, &codec_foreign_decoder, NULL },
};

struct decoder {
	enum codec codec;
	struct codec_input in;
	void *state;
	uint64_t max_size;
	uint64_t produced;
};

struct encoder {
	const struct encoder_ops *ops; /* NULL: bytes go through */
	struct codec_sink sink;
	void *state;
};

/* A skippable frame (RFC 8878, 3.1.2) may stand first, as zstd:chunked's writers do. */
static bool is_skippable_zstd(const unsigned char *p, size_t size)
{
	return size >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18;
}

enum codec codec_detect(const void *data, size_t size)
{
	for (size_t i = 1; i < ARRAY_SIZE(codecs); i++)
		if (size >= codecs[i].magic_size &&
		    memcmp(data, codecs[i].magic, codecs[i].magic_size) == 0)
			return (enum codec)i;
	return is_skippable_zstd(data, size) ? CODEC_ZSTD : CODEC_NONE;
}

const char *codec_name(enum codec codec)
{
	return codecs[codec].name;
}

int codec_parse(const char *name, enum codec *ret_codec)
{
	if (str_eq(name, "none") || str_eq(name, "uncompressed"))
		name = "";
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (str_eq(name, codecs[i].name)) {
			*ret_codec = (enum codec)i;
			return 0;
		}
	return -EINVAL;
}

/* ---- Reading ---- */

int codec_input_want(struct codec_input *in)
{
	ssize_t n = 0;

	if (in->left > 0)
		return 1;
	if (in->ended)
		return 0;
	n = in->source.read(in->source.ctx, in->data, CODEC_INPUT_SIZE);
	if (n < 0)
		return (int)n;
	in->at = in->data;
	in->left = (size_t)n;
	in->ended = n == 0;
	return n > 0;
}

/* Straight from the source, past the buffer, once what detection read is used up. */
static ssize_t plain_read(void *state, struct codec_input *in, void *data, size_t size)
{
	(void)state;
	if (in->left > 0) {
		size_t n = in->left < size ? in->left : size;

		memcpy(data, in->at, n);
		in->at += n;
		in->left -= n;
		return (ssize_t)n;
	}
	return in->ended ? 0 : in->source.read(in->source.ctx, data, size);
}

/* Short reads are legal for pipes: goes on until the magic is there or the stream has ended. */
static int read_magic(struct codec_input *in)
{
	in->at = in->data;
	while (in->left < CODEC_MAGIC_SIZE && !in->ended) {
		ssize_t n = in->source.read(in->source.ctx, in->data + in->left,
					    CODEC_INPUT_SIZE - in->left);

		if (n < 0)
			return (int)n;
		in->left += (size_t)n;
		in->ended = n == 0;
	}
	return 0;
}

int decoder_new(const struct decoder_args *args, struct decoder **ret_decoder, struct err *err)
{
	auto_decoder struct decoder *d = xcalloc(1, sizeof(*d));
	int r = 0;

	d->max_size = args->max_size;
	d->in.source = args->source;
	d->in.data = xmalloc(CODEC_INPUT_SIZE);
	r = read_magic(&d->in);
	if (r < 0)
		return err_set(err, r, "cannot read the stream");
	d->codec = codec_detect(d->in.at, d->in.left);
	if (codecs[d->codec].decoder->open) {
		r = codecs[d->codec].decoder->open(&d->state, &d->in, err);
		if (r < 0)
			return r;
	}
	*ret_decoder = take(d);
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	if (d->state)
		codecs[d->codec].decoder->close(d->state);
	free(d->in.data);
	free(d);
}

enum codec decoder_codec(const struct decoder *d)
{
	return d->codec;
}

ssize_t decoder_read(struct decoder *d, void *data, size_t size, struct err *err)
{
	ssize_t n = codecs[d->codec].decoder->read(d->state, &d->in, data, size);

	if (n == -EBADMSG || n == -ENODATA) {
		(void)err_say(err, ERR_USAGE, "the %s stream is %s", codecs[d->codec].name,
			      n == -ENODATA ? "cut" : "damaged");
		return -EBADMSG;
	}
	if (n < 0)
		return err_set(err, (int)n, "cannot read the stream");
	d->produced += (uint64_t)n;
	if (d->max_size > 0 && d->produced > d->max_size) {
		(void)err_say(err, ERR_USAGE,
			      "the stream holds more than the %llu bytes allowed for it",
			      (unsigned long long)d->max_size);
		return -EFBIG;
	}
	return n;
}

/* ---- Writing ---- */

int encoder_new(enum codec codec, int level, struct codec_sink sink, struct encoder **ret_encoder,
		struct err *err)
{
	auto_encoder struct encoder *e = xcalloc(1, sizeof(*e));
	int r = 0;

	if (codec != CODEC_NONE && !codecs[codec].encoder)
		return err_say(err, ERR_UNSUPPORTED, "cannot compress with %s: use gzip or zstd",
			       codecs[codec].name);
	e->ops = codecs[codec].encoder;
	e->sink = sink;
	if (e->ops) {
		r = e->ops->open(&e->state, level, err);
		if (r < 0)
			return r;
	}
	*ret_encoder = take(e);
	return 0;
}

int encoder_write(struct encoder *e, const void *data, size_t size)
{
	if (size == 0)
		return 0;
	return e->ops ? e->ops->write(e->state, &e->sink, data, size)
		      : e->sink.write(e->sink.ctx, data, size);
}

int encoder_finish(struct encoder *e)
{
	return e->ops ? e->ops->finish(e->state, &e->sink) : 0;
}

void encoder_free(struct encoder *e)
{
	if (!e)
		return;
	if (e->state)
		e->ops->close(e->state);
	free(e);
}
