/* SPDX-License-Identifier: Apache-2.0 */
/* Layers and the marks in them: see layer.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"

/* ---- Opening ---- */

/* Layers of one file system share its number; more than 255 file systems share the last. */
static uint8_t number_of(const struct overlay *ov, unsigned layer)
{
	uint8_t highest = 0;

	for (unsigned i = 0; i < layer; i++) {
		const struct layer *other = &ov->layers[i];

		if (other->fd < 0)
			continue;
		if (other->device == ov->layers[layer].device)
			return other->number;
		if (other->number >= highest)
			highest = (uint8_t)(other->number + (other->number < UINT8_MAX));
	}
	return highest;
}

static int open_layer(struct overlay *ov, unsigned index, const char *path, struct err *err)
{
	struct layer *layer = &ov->layers[index];
	struct stat st;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot open the %s folder %s",
			       index == UPPER ? "upper" : "lower", path);
	layer->fd = fd;
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot look at the folder %s", path);
	layer->device = st.st_dev;
	layer->number = number_of(ov, index);
	layer->no_atime = index != UPPER;
	return 0;
}

int layers_open(struct overlay *ov, struct err *err)
{
	const struct strv *lower = &ov->options.lower;
	int r = 0;

	if (lower->count > LAYERS_LIMIT)
		return err_say(err, ERR_USAGE, "%zu lower folders are too many: at most %d",
			       lower->count, LAYERS_LIMIT);
	ov->layer_count = (unsigned)lower->count + 1;
	ov->layers = xcalloc(ov->layer_count, sizeof(*ov->layers));
	for (unsigned i = 0; i < ov->layer_count; i++)
		ov->layers[i].fd = -1;
	if (ov->options.upper)
		r = open_layer(ov, UPPER, ov->options.upper, err);
	for (unsigned i = 1; r == 0 && i < ov->layer_count; i++)
		r = open_layer(ov, i, lower->v[i - 1], err);
	return r;
}

void layers_learn_owners(struct overlay *ov)
{
	for (unsigned i = 0; i < ov->layer_count && !ov->options.ignores_owners; i++) {
		struct layer *layer = &ov->layers[i];

		if (layer->fd >= 0)
			layer->override_key = override_key(layer->fd);
		ov->has_overrides |= layer->override_key != NULL;
	}
}

void layers_close(struct overlay *ov)
{
	for (unsigned i = 0; i < ov->layer_count; i++)
		fd_close(&ov->layers[i].fd);
	free(ov->layers);
	ov->layers = NULL;
	ov->layer_count = 0;
}

uint64_t layer_number(const struct overlay *ov, unsigned layer, uint64_t ino)
{
	const uint64_t high = ov->layers[layer].number;

	/* Numbers of ext4, XFS and tmpfs are far below 2^56; of others the high bits are mixed in.
	 */
	return high == 0 ? ino : ino ^ high << 56;
}

/* ---- Marks ---- */

bool whiteout_name(const char *name)
{
	return strncmp(name, WHITEOUT_PREFIX, sizeof(WHITEOUT_PREFIX) - 1) == 0;
}

bool whiteout_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* 1 where there is such a name, 0 where not. */
static int has_name(int dir_fd, const char *path)
{
	struct stat st;

	if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ? 0 : -errno;
}

int whiteout_file(int dir_fd, const char *name)
{
	char mark[NAME_MAX + sizeof(WHITEOUT_PREFIX)];

	/* A name that leaves no room for the prefix cannot be marked so. */
	if (snprintf(mark, sizeof(mark), WHITEOUT_PREFIX "%s", name) > NAME_MAX)
		return 0;
	return has_name(dir_fd, mark);
}

bool whiteout_may_be_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == 0;
}

int whiteout_by_xattr(const struct overlay *ov, int dir_fd, const char *name)
{
	ssize_t n = xattr_get(dir_fd, name, XATTR_WHITEOUT, NULL, 0);

	if (n == -ENODATA && ov->has_trusted)
		n = xattr_get(dir_fd, name, XATTR_TRUSTED_WHITEOUT, NULL, 0);
	return n >= 0 ? 1 : n == -ENODATA || n == -EOPNOTSUPP ? 0 : (int)n;
}

int whiteout_is(const struct overlay *ov, struct node_part *part, int dir_fd, const char *name,
		const struct stat *st)
{
	int r = 0;

	if (whiteout_device(st))
		return 1;
	if (!whiteout_may_be_file(st))
		return 0;
	r = whiteout_folder(ov, part, dir_fd);
	return r <= 0 ? r : whiteout_by_xattr(ov, dir_fd, name);
}

int whiteout_is_at(const struct overlay *ov, const struct node *folder, int dir_fd,
		   const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return whiteout_is(ov, node_part_in(folder, UPPER), dir_fd, name, &st);
}

