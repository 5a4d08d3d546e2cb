/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder, or an archive looked at as one: see folder.h. Runs in bryo-image.
 *
 * An archive is mapped into memory and its headers are listed once; contents are later read by
 * offset, by several threads at the same time, without unpacking the outer archive.
 */
#include "engine/image/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/archive/codec.h"
#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/str.h"

enum { FILES_MAX = 100000, LINKS_MAX = 8, COPY_CHUNK = 1024 * 1024 };

struct file {
	char *name;
	char *link; /* for links: cleaned, seen from the root; else NULL */
	int64_t offset;
	uint64_t size;
	int fd; /* of a real folder's file, opened when asked for; else -1 */
};

struct folder {
	int fd; /* the archive or the folder */
	bool archive;
	struct file *v;
	size_t count;
	size_t capacity;
	pthread_mutex_t lock; /* the list above, for real folders */
};

static struct folder *new_folder(int fd, bool archive)
{
	struct folder *folder = xcalloc(1, sizeof(*folder));

	folder->fd = fd;
	folder->archive = archive;
	(void)pthread_mutex_init(&folder->lock, NULL); /* cannot fail on Linux */
	return folder;
}

void folder_close(struct folder *folder)
{
	if (!folder)
		return;
	for (size_t i = 0; i < folder->count; i++) {
		free(folder->v[i].name);
		free(folder->v[i].link);
		fd_close(&folder->v[i].fd);
	}
	free(folder->v);
	fd_close(&folder->fd);
	(void)pthread_mutex_destroy(&folder->lock); /* nobody holds it */
	free(folder);
}

int folder_open_dir(const char *path, struct folder **ret_folder, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot open %s", path);
	*ret_folder = new_folder(fd, false);
	return 0;
}

static struct file *add(struct folder *folder, char *name)
{
	struct file *file = NULL;

	xgrow(folder->v, folder->count, folder->capacity);
	file = &folder->v[folder->count++];
	*file = (struct file){ .name = name, .fd = -1 };
	return file;
}

/* "./a//b" to "a/b"; NULL for what leads out. */
static char *clean_name(const char *name)
{
	auto_free char *clean = path_clean(name);
	const char *p = clean;

	while (*p == '/')
		p++;
	if (str_eq(p, "..") || str_starts(p, "../"))
		return NULL;
	return xstrdup(p);
}

/* The target of a symbolic link as a name from the archive's root. */
static char *link_target(const char *name, const char *target)
{
	auto_free char *base = xstrdup(name);
	auto_free char *joined = NULL;
	char *slash = strrchr(base, '/');

	if (slash)
		*slash = '\0';
	joined = xasprintf("%s/%s", slash && *target != '/' ? base : "", target);
	return clean_name(*joined == '/' ? joined + 1 : joined);
}

static int list_entries(struct folder *folder, struct tar_reader *reader, struct err *err)
{
	const struct tar_entry *e = NULL;
	int r = 0;

	while ((r = tar_reader_next(reader, &e, err)) > 0) {
		char *name = NULL;
		struct file *file = NULL;

		if (e->kind != TAR_FILE && e->kind != TAR_HARDLINK && e->kind != TAR_SYMLINK)
			continue;
		if (folder->count >= FILES_MAX)
			return err_say(err, ERR_USAGE, "the archive holds more than %d files",
				       FILES_MAX);
		name = clean_name(e->path);
		if (!name)
			continue; /* nobody can ask for it */
		file = add(folder, name);
		file->offset = (int64_t)tar_reader_position(reader);
		file->size = e->size;
		if (e->kind == TAR_SYMLINK)
			file->link = link_target(name, e->link);
		else if (e->kind == TAR_HARDLINK)
			file->link = clean_name(e->link);
		else if (e->sparse)
			file->size = UINT64_MAX; /* refused when asked for */
	}
	return r;
}

static int list_archive(struct folder *folder, struct err *err)
{
	auto_tar_reader struct tar_reader *reader = NULL;
	struct stat st;
	void *map = NULL;
	int r = 0;

	if (fstat(folder->fd, &st) < 0)
		return err_set(err, -errno, "cannot look at the archive");
	if (st.st_size == 0)
		return err_say(err, ERR_USAGE, "the archive is empty");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, folder->fd, 0);
	if (map == MAP_FAILED)
		return err_set(err, -errno, "cannot map the archive");
	reader = tar_reader_new(
		&(struct tar_reader_args){ .data = map, .size = (size_t)st.st_size });
	r = list_entries(folder, reader, err);
	(void)munmap(map, (size_t)st.st_size); /* cannot fail: it is ours */
	return r;
}

/* ---- Archives that are compressed or come through a pipe ---- */

