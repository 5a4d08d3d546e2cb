/* SPDX-License-Identifier: Apache-2.0 */
/* Growing byte buffer: see buf.h. */
#include "engine/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){ .max = buf->max };
}

char *buf_room(struct buf *buf, size_t size)
{
	size_t need = buf->size + size;

	if (need < size || (buf->max && need > buf->max))
		return NULL;
	if (need + 1 > buf->capacity) {
		size_t capacity = buf->capacity ? buf->capacity * 2 : 64;

		if (capacity < need + 1)
			capacity = need + 1;
		buf->data = xrealloc(buf->data, capacity);
		buf->capacity = capacity;
	}
	return buf->data + buf->size;
}

int buf_add(struct buf *buf, const void *data, size_t size)
{
	char *room = buf_room(buf, size);

	if (!room)
		return -EFBIG;
	if (size)
		memcpy(room, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
	return 0;
}

int buf_add_str(struct buf *buf, const char *s)
{
	return buf_add(buf, s, strlen(s));
}

int buf_addc(struct buf *buf, char c)
{
	return buf_add(buf, &c, 1);
}

int buf_addf(struct buf *buf, const char *fmt, ...)
{
	auto_free char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return buf_add_str(buf, s);
}

void buf_consume(struct buf *buf, size_t n)
{
	if (n == 0)
		return;
	memmove(buf->data, buf->data + n, buf->size - n);
	buf->size -= n;
	buf->data[buf->size] = '\0';
}

char *buf_take(struct buf *buf)
{
	char *data = buf->data ? buf->data : xstrdup("");

	*buf = (struct buf){ .max = buf->max };
	return data;
}
