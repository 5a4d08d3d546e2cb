/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that aborts the command when memory is gone: see alloc.h. */
#include "engine/base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *p)
{
	static const char line[] = "Error: out of memory\n";

	if (!p) {
		(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
		_exit(125);
	}
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
	return checked(realloc(old, size ? size : 1));
}

void *xmemdup(const void *data, size_t size)
{
	void *p = xmalloc(size);

	if (size)
		memcpy(p, data, size);
	return p;
}

char *xstrdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return checked(s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}
