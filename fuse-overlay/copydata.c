/* SPDX-License-Identifier: Apache-2.0 */
/* Copying data: see copydata.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/copydata.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/alloc.h"

enum { COPY_BUFFER = 128 * 1024 };

/* One run of data by plain reads and writes, where the kernel cannot copy it. */
static int copy_run_slowly(int from_fd, int to_fd, off_t start, off_t end)
{
	auto_free char *buffer = malloc(COPY_BUFFER);

	if (!buffer)
		return -ENOMEM;
	while (start < end) {
		size_t want = end - start < COPY_BUFFER ? (size_t)(end - start) : COPY_BUFFER;
		ssize_t n = pread(from_fd, buffer, want, start);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0; /* it has become shorter */
		for (ssize_t done = 0; done < n;) {
			ssize_t w = pwrite(to_fd, buffer + done, (size_t)(n - done), start + done);

			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0)
				return -errno;
			done += w;
		}
		start += n;
	}
	return 0;
}

static int copy_run(int from_fd, int to_fd, off_t start, off_t end)
{
	off_t from = start;
	off_t to = start;

	while (from < end) {
		ssize_t n = copy_file_range(from_fd, &from, to_fd, &to, (size_t)(end - from), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EIO || errno == EDQUOT || errno == EFBIG))
			return -errno;
		if (n <= 0) /* another file system, an old kernel, or /proc's lies about sizes */
			return copy_run_slowly(from_fd, to_fd, from, end);
	}
	return 0;
}

int copy_file_data(int from_fd, int to_fd, off_t size)
{
	off_t at = 0;
	int r = 0;

	if (size == 0)
		return 0;
	if (ioctl(to_fd, FICLONE, from_fd) == 0)
		return ftruncate(to_fd, size) < 0 ? -errno : 0;
	while (r == 0 && at < size) {
		off_t start = lseek(from_fd, at, SEEK_DATA);
		off_t end = 0;

		if (start < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (start < 0)
			start = at; /* no such question here: all is data */
		end = lseek(from_fd, start, SEEK_HOLE);
		if (end < 0 || end > size)
			end = size;
		if (start < end)
			r = copy_run(from_fd, to_fd, start, end);
		at = end;
	}
	return r < 0 ? r : ftruncate(to_fd, size) < 0 ? -errno : 0;
}
