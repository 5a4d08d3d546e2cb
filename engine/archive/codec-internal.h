/* SPDX-License-Identifier: Apache-2.0 */
/* The seam behind codec.h: each codec fills one table and sees its input through this. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/archive/codec.h"

struct err;

enum { CODEC_INPUT_SIZE = 256 * 1024 };

/* The compressed bytes, buffered: what detection looked at must be read again. */
struct codec_input {
	struct codec_source source;
	uint8_t *data;
	const uint8_t *at;
	size_t left;
	int ended; /* 1: the source said so */
};

/* Makes at least one byte available at in->at: 1, 0 at the end, or the source's error. */
int codec_input_want(struct codec_input *in);

struct decoder_ops {
	int (*open)(void **ret_state, struct codec_input *in, struct err *err);
	/* The count, 0 at the end, -EBADMSG (damaged), -ENODATA (cut), or the source's error. */
	ssize_t (*read)(void *state, struct codec_input *in, void *data, size_t size);
	void (*close)(void *state);
};

struct encoder_ops {
	int (*open)(void **ret_state, int level, struct err *err);
	int (*write)(void *state, struct codec_sink *sink, const void *data, size_t size);
	int (*finish)(void *state, struct codec_sink *sink);
	void (*close)(void *state);
};

extern const struct decoder_ops codec_gzip_decoder;
extern const struct encoder_ops codec_gzip_encoder;
extern const struct decoder_ops codec_zstd_decoder;
extern const struct encoder_ops codec_zstd_encoder;
extern const struct decoder_ops codec_foreign_decoder; /* bzip2 and xz, by libarchive */
