/* SPDX-License-Identifier: Apache-2.0 */
/* Reading through a layer: see walk.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "fuse-overlay/grow.h"

struct walk {
	int root_fd;
	int (*use)(const struct walk_entry *at);
	void *ctx;
	char **folders; /* still to be read */
	size_t count, capacity;
};

char *walk_path(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s%s%s", folder, *folder ? "/" : "", name) < 0 ? NULL : path;
}

/* Takes path. */
static int push(struct walk *w, char *path)
{
	if (!path || !GROW(w->folders, w->count, w->capacity)) {
		free(path);
		return -ENOMEM;
	}
	w->folders[w->count++] = path;
	return 0;
}

static int open_step(int dir_fd, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, dir_fd, *path ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Deeper than a path can say (path_resolution(7)): in steps. The path is written to and mended. */
static int open_folder(int root_fd, char *path)
{
	auto_close int above = -1;
	int at = root_fd;

	while (strlen(path) >= PATH_MAX) {
		char *slash = memrchr(path, '/', PATH_MAX - 1);
		int fd = -1;

		if (!slash)
			return -ENAMETOOLONG;
		*slash = '\0';
		fd = open_step(at, path, O_PATH);
		*slash = '/';
		if (fd < 0)
			return fd;
		fd_close(&above);
		at = above = fd;
		path = slash + 1;
	}
	return open_step(at, path, O_RDONLY);
}

static int visit(struct walk *w, int fd, const char *folder, const struct dirent *e)
{
	struct walk_entry at = { .dir_fd = fd,
				 .folder = folder,
				 .entry = e,
				 .is_folder = e->d_type == DT_DIR,
				 .ctx = w->ctx };
	struct stat st;
	int r = 0;

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return 0;
	if (e->d_type == DT_UNKNOWN) {
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -errno;
		at.is_folder = S_ISDIR(st.st_mode);
	}
	r = w->use(&at);
	return r == 0 && at.is_folder ? push(w, walk_path(folder, e->d_name)) : r;
}

static int read_folder(struct walk *w, char *folder)
{
	int fd = open_folder(w->root_fd, folder);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;
	int r = 0;

	if (!dir) {
		r = fd < 0 ? fd : -errno;
		if (fd >= 0)
			(void)close(fd); /* only read */
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	}
	do {
		errno = 0;
		e = readdir(dir);
		r = e ? visit(w, fd, folder, e) : errno == ENOENT ? 0 : -errno;
	} while (e && r == 0);
	(void)closedir(dir); /* only read */
	return r;
}

int walk_layer(int root_fd, int (*use)(const struct walk_entry *at), void *ctx)
{
	struct walk w = { .root_fd = root_fd, .use = use, .ctx = ctx };
	int r = push(&w, strdup(""));

	while (r == 0 && w.count > 0) {
		auto_free char *folder = w.folders[--w.count];

		r = read_folder(&w, folder);
	}
	while (w.count > 0)
		free(w.folders[--w.count]);
	free(w.folders);
	return r;
}
