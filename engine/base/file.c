/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files and trees: see file.h. Follows no symlinks in trees. */
#include "engine/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"

/* Of a size that is known: what is added meanwhile is left out, and no call asks for the end. */
static int read_regular(int fd, size_t size, char **ret_data, size_t *ret_size)
{
	auto_free char *data = xmalloc(size + 1);
	ssize_t n = fd_read_full(fd, data, size);

	if (n < 0)
		return (int)n;
	data[n] = '\0';
	*ret_data = take(data);
	if (ret_size)
		*ret_size = (size_t)n;
	return 0;
}

int file_read_at(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || st.st_size == 0) /* as of proc(5): it says nothing */
		return fd_read_all(fd, max, ret_data, ret_size);
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	return read_regular(fd, (size_t)st.st_size, ret_data, ret_size);
}

static int write_new(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
		     enum file_sync sync)
{
	auto_close int fd =
		openat(dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
	int r = 0;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, size);
	if (r < 0)
		return r;
	if (sync == FILE_SYNC && fdatasync(fd) < 0)
		return -errno;
	return 0;
}

int file_create_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
		   enum file_sync sync)
{
	int r = write_new(dir_fd, name, data, size, mode, sync);

	if (r == 0 && sync == FILE_SYNC && fsync(dir_fd) < 0 && errno != EINVAL)
		r = -errno;
	return r;
}

int file_replace_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
		    enum file_sync sync)
{
	char unique[17];
	auto_free char *temporary = NULL;
	int r = 0;

	str_random_hex(unique, 16);
	temporary = xasprintf("%s.%s.tmp", name, unique);
	r = write_new(dir_fd, temporary, data, size, mode, sync);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, temporary, 0); /* the first error is the one to tell */
		return r;
	}
	if (sync == FILE_SYNC && dir_fd >= 0 && fsync(dir_fd) < 0 && errno != EINVAL &&
	    errno != EBADF)
		return -errno;
	return 0;
}

int file_overwrite_at(int dir_fd, const char *name, const void *data, size_t size,
		      enum file_sync sync)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_free char *all = NULL;
	struct stat st;
	size_t total = 0;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (size > (uint64_t)st.st_blocks * 512)
		return -ENOSPC;
	total = size > (size_t)st.st_size ? size : (size_t)st.st_size;
	all = xmalloc(total + 1);
	memset(mempcpy(all, data, size), '\n', total - size);
	/* In one call, which readers and a kill see done or not done, as good as always. */
	do
		n = pwrite(fd, all, total, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n != total)
		return -ENOSPC;
	return sync == FILE_SYNC && fdatasync(fd) < 0 ? -errno : 0;
}

int file_replace_or_overwrite_at(int dir_fd, const char *name, const void *data, size_t size,
				 mode_t mode, enum file_sync sync)
{
	int r = file_replace_at(dir_fd, name, data, size, mode, sync);

	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	return file_overwrite_at(dir_fd, name, data, size, sync) == 0 ? 0 : r;
}

int file_poke_at(int dir_fd, const char *name, const char *data)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(data);
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static void keep_first(int *first, int r)
{
	if (*first == 0 && r < 0 && r != -ENOENT)
		*first = r;
}

/*
 * One removal of a tree. Trees may be deeper than we may have descriptors open: from DEPTH_MAX on,
 * a folder is not entered but moved up into the top one, which is gone through again.
 */
struct removal {
	int top_fd;
	unsigned int moved;
};

enum { DEPTH_MAX = 100 };

static int remove_folder(struct removal *r, int parent_fd, const char *name, int depth);

