/* SPDX-License-Identifier: Apache-2.0 */
/* Path resolution beneath descriptors: see path.h. Runs in every process. */
#include "engine/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"

static int open_how(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
				.resolve = resolve };
	long fd = -1;

	if (flags & (O_CREAT | O_TMPFILE))
		how.mode = mode;
	if (flags & O_PATH)
		how.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	/* EAGAIN: a rename elsewhere raced with "..", openat2(2) asks to try again. */
	for (int tries = 0; tries < 64; tries++) {
		fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_how(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
	return open_how(dir_fd, path, flags, mode,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/*
 * One component at a time: each step resolves "prefix/name" from the root anew, so that a
 * symlink swapped in meanwhile can only lead elsewhere inside the root.
 */
int path_mkdir_in_root(int root_fd, const char *path, mode_t mode)
{
	auto_free char *clean = path_clean(path);
	auto_close int fd = -1;
	char *p = clean;

	while (*p == '/')
		p++;
	fd = path_open_in_root(root_fd, ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0 || *p == '\0' || str_eq(p, "."))
		return fd_take(&fd);
	for (char *end = p; end; p = end ? end + 1 : NULL) {
		int next = -1;

		end = strchr(p, '/');
		if (end)
			*end = '\0';
		next = path_open_in_root(root_fd, clean, O_PATH | O_DIRECTORY, 0);
		if (next == -ENOENT) {
			if (str_eq(p, ".."))
				return -ENOENT;
			if (mkdirat(fd, p, mode) < 0 && errno != EEXIST)
				return -errno;
			next = path_open_in_root(root_fd, clean, O_PATH | O_DIRECTORY, 0);
		}
		if (next < 0)
			return next;
		fd_close(&fd);
		fd = next;
		if (end)
			*end = '/';
	}
	return fd_take(&fd);
}

int path_touch_in_root(int root_fd, const char *path, mode_t dir_mode, mode_t file_mode)
{
	auto_free char *clean = path_clean(path);
	auto_close int parent = -1;
	auto_close int file = -1;
	char *slash = NULL;
	int fd = path_open_in_root(root_fd, clean, O_PATH, 0);

	if (fd != -ENOENT)
		return fd;
	slash = strrchr(clean, '/');
	if (slash)
		*slash = '\0';
	parent = path_mkdir_in_root(root_fd, slash ? clean : ".", dir_mode);
	if (parent < 0)
		return parent;
	if (slash)
		*slash = '/';
	file = openat(parent, slash ? slash + 1 : clean,
		      O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, file_mode);
	if (file < 0 && errno != EEXIST)
		return -errno;
	return path_open_in_root(root_fd, clean, O_PATH, 0);
}

int path_mkdir_all(const char *path, mode_t mode)
{
	auto_free char *copy = NULL;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	copy = xstrdup(path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(copy, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Removes the last component of the cleaned text in out; returns its new end. */
static char *drop_component(char *start, char *end)
{
	while (end > start && end[-1] != '/')
		end--;
	while (end > start && end[-1] == '/')
		end--;
	return end;
}

char *path_clean(const char *path)
{
	bool absolute = path[0] == '/';
	char *out = xmalloc(strlen(path) + 2);
	char *start = out + (absolute ? 1 : 0);
	char *end = start;

	if (absolute)
		out[0] = '/';
	while (*path) {
		size_t n = strcspn(path, "/");
		bool dots = n == 2 && path[0] == '.' && path[1] == '.';
		bool above = end == start || (end - start >= 2 && memcmp(end - 2, "..", 2) == 0 &&
					      (end - start == 2 || end[-3] == '/'));

		if (n == 0 || (n == 1 && path[0] == '.')) {
			/* nothing to add */
		} else if (dots && !above) {
			end = drop_component(start, end);
		} else if (!dots || !absolute) {
			if (end > start)
				*end++ = '/';
			memcpy(end, path, n);
			end += n;
		}
		path += n;
		while (*path == '/')
			path++;
	}
	if (end == out)
		*end++ = '.';
	*end = '\0';
	return out;
}

char *path_join(const char *base, const char *name)
{
	if (name[0] == '/')
		return xstrdup(name);
	return xasprintf("%s%s%s", base, str_ends(base, "/") ? "" : "/", name);
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool path_is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= 255 && !strchr(name, '/') && !str_eq(name, ".") && !str_eq(name, "..");
}
