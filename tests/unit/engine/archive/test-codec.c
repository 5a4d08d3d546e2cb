/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed streams: round trips, members and frames in a row, damage, bombs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/codec.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

static int into_buf(void *ctx, const void *data, size_t size)
{
	return buf_add(ctx, data, size);
}

struct from {
	const struct buf *buf;
	size_t at;
	size_t step;
};

static ssize_t from_buf(void *ctx, void *data, size_t size)
{
	struct from *f = ctx;
	size_t n = f->buf->size - f->at;

	if (n > size)
		n = size;
	if (n > f->step)
		n = f->step;
	if (n > 0)
		memcpy(data, f->buf->data + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static void sample(struct buf *plain, size_t size)
{
	unsigned int x = 1;

	while (plain->size < size) {
		x = x * 1103515245 + 12345;
		(void)buf_addf(plain, "line %u of text\n", x >> (x & 15));
	}
}

static void compress(enum codec codec, int level, const struct buf *plain, size_t step,
		     struct buf *out)
{
	auto_encoder struct encoder *e = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(encoder_new(codec, level, (struct codec_sink){ into_buf, out }, &e, &err),
			 0);
	for (size_t at = 0; at < plain->size; at += step)
		assert_int_equal(encoder_write(e, plain->data + at,
					       plain->size - at < step ? plain->size - at : step),
				 0);
	assert_int_equal(encoder_finish(e), 0);
}

static int expand(const struct buf *in, size_t step, uint64_t max, struct buf *out,
		  enum codec *ret_codec, struct err *err)
{
	struct from from = { in, 0, step };
	struct decoder_args args = { .source = { from_buf, &from }, .max_size = max };
	auto_decoder struct decoder *d = NULL;
	static char chunk[50000];
	ssize_t n = decoder_new(&args, &d, err);

	if (n < 0)
		return (int)n;
	*ret_codec = decoder_codec(d);
	while ((n = decoder_read(d, chunk, sizeof(chunk), err)) > 0)
		(void)buf_add(out, chunk, (size_t)n);
	return (int)n;
}

static void same_bytes_come_back(void **state)
{
	static const struct {
		enum codec codec;
		int level;
	} cases[] = { { CODEC_NONE, CODEC_LEVEL_DEFAULT },
		      { CODEC_GZIP, CODEC_LEVEL_DEFAULT },
		      { CODEC_GZIP, 1 },
		      { CODEC_GZIP, 9 },
		      { CODEC_ZSTD, CODEC_LEVEL_DEFAULT },
		      { CODEC_ZSTD, 19 } };
	static const size_t sizes[] = { 0, 1, 1000, 700000 };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			struct buf plain auto_done(buf) = BUF_INIT;
			struct buf packed auto_done(buf) = BUF_INIT;
			struct buf packed2 auto_done(buf) = BUF_INIT;
			struct buf out auto_done(buf) = BUF_INIT;
			struct err err = ERR_INIT;
			enum codec found = CODEC_XZ;

			sample(&plain, sizes[s]);
			compress(cases[c].codec, cases[c].level, &plain, 100000, &packed);
			compress(cases[c].codec, cases[c].level, &plain, 777, &packed2);
			assert_int_equal(packed.size, packed2.size);
			if (packed.size)
				assert_memory_equal(packed.data, packed2.data, packed.size);
			assert_int_equal(expand(&packed, s % 2 ? 3 : 65536, 0, &out, &found, &err),
					 0);
			assert_int_equal(found, cases[c].codec);
			assert_int_equal(out.size, plain.size);
			if (out.size)
				assert_memory_equal(out.data, plain.data, out.size);
		}
}

static void members_and_frames_in_a_row(void **state)
{
	static const enum codec codecs[] = { CODEC_GZIP, CODEC_ZSTD };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++)
		for (size_t step = 1; step < 100000; step = step * 5 + 2) {
			struct buf plain auto_done(buf) = BUF_INIT;
			struct buf packed auto_done(buf) = BUF_INIT;
			struct buf out auto_done(buf) = BUF_INIT;
			struct err err = ERR_INIT;
			enum codec found = CODEC_XZ;

			sample(&plain, 5000);
			for (int i = 0; i < 5; i++)
				compress(codecs[c], CODEC_LEVEL_DEFAULT, &plain, 5000, &packed);
			assert_int_equal(expand(&packed, step, 0, &out, &found, &err), 0);
			assert_int_equal(out.size, plain.size * 5);
			(void)buf_add(&packed, "junk", 4);
			assert_int_equal(expand(&packed, step, 0, &out, &found, &err), -EBADMSG);
		}
}

