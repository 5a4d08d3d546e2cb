/* SPDX-License-Identifier: Apache-2.0 */
/* Builds archives byte by byte for tests, the hostile ones too: nothing here is checked. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/archive/tar-internal.h"
#include "engine/base/buf.h"

static inline void build_seal(struct tar_header *h)
{
	unsigned int sum = 0;

	memset(h->checksum, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += ((unsigned char *)h)[i];
	(void)snprintf(h->checksum, 8, "%06o", sum);
}

static inline struct tar_header build_header(char type, const char *name, uint64_t size)
{
	struct tar_header h = { .type = type };

	strncpy(h.name, name, sizeof(h.name) - 1);
	(void)snprintf(h.mode, 8, "%07o", type == '5' ? 0755 : 0644);
	(void)snprintf(h.uid, 8, "%07o", 0);
	(void)snprintf(h.gid, 8, "%07o", 0);
	(void)snprintf(h.size, 12, "%011llo", (unsigned long long)size & 077777777777ULL);
	(void)snprintf(h.mtime, 12, "%011o", 1000000000);
	memcpy(h.magic, "ustar\00000", 8);
	return h;
}

static inline void build_bytes(struct buf *out, const void *data, size_t size)
{
	static const char zeros[TAR_BLOCK];

	(void)buf_add(out, data, size);
	(void)buf_add(out, zeros, -size & (TAR_BLOCK - 1));
}

static inline void build_raw(struct buf *out, struct tar_header h, const void *data, size_t size)
{
	build_seal(&h);
	(void)buf_add(out, &h, sizeof(h));
	build_bytes(out, data, size);
}

/* Any entry: link for types 1 and 2, content for files. */
static inline void build_entry(struct buf *out, char type, const char *name, const char *more)
{
	struct tar_header h = build_header(type, name, type == '0' ? strlen(more) : 0);

	if (type == '1' || type == '2')
		strncpy(h.link, more, sizeof(h.link) - 1);
	build_raw(out, h, more, type == '0' ? strlen(more) : 0);
}

/* A pax header with one record. */
static inline void build_pax(struct buf *out, char type, const char *key, const char *value)
{
	char text[4096];
	size_t body = strlen(key) + strlen(value) + 3;
	size_t total = body + 1;

	while ((size_t)snprintf(NULL, 0, "%zu", total) + body != total)
		total = (size_t)snprintf(NULL, 0, "%zu", total) + body;
	(void)snprintf(text, sizeof(text), "%zu %s=%s\n", total, key, value);
	build_raw(out, build_header(type, "pax", total), text, total);
}

static inline void build_end(struct buf *out)
{
	static const char zeros[2 * TAR_BLOCK];

	(void)buf_add(out, zeros, sizeof(zeros));
}
