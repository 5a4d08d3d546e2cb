/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: see fd.h. Runs in every process; allocates only in fd_read_all(). */
#include "engine/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "engine/base/alloc.h"

#define FD_PASS_MAX 16

void fd_close_p(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* nothing can be done about it, and Linux always frees it */
	*fd = -1;
	errno = saved;
}

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *data, size_t size)
{
	char *p = data;
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, p + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int fd_read_all(int fd, size_t max, char **ret_data, size_t *ret_size)
{
	auto_free char *data = NULL;
	size_t capacity = 4096;
	size_t used = 0;

	for (;;) {
		ssize_t n = 0;

		if (capacity > max + 1)
			capacity = max + 1;
		data = xrealloc(data, capacity + 1);
		n = fd_read_full(fd, data + used, capacity - used);
		if (n < 0)
			return (int)n;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
		if (used < capacity)
			break;
		capacity *= 2;
	}
	data[used] = '\0';
	*ret_data = take(data);
	if (ret_size)
		*ret_size = used;
	return 0;
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int fd_pipe(int ret_read_write[2])
{
	return pipe2(ret_read_write, O_CLOEXEC) < 0 ? -errno : 0;
}

int fd_socketpair(int type, int ret_ends[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret_ends) < 0 ? -errno : 0;
}

int fd_send(int sock, const void *data, size_t size, const int *fds, size_t fd_count)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count > FD_PASS_MAX || size == 0)
		return -EINVAL;
	if (fd_count > 0) {
		struct cmsghdr *c = NULL;

		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	for (;;) {
		ssize_t n = sendmsg(sock, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* The descriptors went with the first byte; the rest is a plain stream. */
		return (size_t)n == size
			       ? 0
			       : fd_write_all(sock, (const char *)data + n, size - (size_t)n);
	}
}

int fd_recv(int sock, void *data, size_t size, size_t *ret_size, int *ret_fds, size_t *fd_count)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	size_t room = fd_count ? *fd_count : 0;
	size_t kept = 0;
	ssize_t n = 0;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t count = 0;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd = -1;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (kept < room)
				ret_fds[kept++] = fd;
			else
				(void)close(
					fd); /* unasked for: never keep what a peer pushes on us */
		}
	}
	if (fd_count)
		*fd_count = kept;
	if (ret_size)
		*ret_size = (size_t)n;
	return n == 0 && kept == 0 ? -ECONNRESET : 0;
}

static int compare_int(const void *a, const void *b)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

	return (x > y) - (x < y);
}

int fd_close_all_but(int *keep, size_t count)
{
	unsigned int next = 3;

	qsort(keep, count, sizeof(*keep), compare_int);
	for (size_t i = 0; i < count; i++) {
		if (keep[i] < (int)next)
			continue;
		if (keep[i] > (int)next && syscall(SYS_close_range, next, keep[i] - 1, 0) < 0)
			return -errno;
		next = (unsigned int)keep[i] + 1;
	}
	return syscall(SYS_close_range, next, ~0U, 0) < 0 ? -errno : 0;
}

struct fd_path fd_path(int fd)
{
	struct fd_path p;

	(void)snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd); /* always fits */
	return p;
}
