/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of attributes, owners and redirects: see fuse-overlay.h. Strangers may have written them.
 * Runs in bryo-overlay, and where layers are unpacked or compared.
 */
#include "fuse-overlay/fuse-overlay.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/base/str.h"

/* The number at *text, which goes behind its digits; of that base and at most max. -EIO */
static int take_number(const char **text, int base, uint64_t max, uint64_t *ret)
{
	const char *digits = base == 8 ? "01234567" : "0123456789";
	size_t length = strspn(*text, digits);

	if (length == 0 || length > 12)
		return -EIO;
	*ret = strtoull(*text, NULL, base);
	*text += length;
	return *ret <= max ? 0 : -EIO;
}

static int take_device(const char *text, struct stat *st)
{
	uint64_t major = 0;
	uint64_t minor = 0;
	int r = take_number(&text, 10, UINT32_MAX, &major);

	if (r < 0 || *text++ != '-')
		return -EIO;
	r = take_number(&text, 10, UINT32_MAX, &minor);
	if (r < 0 || *text)
		return -EIO;
	st->st_rdev = makedev((unsigned)major, (unsigned)minor);
	return 0;
}

static int take_type(const char *text, struct stat *st)
{
	static const struct {
		const char *name;
		mode_t type;
	} types[] = { { "file", S_IFREG }, { "dir", S_IFDIR },	   { "symlink", S_IFLNK },
		      { "pipe", S_IFIFO }, { "socket", S_IFSOCK }, { "block-", S_IFBLK },
		      { "char-", S_IFCHR } };
	mode_t type = 0;
	int r = 0;

	for (size_t i = 0; !type && i < ARRAY_SIZE(types); i++) {
		const char *rest = str_after(text, types[i].name);

		if (!rest)
			continue;
		type = types[i].type;
		if (S_ISBLK(type) || S_ISCHR(type))
			r = take_device(rest, st);
		else if (*rest)
			r = -EIO;
	}
	if (r < 0 || !type)
		return -EIO;
	/* A regular file can stand for anything but a folder; nothing else for another. */
	if ((st->st_mode & S_IFMT) != type && (!S_ISREG(st->st_mode) || S_ISDIR(type)))
		return -EIO;
	st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | type;
	return 0;
}

int fuse_overlay_owner_parse(const char *text, size_t size, struct stat *st)
{
	char copy[FUSE_OVERLAY_OWNER_MAX + 1];
	const char *at = copy;
	struct stat seen = *st;
	uint64_t numbers[3];

	if (size > FUSE_OVERLAY_OWNER_MAX || memchr(text, '\0', size))
		return -EIO;
	memcpy(copy, text, size);
	copy[size] = '\0';
	for (int i = 0; i < 3; i++) {
		if (i > 0 && *at++ != ':')
			return -EIO;
		/* 2^32-1 is no id (credentials(7)); a mode may bear its type. */
		if (take_number(&at, i < 2 ? 10 : 8, i < 2 ? UINT32_MAX - 1 : 0177777,
				&numbers[i]) < 0)
			return -EIO;
	}
	if (*at && (*at != ':' || take_type(at + 1, &seen) < 0))
		return -EIO;
	seen.st_uid = (uid_t)numbers[0];
	seen.st_gid = (gid_t)numbers[1];
	seen.st_mode = (seen.st_mode & S_IFMT) | ((mode_t)numbers[2] & 07777);
	if (S_ISLNK(seen.st_mode))
		seen.st_mode = S_IFLNK | 0777;
	*st = seen;
	return 0;
}

int fuse_overlay_link_owner_parse(const char *text, size_t size, const char *name, struct stat *st)
{
	char copy[FUSE_OVERLAY_OWNER_MAX + 1];
	const char *at = copy;
	uint64_t ids[2];

	if (size > FUSE_OVERLAY_OWNER_MAX)
		return -EIO;
	memcpy(copy, text, size);
	copy[size] = '\0';
	for (int i = 0; i < 2; i++)
		if (take_number(&at, 10, UINT32_MAX - 1, &ids[i]) < 0 || *at++ != ':')
			return -EIO;
	if (!str_eq(at, name)) /* another name of that hash: it has the place */
		return 0;
	st->st_uid = (uid_t)ids[0];
	st->st_gid = (gid_t)ids[1];
	return 0;
}

void fuse_overlay_owner(const struct stat *st, char ret_text[FUSE_OVERLAY_OWNER_MAX])
{
	const char *type = S_ISDIR(st->st_mode)	   ? "dir"
			   : S_ISLNK(st->st_mode)  ? "symlink"
			   : S_ISFIFO(st->st_mode) ? "pipe"
			   : S_ISSOCK(st->st_mode) ? "socket"
			   : S_ISBLK(st->st_mode)  ? "block"
			   : S_ISCHR(st->st_mode)  ? "char"
						   : "file";
	int n = snprintf(ret_text, FUSE_OVERLAY_OWNER_MAX, "%u:%u:%04o:%s", st->st_uid, st->st_gid,
			 st->st_mode & 07777, type);

	if (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode))
		(void)snprintf(ret_text + n, FUSE_OVERLAY_OWNER_MAX - (size_t)n, "-%u-%u",
			       major(st->st_rdev), minor(st->st_rdev)); /* both fit */
}

void fuse_overlay_link_owner(const struct stat *st, const char *name,
			     struct fuse_overlay_link_owner *ret)
{
	(void)snprintf(ret->key, sizeof(ret->key), FUSE_OVERLAY_LINK_XATTR "%016" PRIx64,
		       hash_add(HASH_START, name, strlen(name))); /* both fit: NAME_MAX */
	(void)snprintf(ret->value, sizeof(ret->value), "%u:%u:%s", st->st_uid, st->st_gid, name);
}

/* ---- Redirects ---- */

static bool is_step(const char *name, size_t size)
{
	return size > 0 && size <= NAME_MAX && !(size == 1 && name[0] == '.') &&
	       !(size == 2 && name[0] == '.' && name[1] == '.');
}

bool fuse_overlay_redirect_is_valid(const char *value, size_t size)
{
	const char *end = value + size;

	if (size == 0 || size >= PATH_MAX || memchr(value, '\0', size))
		return false;
	if (*value != '/')
		return !memchr(value, '/', size) && is_step(value, size);
	for (const char *at = value; at < end;) {
		const char *step = at + 1;
		const char *next = memchr(step, '/', (size_t)(end - step));

		at = next ? next : end;
		if (!is_step(step, (size_t)(at - step)))
			return false;
	}
	return true;
}