/* -EXDEV for a mount point: what is mounted there is not ours to delete. */
static int open_folder(int parent_fd, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_NO_XDEV };
	long fd = syscall(SYS_openat2, parent_fd, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static int remove_entry(struct removal *r, int dir_fd, const struct dirent *e, int depth)
{
	if (e->d_type != DT_DIR && unlinkat(dir_fd, e->d_name, 0) == 0)
		return 0;
	if (e->d_type != DT_DIR && errno != EISDIR && errno != EPERM)
		return -errno;
	return remove_folder(r, dir_fd, e->d_name, depth);
}

/* Removes all that a folder holds; fd is consumed. */
static int remove_entries(struct removal *r, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	int first = 0;
	struct dirent *e = NULL;

	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	do {
		r->moved = depth == 0 ? 0 : r->moved;
		rewinddir(dir);
		while ((e = readdir(dir)))
			if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
				keep_first(&first, remove_entry(r, dirfd(dir), e, depth + 1));
	} while (depth == 0 && r->moved > 0);
	(void)closedir(dir); /* reading only */
	return first;
}

/* Puts a folder that lies too deep beside the top one's entries; true when that worked. */
static bool move_up(struct removal *r, int parent_fd, const char *name)
{
	char unique[17];
	auto_free char *moved = NULL;

	str_random_hex(unique, 16);
	moved = xasprintf("deep-%s", unique);
	/* Its ".." changes, which takes write permission on it. */
	if (fchmodat(parent_fd, name, 0700, 0) < 0 ||
	    renameat(parent_fd, name, r->top_fd, moved) < 0)
		return false;
	r->moved++;
	return true;
}

static int remove_folder(struct removal *r, int parent_fd, const char *name, int depth)
{
	int fd = -1;
	struct stat st;
	int first = 0;

	if (depth >= DEPTH_MAX && move_up(r, parent_fd, name))
		return 0;
	fd = open_folder(parent_fd, name);
	if (fd == -EACCES && fchmodat(parent_fd, name, 0700, 0) == 0)
		fd = open_folder(parent_fd, name);
	if (fd == -ENOTDIR || fd == -ELOOP)
		return unlinkat(parent_fd, name, 0) < 0 ? -errno : 0;
	if (fd < 0)
		return fd == -EXDEV ? -EBUSY : fd;
	if (fstat(fd, &st) < 0) {
		first = -errno;
		(void)close(fd);
		return first;
	}
	/* Entries of a folder that we own but may not write can be removed only after this. */
	if ((st.st_mode & 0700) != 0700 && st.st_uid == geteuid())
		(void)fchmod(fd, 0700);
	if (depth == 0)
		r->top_fd = fd;
	first = remove_entries(r, fd, depth);
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
		keep_first(&first, -errno);
	return first;
}

int file_remove_tree(int dir_fd, const char *name)
{
	struct removal r = { .top_fd = -1 };
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	return remove_folder(&r, dir_fd, name, 0);
}

static int copy_by_hand(int from_fd, int to_fd)
{
	enum { CHUNK = 256 * 1024 };
	auto_free char *chunk = xmalloc(CHUNK);

	for (;;) {
		ssize_t n = read(from_fd, chunk, CHUNK);
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = fd_write_all(to_fd, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
}

int file_copy_data(int from_fd, int to_fd)
{
	bool moved = false;

	if (ioctl(to_fd, FICLONE, from_fd) == 0)
		return 0;
	for (;;) {
		ssize_t n = copy_file_range(from_fd, NULL, to_fd, NULL, 1 << 30, 0);

		if (n > 0) {
			moved = true;
			continue;
		}
		/* 0 at once may be a pseudo file, whose size the kernel does not know. */
		if (n == 0 && moved)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		return copy_by_hand(from_fd, to_fd);
	}
}

static void add_usage(int dir_fd, const char *name, uint64_t *bytes, uint64_t *entries)
{
	struct stat st;
	int fd = -1;
	DIR *dir = NULL;
	struct dirent *e = NULL;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	*bytes += (uint64_t)st.st_blocks * 512;
	*entries += 1;
	if (!S_ISDIR(st.st_mode))
		return;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			add_usage(dirfd(dir), e->d_name, bytes, entries);
	(void)closedir(dir); /* reading only */
}

int file_tree_usage(int dir_fd, const char *name, uint64_t *ret_bytes, uint64_t *ret_entries)
{
	uint64_t bytes = 0;
	uint64_t entries = 0;

	add_usage(dir_fd, name, &bytes, &entries);
	*ret_bytes = bytes;
	*ret_entries = entries;
	return 0;
}