static ssize_t read_fd(void *ctx, void *data, size_t size)
{
	ssize_t n = 0;

	do
		n = read(*(int *)ctx, data, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static bool is_plain_file(int fd)
{
	unsigned char magic[CODEC_MAGIC_SIZE];
	struct stat st;
	ssize_t n = 0;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0)
		return false;
	n = pread(fd, magic, sizeof(magic), 0);
	return n >= 0 && codec_detect(magic, (size_t)n) == CODEC_NONE;
}

static int spool(int *fd, const char *scratch_dir, struct err *err)
{
	auto_close int out = open(scratch_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	auto_decoder struct decoder *decoder = NULL;
	auto_free char *chunk = xmalloc(COPY_CHUNK);
	int r = 0;

	if (out < 0)
		return err_set(err, -errno, "cannot make a scratch file in %s", scratch_dir);
	r = decoder_new(&(struct decoder_args){ .source = { read_fd, fd } }, &decoder, err);
	while (r == 0) {
		ssize_t n = decoder_read(decoder, chunk, COPY_CHUNK, err);

		if (n <= 0) {
			r = (int)n;
			break;
		}
		r = fd_write_all(out, chunk, (size_t)n);
		if (r < 0)
			return err_set(err, r, "cannot write the archive to a scratch file in %s",
				       scratch_dir);
	}
	if (r < 0)
		return r;
	fd_close(fd);
	*fd = fd_take(&out);
	return 0;
}

int folder_open_archive(int fd, const char *scratch_dir, struct folder **ret_folder,
			struct err *err)
{
	struct folder *folder = NULL;
	int r = is_plain_file(fd) ? 0 : spool(&fd, scratch_dir, err);

	if (r < 0) {
		fd_close(&fd);
		return r;
	}
	folder = new_folder(fd, true);
	r = list_archive(folder, err);
	if (r < 0) {
		folder_close(folder);
		return r;
	}
	*ret_folder = folder;
	return 0;
}

/* ---- Asking ---- */

/* The last one of a name counts, as if the archive had been unpacked. */
static const struct file *find(const struct folder *folder, const char *name)
{
	for (int hops = 0; name && hops <= LINKS_MAX; hops++) {
		const struct file *file = NULL;

		for (size_t i = folder->count; i > 0 && !file; i--)
			if (str_eq(folder->v[i - 1].name, name))
				file = &folder->v[i - 1];
		if (!file || (!file->link && file->size != UINT64_MAX))
			return file;
		name = file->link;
	}
	return NULL;
}

/* A real folder's file is opened once and stays open. The lock is held. */
static int open_file(struct folder *folder, const char *name, const struct file **ret_file)
{
	auto_close int fd = -1;
	struct file *file = NULL;
	struct stat st;

	*ret_file = find(folder, name);
	if (*ret_file)
		return 0;
	fd = path_open_beneath(folder->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	file = add(folder, xstrdup(name));
	file->size = (uint64_t)st.st_size;
	file->fd = fd_take(&fd);
	*ret_file = file;
	return 0;
}

int folder_locate(struct folder *folder, const char *name, int *ret_fd, int64_t *ret_offset,
		  uint64_t *ret_size, struct err *err)
{
	auto_free char *clean = clean_name(name);
	const struct file *file = NULL;
	int r = 0;

	(void)pthread_mutex_lock(&folder->lock);
	if (clean && folder->archive)
		file = find(folder, clean);
	else if (clean)
		r = open_file(folder, clean, &file);
	if (file) {
		*ret_fd = folder->archive ? folder->fd : file->fd;
		*ret_offset = file->offset;
		*ret_size = file->size;
	}
	(void)pthread_mutex_unlock(&folder->lock);
	if (file)
		return 0;
	return err_set(err, r < 0 ? r : -ENOENT, "cannot find \"%.100s\" in it", name);
}

int folder_read(struct folder *folder, const char *name, size_t max, char **ret_data,
		size_t *ret_size, struct err *err)
{
	auto_free char *data = NULL;
	int64_t offset = 0;
	uint64_t size = 0;
	int fd = -1;
	size_t used = 0;
	int r = folder_locate(folder, name, &fd, &offset, &size, err);

	if (r < 0)
		return r;
	if (size > max)
		return err_say(err, ERR_USAGE, "\"%.100s\" has %llu bytes, more than %zu", name,
			       (unsigned long long)size, max);
	data = xmalloc((size_t)size + 1);
	while (used < size) {
		ssize_t n = pread(fd, data + used, (size_t)size - used, offset + (int64_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, n < 0 ? -errno : -EIO, "cannot read \"%.100s\"", name);
		used += (size_t)n;
	}
	data[used] = '\0';
	*ret_data = take(data);
	*ret_size = used;
	return 0;
}
