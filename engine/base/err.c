/* SPDX-License-Identifier: Apache-2.0 */
/* The error value: see err.h. Used in every process; allocates nothing. */
#include "engine/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	int code;
	int exit_status;
	int http_status;
} kinds[] = {
	[ERR_NONE] = { 0, 0, 200 },
	[ERR_FAILED] = { -EIO, 125, 500 },
	[ERR_USAGE] = { -EINVAL, 125, 400 },
	[ERR_NOT_FOUND] = { -ENOENT, 125, 404 },
	[ERR_EXISTS] = { -EEXIST, 125, 409 },
	[ERR_STATE] = { -EBUSY, 125, 409 },
	[ERR_UNSUPPORTED] = { -EOPNOTSUPP, 125, 501 },
	[ERR_CANNOT_EXEC] = { -EACCES, 126, 500 },
	[ERR_NO_COMMAND] = { -ENOENT, 127, 500 },
	[ERR_AUTH] = { -EACCES, 125, 401 },
	[ERR_BUSY] = { -EBUSY, 125, 409 },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* Ends a text that did not fit with "...", so that the reader knows. */
static void mark_cut(struct err *err, int wanted)
{
	if (wanted >= (int)sizeof(err->text))
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

/* A line must stay one line, whatever a file name or a server's answer holds. */
static void flatten(struct err *err)
{
	for (char *p = err->text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (!err)
		return code;
	err->code = code;
	err->kind = ERR_FAILED;
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && n < (int)sizeof(err->text))
		n += snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s",
			      strerror(-code));
	mark_cut(err, n);
	flatten(err);
	return code;
}

int err_say(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (!err)
		return kinds[kind].code;
	err->code = kinds[kind].code;
	err->kind = kind;
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	mark_cut(err, n);
	flatten(err);
	return err->code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	int n = 0;

	if (!err)
		return -EIO;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && n < (int)sizeof(err->text))
		n += snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", old);
	mark_cut(err, n);
	flatten(err);
	return err->code;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	size_t used = 0;
	va_list ap;
	int n = 0;

	if (!err)
		return -EIO;
	used = strlen(err->text);
	if (used + 3 < sizeof(err->text)) {
		memcpy(err->text + used, ". ", 3);
		used += 2;
		va_start(ap, fmt);
		n = vsnprintf(err->text + used, sizeof(err->text) - used, fmt, ap);
		va_end(ap);
		mark_cut(err, (int)used + n);
	}
	flatten(err);
	return err->code;
}

int err_exit_status(const struct err *err)
{
	return (size_t)err->kind < KIND_COUNT ? kinds[err->kind].exit_status : 125;
}

int err_http_status(const struct err *err)
{
	return (size_t)err->kind < KIND_COUNT ? kinds[err->kind].http_status : 500;
}

void err_send(int fd, const struct err *err)
{
	/* The reader treats silence as success by exec; a dying reader makes this moot. */
	(void)!write(fd, err, sizeof(*err));
}

int err_recv(int fd, struct err *ret_err)
{
	struct err got = ERR_INIT;
	ssize_t n = 0;

	do
		n = read(fd, &got, sizeof(got));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(got) || got.code >= 0 || (size_t)got.kind >= KIND_COUNT) {
		*ret_err = ERR_INIT;
		return err_say(ret_err, ERR_FAILED,
			       "a helper process reported an ill-formed error");
	}
	got.text[sizeof(got.text) - 1] = '\0';
	*ret_err = got;
	return got.code;
}