/* Every cut and every flipped bit is found: by the format, or by its checksum. */
static void damage_is_found(void **state)
{
	static const enum codec codecs[] = { CODEC_GZIP, CODEC_ZSTD };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
		struct buf plain auto_done(buf) = BUF_INIT;
		struct buf packed auto_done(buf) = BUF_INIT;
		size_t whole = 0;

		sample(&plain, 3000);
		compress(codecs[c], CODEC_LEVEL_DEFAULT, &plain, 3000, &packed);
		whole = packed.size;
		for (size_t cut = CODEC_MAGIC_SIZE; cut < whole; cut++) {
			struct buf out auto_done(buf) = BUF_INIT;
			struct err err = ERR_INIT;
			enum codec found = CODEC_XZ;

			packed.size = cut;
			assert_int_equal(expand(&packed, 100000, 0, &out, &found, &err), -EBADMSG);
			packed.size = whole;
			/* gzip's header holds times and flags that no checksum covers */
			if (cut < 20)
				continue;
			packed.data[cut] ^= 0x10;
			out.size = 0;
			if (expand(&packed, 100000, 0, &out, &found, &err) >= 0) {
				assert_int_equal(out.size, plain.size);
				assert_memory_equal(out.data, plain.data, out.size);
			}
			packed.data[cut] ^= 0x10;
		}
	}
}

static void bombs_are_stopped(void **state)
{
	struct buf plain auto_done(buf) = BUF_INIT;
	struct buf packed auto_done(buf) = BUF_INIT;
	struct buf out auto_done(buf) = BUF_INIT;
	struct err err = ERR_INIT;
	enum codec found = CODEC_XZ;

	(void)state;
	sample(&plain, 100000);
	compress(CODEC_GZIP, CODEC_LEVEL_DEFAULT, &plain, 100000, &packed);
	assert_int_equal(expand(&packed, 100000, plain.size, &out, &found, &err), 0);
	out.size = 0;
	assert_int_equal(expand(&packed, 100000, plain.size - 1, &out, &found, &err), -EFBIG);
	assert_true(out.size < plain.size);
	assert_non_null(strstr(err.text, "more than"));
}

/* Streams by other programs. */
static void foreign_streams(void **state)
{
	static const struct {
		const char *program;
		enum codec codec;
	} cases[] = { { "gzip", CODEC_GZIP }, { "bzip2", CODEC_BZIP2 }, { "xz", CODEC_XZ } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *command =
			xasprintf("for i in 1 2 3; do echo hello; done | %s -c", cases[i].program);
		struct buf packed auto_done(buf) = BUF_INIT;
		struct buf out auto_done(buf) = BUF_INIT;
		struct err err = ERR_INIT;
		enum codec found = CODEC_NONE;
		char chunk[4096];
		FILE *p = popen(command, "r");

		(void)buf_add(&packed, chunk, fread(chunk, 1, sizeof(chunk), p));
		if (pclose(p) != 0)
			continue; /* the program is not installed here */
		assert_int_equal(expand(&packed, 10, 0, &out, &found, &err), 0);
		assert_int_equal(found, cases[i].codec);
		assert_string_equal(out.data, "hello\nhello\nhello\n");
		packed.size -= 5;
		assert_int_equal(expand(&packed, 10, 0, &out, &found, &err), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes_come_back),
		cmocka_unit_test(members_and_frames_in_a_row),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(bombs_are_stopped),
		cmocka_unit_test(foreign_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
