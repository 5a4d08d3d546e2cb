/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered ownership: see override.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/override.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "fuse-overlay/fuse-overlay.h"
#include "fuse-overlay/overlay.h"

/* The others are fuse-overlayfs' own, older ones. */
static const char *const keys[] = { FUSE_OVERLAY_OWNER_XATTR, "user.fuseoverlayfs.override_stat",
				    "security.fuseoverlayfs.override_stat" };

const char *override_key(int root_fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (xattr_get(root_fd, ".", keys[i], NULL, 0) >= 0)
			return keys[i];
	return NULL;
}

int override_begin(int root_fd)
{
	const struct spot spot = { root_fd, "." };
	struct stat st;

	if (xattr_get(root_fd, ".", FUSE_OVERLAY_OWNER_XATTR, NULL, 0) >= 0)
		return 0;
	if (fstatat(root_fd, ".", &st, 0) < 0)
		return -errno;
	return override_write(&spot, &st);
}

bool override_is_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_eq(key, keys[i]))
			return true;
	return str_starts(key, FUSE_OVERLAY_LINK_XATTR);
}

/* ---- Symlinks of layers ---- */

static int read_link_owner(const struct spot *spot, struct stat *st)
{
	struct fuse_overlay_link_owner owner;
	char value[FUSE_OVERLAY_OWNER_MAX];
	ssize_t n = 0;

	fuse_overlay_link_owner(st, spot->name, &owner); /* the key alone is of interest */
	n = xattr_get(spot->fd, ".", owner.key, value, sizeof(value));
	if (n == -ENODATA || n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return n == -ERANGE ? -EIO : (int)n;
	return fuse_overlay_link_owner_parse(value, (size_t)n, spot->name, st);
}

/* ---- Files ---- */

int override_read(const struct overlay *ov, unsigned layer, const struct spot *spot,
		  struct stat *st)
{
	const char *key = ov->layers[layer].override_key;
	char value[FUSE_OVERLAY_OWNER_MAX];
	ssize_t n = 0;

	if (!key)
		return 0;
	if (S_ISLNK(st->st_mode) && spot->name)
		return read_link_owner(spot, st);
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	n = xattr_get(spot->fd, spot->name, key, value, sizeof(value));
	if (n == -ENODATA || n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return n == -ERANGE ? -EIO : (int)n;
	return fuse_overlay_owner_parse(value, (size_t)n, st);
}

int override_write(const struct spot *spot, const struct stat *st)
{
	char text[FUSE_OVERLAY_OWNER_MAX];

	fuse_overlay_owner(st, text);
	return xattr_set(spot->fd, spot->name, FUSE_OVERLAY_OWNER_XATTR, text, strlen(text), 0);
}

mode_t override_disk_mode(mode_t mode)
{
	return S_ISDIR(mode) ? 0700 | (mode & 0777) : S_ISREG(mode) ? 0600 | (mode & 0777) : 0600;
}
