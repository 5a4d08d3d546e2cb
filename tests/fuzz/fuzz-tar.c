/* SPDX-License-Identifier: Apache-2.0 */
/* The tar reader: any bytes. What it reads whole adds up, and its record alone gives it back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int keep(void *ctx, const void *data, size_t size)
{
	return buf_add(ctx, data, size);
}

/* All of it: kept gets the rest, contents the contents. The number of entries, or an error. */
static int read_all(const struct tar_reader_args *args, const struct buf *from,
		    struct buf *contents)
{
	auto_tar_reader struct tar_reader *reader = tar_reader_new(args);
	const struct tar_entry *e = NULL;
	struct err err = ERR_INIT;
	size_t given = 0;
	int count = 0;
	int r = 0;

	while ((r = tar_reader_next(reader, &e, &err)) > 0) {
		const void *data = NULL;
		size_t size = 0;
		uint64_t offset = 0;

		count++;
		if (strlen(e->path) + strlen(e->link) + strlen(e->user) + strlen(e->group) >
		    4U << 20)
			abort();
		for (size_t i = 0; i < e->xattr_count; i++)
			if (!*e->xattrs[i].name)
				abort();
		while ((r = tar_reader_data(reader, &data, &size, &offset, &err)) > 0) {
			if (offset + size > e->size)
				abort();
			(void)buf_add(contents, data, size);
		}
		if (r < 0)
			break;
		if (from &&
		    e->stored_size > 0) { /* the record: contents come from the first reading */
			if (e->stored_size > from->size - given)
				abort();
			(void)keep(args->keep_ctx, from->data + given, e->stored_size);
			given += e->stored_size;
		}
	}
	if (r < 0 && err.code == 0)
		abort(); /* an error without words */
	return r < 0 ? r : count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf kept auto_done(buf) = BUF_INIT;
	struct buf contents auto_done(buf) = BUF_INIT;
	struct buf again auto_done(buf) = BUF_INIT;
	struct buf none auto_done(buf) = BUF_INIT;
	struct tar_reader_args args = {
		.data = data, .size = size, .keep = keep, .keep_ctx = &kept
	};
	int count = read_all(&args, NULL, &contents);

	if (count < 0)
		return 0;
	if (kept.size + contents.size != size)
		abort();
	args = (struct tar_reader_args){ .data = kept.data,
					 .size = kept.size,
					 .keep = keep,
					 .keep_ctx = &again,
					 .without_content = true };
	if (read_all(&args, &contents, &none) != count)
		abort();
	if (again.size != size || (size > 0 && memcmp(again.data, data, size) != 0))
		abort();
	return 0;
}
