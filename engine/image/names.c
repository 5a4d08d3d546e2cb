/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names file: one line per name, "ID NAME", oldest first. One file and not one per name, so
 * that a lookup is one read and a move of a name from image to image is one rename. Runs in
 * bryo and bryo-image; never touches an image.
 */
#include "engine/image/names-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

enum { ID_LEN = 64, NAMES_FILE_MAX = 64 * 1024 * 1024 };

void image_names_done(struct image_names *names)
{
	for (size_t i = 0; i < names->own_count; i++)
		free(names->own[i]);
	free(names->own);
	free(names->v);
	free(names->data);
	*names = IMAGE_NAMES_INIT;
}

static void add(struct image_names *names, const char *id, const char *name)
{
	xgrow(names->v, names->count, names->capacity);
	names->v[names->count++] = (struct image_name_entry){ id, name };
}

int image_names_parse(char *data, size_t size, struct image_names *ret_names, struct err *err)
{
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	char *line = data;

	names.data = data;
	if (strlen(data) != size)
		return err_say(err, ERR_FAILED, "the image store's names file holds a NUL byte");
	while (*line) {
		char *end = strchr(line, '\n');

		if (end == line) { /* file_overwrite_at() leaves such */
			line++;
			continue;
		}

		if (!end || end - line < ID_LEN + 2 || line[ID_LEN] != ' ')
			return err_say(
				err, ERR_FAILED,
				"the image store's names file has an ill-formed line: \"%.80s\"",
				line);
		line[ID_LEN] = '\0';
		*end = '\0';
		if (!str_is_hex(line, ID_LEN))
			return err_say(
				err, ERR_FAILED,
				"the image store's names file has an ill-formed id: \"%.80s\"",
				line);
		add(&names, line, line + ID_LEN + 1);
		line = end + 1;
	}
	*ret_names = names;
	names = IMAGE_NAMES_INIT;
	return 0;
}

int image_names_load(int store_fd, struct image_names *ret_names, struct err *err)
{
	char *data = NULL;
	size_t size = 0;
	int r = file_read_at(store_fd, "names", NAMES_FILE_MAX, &data, &size);

	if (r == -ENOENT) {
		*ret_names = IMAGE_NAMES_INIT;
		return 0;
	}
	if (r < 0)
		return err_set(err, r, "cannot read the image store's names file");
	return image_names_parse(data, size, ret_names, err);
}

/* What a killed writer left. The caller holds the names' lock, so none of them is in use. */
static void remove_temporaries(int store_fd)
{
	int fd = openat(store_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (str_starts(e->d_name, "names.") && str_ends(e->d_name, ".tmp"))
			(void)unlinkat(store_fd, e->d_name, 0); /* clutter at worst */
	(void)closedir(dir);					/* reading only */
}

int image_names_save(int store_fd, const struct image_names *names, struct err *err)
{
	struct buf text auto_done(buf) = BUF_INIT;
	int r = 0;

	for (size_t i = 0; i < names->count; i++)
		(void)buf_addf(&text, "%s %s\n", names->v[i].id,
			       names->v[i].name); /* no bound set */
	remove_temporaries(store_fd);
	/* Images are removed to make room: that must not need any. */
	r = file_replace_or_overwrite_at(store_fd, "names", str_or(text.data, ""), text.size, 0600,
					 FILE_SYNC);
	if (r < 0)
		return err_set(err, r, "cannot write the image store's names file");
	return 0;
}

int image_names_lock(int store_fd, struct err *err)
{
	auto_close int fd = openat(store_fd, "names.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, -errno, "cannot open the image store's lock names.lock");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "cannot lock the image store's names");
	return fd_take(&fd);
}

const char *image_names_find(const struct image_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (str_eq(names->v[i].name, name))
			return names->v[i].id;
	return NULL;
}

bool image_names_unset(struct image_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (!str_eq(names->v[i].name, name))
			continue;
		names->count--;
		memmove(names->v + i, names->v + i + 1, (names->count - i) * sizeof(*names->v));
		return true;
	}
	return false;
}

static const char *keep(struct image_names *names, const char *text)
{
	xgrow(names->own, names->own_count, names->own_capacity);
	names->own[names->own_count] = xstrdup(text);
	return names->own[names->own_count++];
}

void image_names_set(struct image_names *names, const char *id, const char *name)
{
	const char *had = image_names_find(names, name);

	if (had && str_eq(had, id))
		return; /* it keeps its age */
	id = keep(names, id);
	name = keep(names, name);
	(void)image_names_unset(names, name); /* it may be new */
	add(names, id, name);
}

void image_names_of(const struct image_names *names, const char *id, struct strv *list)
{
	for (size_t i = names->count; i > 0; i--)
		if (str_eq(names->v[i - 1].id, id))
			strv_add(list, names->v[i - 1].name);
}
