/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes with an upper bound, always followed by a NUL that is not counted. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while nothing was added */
	size_t size;
	size_t capacity;
	size_t max; /* 0: no bound; else adding beyond it gives -EFBIG and changes nothing */
};
#define BUF_INIT ((struct buf){ 0 })

void buf_done(struct buf *buf);
int buf_add(struct buf *buf, const void *data, size_t size); /* 0 or -EFBIG */
int buf_add_str(struct buf *buf, const char *s);
int buf_addf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_addc(struct buf *buf, char c);
/* Room for size more bytes at data+size (the caller adds to size what it wrote), or NULL. */
char *buf_room(struct buf *buf, size_t size);
/* Drops the first n bytes. */
void buf_consume(struct buf *buf, size_t n);
/* Gives the memory away (never NULL: an empty buffer gives ""); buf is empty after. */
char *buf_take(struct buf *buf);
