/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for commands: out of memory aborts in one place. Long-lived processes (monitor, FUSE
 * daemon, network stack) take what they need with these before they report ready, and use
 * plain malloc with -ENOMEM after.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

/* Each returns memory that the caller owns and frees with free(); none returns NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
void *xmemdup(const void *data, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* Makes room for one more element in a growing array of any type. */
#define xgrow(array, count, capacity)                                                              \
	do {                                                                                       \
		if ((count) >= (capacity)) {                                                       \
			(capacity) = (capacity) ? (capacity)*2 : 8;                                \
			(array) = xrealloc((array), (capacity) * sizeof(*(array)));                \
		}                                                                                  \
	} while (0)

static inline void free_p(void *p)
{
	free(*(void **)p);
}
#define auto_free __attribute__((cleanup(free_p)))

/* auto_done(noun): calls noun_done(&x) when x leaves its scope. */
#define auto_done(noun) __attribute__((cleanup(noun##_done)))

/* Gives the pointer away: the attribute at its declaration then finds NULL. */
#define take(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
