/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the caller and the container's first process: see sync-internal.h. */
#include "engine/runtime/sync-internal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/fd.h"

/* Only errors carry the long part. */
#define SHORT_SIZE offsetof(struct sync_message, err)

int sync_send(int sock, enum sync_kind kind, int64_t value, int fd)
{
	struct sync_message message = { .kind = kind, .value = value };

	return fd_send(sock, &message, SHORT_SIZE, &fd, fd >= 0 ? 1 : 0);
}

int sync_send_error(int sock, const struct err *err)
{
	struct sync_message message = { .kind = SYNC_ERROR, .err = *err };

	return fd_send(sock, &message, sizeof(message), NULL, 0);
}

int sync_recv(int sock, struct sync_message *ret_message, int *ret_fd)
{
	struct sync_message message = { 0 };
	size_t fd_count = 1;
	size_t size = 0;
	int fd = -1;
	int r = fd_recv(sock, &message, sizeof(message), &size, &fd, &fd_count);

	/*
	 * A peer that dies with our words unread resets the connection, and the kernel tells that
	 * before it gives us the peer's own last words (unix_release_sock()). Asked again, it gives
	 * them, or the end of file.
	 */
	if (r == -ECONNRESET) {
		fd_count = 1;
		r = fd_recv(sock, &message, sizeof(message), &size, &fd, &fd_count);
	}
	if (r < 0)
		return r;
	if (fd_count == 0)
		fd = -1;
	/* The other end may be a process that has entered a container: take nothing on trust. */
	if (size < SHORT_SIZE || (message.kind == SYNC_ERROR && size != sizeof(message)) ||
	    message.kind < SYNC_MAPPED || message.kind > SYNC_LISTENER) {
		fd_close(&fd);
		return -EPROTO;
	}
	if (message.kind == SYNC_ERROR) {
		message.err.text[sizeof(message.err.text) - 1] = '\0';
		if (message.err.code >= 0)
			message.err.code = -EPROTO;
		if (message.err.kind <= ERR_NONE || message.err.kind > ERR_BUSY)
			message.err.kind = ERR_FAILED;
	}
	if (ret_fd)
		*ret_fd = fd;
	else
		fd_close(&fd);
	*ret_message = message;
	return 0;
}

int sync_expect(int sock, enum sync_kind kind, struct err *err)
{
	struct sync_message message;
	int r = sync_recv(sock, &message, NULL);

	if (r == -ECONNRESET)
		return err_set(err, r, "the container's first process ended during set-up");
	if (r < 0)
		return err_set(err, r, "cannot hear from the container's first process");
	if (message.kind == SYNC_ERROR) {
		if (err)
			*err = message.err;
		return message.err.code;
	}
	if (message.kind != kind)
		return err_say(err, ERR_FAILED,
			       "the container's first process said %u in place of %d", message.kind,
			       kind);
	return 0;
}
