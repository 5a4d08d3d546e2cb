/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed streams: any bytes, and never more out of them than was allowed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/codec.h"
#include "engine/base/err.h"

enum { ALLOWED = 1 << 20 };

struct from {
	const uint8_t *data;
	size_t size;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces whose size the input itself decides, so that boundaries get hit. */
static ssize_t read_some(void *ctx, void *data, size_t size)
{
	struct from *f = ctx;
	size_t n = f->size == 0 ? 0 : 1 + f->data[0] % 64;

	n = n < f->size ? n : f->size;
	n = n < size ? n : size;
	memcpy(data, f->data, n);
	f->data += n;
	f->size -= n;
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct from from = { data, size };
	struct decoder_args args = { .source = { read_some, &from }, .max_size = ALLOWED };
	auto_decoder struct decoder *d = NULL;
	struct err err = ERR_INIT;
	static char out[10000];
	size_t total = 0;
	ssize_t n = 0;

	if (size == 0 || decoder_new(&args, &d, &err) < 0)
		return 0;
	while ((n = decoder_read(d, out, sizeof(out), &err)) > 0)
		total += (size_t)n;
	if (total > ALLOWED || (n < 0 && err.code == 0))
		abort();
	return 0;
}
