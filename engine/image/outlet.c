/* SPDX-License-Identifier: Apache-2.0 */
/* Files into a folder or an archive: see outlet.h. Runs in bryo-image. */
#include "engine/image/outlet.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/str.h"

struct outlet {
	bool archive;
	char *path;	 /* final name; NULL: standard output */
	char *temporary; /* what is written until outlet_finish(); NULL: path itself */
	bool made;	 /* a folder of ours: removed when it is not finished */
	int fd;		 /* the archive, or the folder */
	int file;	 /* of a folder: the one being written */
	uint64_t left;
	struct tar_writer tar;
	struct strv files; /* of a folder, to remove */
	bool finished;
};

static int write_archive(void *ctx, const void *data, size_t size)
{
	struct outlet *outlet = ctx;

	return fd_write_all(outlet->fd, data, size);
}

static struct outlet *new_outlet(bool archive, const char *path)
{
	struct outlet *outlet = xcalloc(1, sizeof(*outlet));

	outlet->archive = archive;
	outlet->path = xstrdup(path);
	outlet->fd = -1;
	outlet->file = -1;
	outlet->tar = (struct tar_writer){ .write = write_archive, .ctx = outlet };
	return outlet;
}

/* A regular file is written beside its final name; pipes and devices are written as they are. */
static int open_archive(struct outlet *outlet, struct err *err)
{
	struct stat st;
	char hex[9];

	if (!outlet->path) {
		outlet->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return outlet->fd < 0 ? err_set(err, -errno, "cannot write to standard output") : 0;
	}
	if (stat(outlet->path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return err_say(err, ERR_USAGE, "%s is a directory", outlet->path);
		if (S_ISREG(st.st_mode) && st.st_size > 0)
			return err_say(err, ERR_EXISTS,
				       "docker-archive doesn't support modifying existing images: "
				       "%s exists. Remove it or give another name",
				       outlet->path);
	}
	if (stat(outlet->path, &st) < 0 || S_ISREG(st.st_mode)) {
		str_random_hex(hex, 8);
		outlet->temporary = xasprintf("%s.%s.tmp", outlet->path, hex);
		outlet->fd = open(outlet->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	} else {
		outlet->fd = open(outlet->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	}
	if (outlet->fd < 0)
		return err_set(err, -errno, "cannot write %s", outlet->path);
	return 0;
}

int outlet_open_archive(const char *path, struct outlet **ret_outlet, struct err *err)
{
	struct outlet *outlet = new_outlet(true, path);
	int r = open_archive(outlet, err);

	if (r < 0) {
		free(outlet->temporary); /* was not made: nothing to remove */
		outlet->temporary = NULL;
		outlet_close(outlet);
		return r;
	}
	*ret_outlet = outlet;
	return 0;
}

static bool is_empty_dir(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e = NULL;
	bool empty = true;

	if (!dir)
		return false;
	while (empty && (e = readdir(dir)))
		empty = str_eq(e->d_name, ".") || str_eq(e->d_name, "..");
	(void)closedir(dir); /* reading only */
	return empty;
}

int outlet_open_folder(const char *path, struct outlet **ret_outlet, struct err *err)
{
	struct outlet *outlet = new_outlet(false, path);
	int r = 0;

	outlet->made = mkdir(path, 0755) == 0;
	outlet->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (outlet->fd < 0)
		r = err_set(err, -errno, "cannot write into %s", path);
	else if (!is_empty_dir(outlet->fd))
		r = err_say(err, ERR_EXISTS,
			    "folder %s is not empty. Remove it or give another name", path);
	if (r < 0) {
		outlet->finished = !outlet->made;
		outlet_close(outlet);
		return r;
	}
	*ret_outlet = outlet;
	return 0;
}

int outlet_begin(struct outlet *outlet, const char *name, uint64_t size, struct err *err)
{
	/* Podman's: read-only, root's, from 1970, so that the same image gives the same bytes */
	struct tar_entry entry = {
		.kind = TAR_FILE,
		.type = '0',
		.path = name,
		.link = "",
		.mode = 0444,
		.user = "",
		.group = "",
		.size = size,
		.stored_size = size,
	};

	outlet->left = size;
	if (outlet->archive)
		return tar_writer_entry(&outlet->tar, &entry, err);
	outlet->file = openat(outlet->fd, name,
			      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (outlet->file < 0)
		return err_set(err, -errno, "cannot write %s/%s", outlet->path, name);
	strv_add(&outlet->files, name);
	return 0;
}

int outlet_write(void *ctx, const void *data, size_t size)
{
	struct outlet *outlet = ctx;

	if (size > outlet->left)
		return -EFBIG;
	outlet->left -= size;
	if (outlet->archive)
		return tar_writer_data(&outlet->tar, data, size);
	return fd_write_all(outlet->file, data, size);
}

int outlet_end(struct outlet *outlet, struct err *err)
{
	if (outlet->left > 0)
		return err_say(err, ERR_FAILED, "a layer is %llu bytes shorter than it was",
			       (unsigned long long)outlet->left);
	if (!outlet->archive)
		fd_close(&outlet->file);
	return 0;
}

int outlet_file(struct outlet *outlet, const char *name, const void *data, size_t size,
		struct err *err)
{
	int r = outlet_begin(outlet, name, size, err);

	if (r < 0)
		return r;
	r = outlet_write(outlet, data, size);
	if (r < 0)
		return err_set(err, r, "cannot write %s", name);
	return outlet_end(outlet, err);
}

int outlet_folder(struct outlet *outlet, const char *name, struct err *err)
{
	auto_free char *path = xasprintf("%s/", name);
	struct tar_entry entry = { .kind = TAR_DIR,
				   .type = '5',
				   .path = path,
				   .link = "",
				   .mode = 0755,
				   .user = "",
				   .group = "" };

	if (outlet->archive)
		return tar_writer_entry(&outlet->tar, &entry, err);
	if (mkdirat(outlet->fd, name, 0755) < 0)
		return err_set(err, -errno, "cannot make %s/%s", outlet->path, name);
	strv_add(&outlet->files, name);
	return 0;
}

int outlet_finish(struct outlet *outlet, struct err *err)
{
	int r = outlet->archive ? tar_writer_end(&outlet->tar) : 0;

	if (r < 0)
		return err_set(err, r, "cannot write %s", str_or(outlet->path, "standard output"));
	if (outlet->temporary && rename(outlet->temporary, outlet->path) < 0)
		return err_set(err, -errno, "cannot write %s", outlet->path);
	outlet->finished = true;
	return 0;
}

/* What an unfinished outlet made goes away again; what was there before stays. */
static void undo(struct outlet *outlet)
{
	if (outlet->temporary)
		(void)unlink(
			outlet->temporary); /* best effort, as below: the first error was told */
	if (outlet->archive)
		return;
	for (size_t i = outlet->files.count; i > 0; i--)
		(void)file_remove_tree(outlet->fd, outlet->files.v[i - 1]);
	if (outlet->made)
		(void)rmdir(outlet->path);
}

void outlet_close(struct outlet *outlet)
{
	if (!outlet)
		return;
	fd_close(&outlet->file);
	if (!outlet->finished)
		undo(outlet);
	fd_close(&outlet->fd);
	strv_done(&outlet->files);
	free(outlet->path);
	free(outlet->temporary);
	free(outlet);
}