static bool is_listed(const char *list, ssize_t size, const char *key)
{
	for (const char *at = list; at < list + size; at += strlen(at) + 1)
		if (strcmp(at, key) == 0)
			return true;
	return false;
}

static const struct {
	const char *key;
	enum folder_mark mark;
} mark_keys[] = {
	/* These two first: whiteout_folder(). They may say FOLDER_WHITEOUTS instead. */
	{ XATTR_OPAQUE, FOLDER_OPAQUE },
	{ XATTR_TRUSTED_OPAQUE, FOLDER_OPAQUE },
	{ XATTR_OWN_OPAQUE, FOLDER_OPAQUE },
	/* What fuse-overlayfs leaves where it has no other way. */
	{ "user.fuseoverlayfs.opaque", FOLDER_OPAQUE },
	{ XATTR_REDIRECT, FOLDER_REDIRECT },
	{ XATTR_TRUSTED_REDIRECT, FOLDER_REDIRECT },
};

/* How the attribute marks the folder, 0 where it is not there or says something else. */
static int has_mark(int dir_fd, const char *name, size_t index)
{
	char value = 0;
	ssize_t n = xattr_get(dir_fd, name, mark_keys[index].key, &value, 1);

	if (mark_keys[index].mark == FOLDER_REDIRECT && (n >= 0 || n == -ERANGE))
		return FOLDER_REDIRECT; /* whatever it says */
	if (n == 1)
		return value == 'y' ? FOLDER_OPAQUE : value == 'x' ? FOLDER_WHITEOUTS : 0;
	if (n == 0)
		return 0;
	return n == -ENODATA || n == -EOPNOTSUPP || n == -ERANGE ? 0 : (int)n;
}

int folder_marks(const struct overlay *ov, int dir_fd, const char *name)
{
	char path[NAME_MAX + sizeof(OPAQUE_NAME) + 2];
	char list[512];
	ssize_t size = xattr_list(dir_fd, name, list, sizeof(list));
	int marks = 0;
	int r = 0;

	if (size < 0 && size != -ERANGE && size != -EOPNOTSUPP)
		return (int)size;
	/* Most folders have no attributes: one call tells. */
	for (size_t i = 0; size != 0 && size != -EOPNOTSUPP && i < ARRAY_SIZE(mark_keys); i++) {
		if ((size > 0 && !is_listed(list, size, mark_keys[i].key)) ||
		    (str_starts(mark_keys[i].key, "trusted.") && !ov->has_trusted))
			continue;
		r = has_mark(dir_fd, name, i);
		if (r < 0)
			return r;
		marks |= r;
	}
	if (marks & FOLDER_OPAQUE)
		return marks;
	(void)snprintf(path, sizeof(path), "%s/" OPAQUE_NAME, name); /* fits */
	r = has_name(dir_fd, path);
	return r < 0 ? r : r ? marks | FOLDER_OPAQUE : marks;
}

int whiteout_folder(const struct overlay *ov, struct node_part *part, int dir_fd)
{
	int marks = 0;

	if (part && part->whiteouts != WHITEOUTS_UNKNOWN)
		return part->whiteouts == WHITEOUTS_SOME;
	for (size_t i = 0; marks >= 0 && i < (ov->has_trusted ? 2 : 1); i++) {
		int r = has_mark(dir_fd, ".", i);

		marks = r < 0 ? r : marks | r;
	}
	if (marks < 0)
		return marks;
	if (part)
		part->whiteouts = marks & FOLDER_WHITEOUTS ? WHITEOUTS_SOME : WHITEOUTS_NONE;
	return (marks & FOLDER_WHITEOUTS) != 0;
}

/* ---- Attributes ---- */

ssize_t xattr_get(int fd, const char *name, const char *key, void *value, size_t size)
{
	ssize_t n = !name	     ? fgetxattr(fd, key, value, size)
		    : fchdir(fd) < 0 ? -1
				     : lgetxattr(name, key, value, size);

	return n < 0 ? -errno : n;
}

ssize_t xattr_list(int fd, const char *name, char *list, size_t size)
{
	ssize_t n = !name	     ? flistxattr(fd, list, size)
		    : fchdir(fd) < 0 ? -1
				     : llistxattr(name, list, size);

	return n < 0 ? -errno : n;
}

int xattr_set(int fd, const char *name, const char *key, const void *value, size_t size, int flags)
{
	int r = !name		 ? fsetxattr(fd, key, value, size, flags)
		: fchdir(fd) < 0 ? -1
				 : lsetxattr(name, key, value, size, flags);

	return r < 0 ? -errno : 0;
}

int xattr_remove(int fd, const char *name, const char *key)
{
	int r = !name ? fremovexattr(fd, key) : fchdir(fd) < 0 ? -1 : lremovexattr(name, key);

	return r < 0 ? -errno : 0;
}
