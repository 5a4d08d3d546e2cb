/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: ownership, whole reads and writes, passing them over sockets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

/* Closes *fd if it is open, sets it to -1, keeps errno. */
void fd_close_p(int *fd);
#define auto_close __attribute__((cleanup(fd_close_p)))

/* Gives the descriptor away; *fd becomes -1. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Closes *fd now (no error is lost: for files that were written, check fd_sync first). */
static inline void fd_close(int *fd)
{
	fd_close_p(fd);
}

/* Writes all of data, through short writes and EINTR. 0 or a negative errno. */
int fd_write_all(int fd, const void *data, size_t size);

/*
 * Reads until size bytes or end of file. Returns the count (may be short only at end of file)
 * or a negative errno.
 */
ssize_t fd_read_full(int fd, void *data, size_t size);

/*
 * Reads all of fd into fresh memory, NUL-terminated (the NUL is not counted). At most max
 * bytes: more is -EFBIG. The caller owns *ret_data.
 */
int fd_read_all(int fd, size_t max, char **ret_data, size_t *ret_size);

/* Sets or clears O_NONBLOCK / FD_CLOEXEC. 0 or a negative errno. */
int fd_set_nonblock(int fd, bool on);
int fd_set_cloexec(int fd, bool on);

/* Both ends close-on-exec; 0 or a negative errno. */
int fd_pipe(int ret_read_write[2]);
int fd_socketpair(int type, int ret_ends[2]);

/*
 * Sends data with up to 16 descriptors over an AF_UNIX socket (SCM_RIGHTS, unix(7)). The
 * descriptors stay the caller's. At least one byte of data is needed.
 */
int fd_send(int sock, const void *data, size_t size, const int *fds, size_t fd_count);

/*
 * Receives one message: up to size bytes (stored in *ret_size) and up to *fd_count
 * descriptors, close-on-exec, whose number is stored there; further ones are closed. Returns
 * 0, -ECONNRESET at end of file, or a negative errno.
 */
int fd_recv(int sock, void *data, size_t size, size_t *ret_size, int *ret_fds, size_t *fd_count);

/*
 * Moves descriptors so that the array keep[] stays open and all others from 3 on are closed
 * (close_range(2)). keep is sorted in place; entries below 3 and duplicates are allowed.
 */
int fd_close_all_but(int *keep, size_t count);

/* Path of an open descriptor below /proc/self/fd, for calls that take only paths. */
struct fd_path {
	char text[32];
};
struct fd_path fd_path(int fd);
#define FD_PATH(fd) (fd_path(fd).text)
