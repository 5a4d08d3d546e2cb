/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: see log.h. The level is the process's only mutable global. */
#include "engine/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level current = LOG_WARN;

void log_set_level(enum log_level level)
{
	current = level;
}

enum log_level log_get_level(void)
{
	return current;
}

int log_level_parse(const char *name, enum log_level *ret_level)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = { { "trace", LOG_TRACE }, { "debug", LOG_DEBUG },  { "info", LOG_INFO },
		      { "warn", LOG_WARN },   { "warning", LOG_WARN }, { "error", LOG_ERROR },
		      { "fatal", LOG_ERROR }, { "panic", LOG_ERROR } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, name) == 0) {
			*ret_level = names[i].level;
			return 0;
		}
	return -EINVAL;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const words[] = { "error", "warning", "info", "debug", "trace" };
	int saved = errno;
	char text[1024];
	va_list ap;
	int n = 0;

	if (level > current)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= 0)
		(void)dprintf(STDERR_FILENO, "bryo[%d] %s: %s\n", (int)getpid(), words[level],
			      text);
	errno = saved;
}
