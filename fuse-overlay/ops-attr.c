/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on attributes, extended ones too. Runs in bryo-overlay, in every thread. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "fuse-overlay/attr.h"
#include "fuse-overlay/channel.h"
#include "fuse-overlay/copyup.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"

enum { LIST_MAX = 64 * 1024 /* XATTR_LIST_MAX of <linux/limits.h> */ };

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct stat st;
	int r = attr_get(ov, ops_node(req, ino), &st);

	(void)fi; /* files are not opened here */
	if (r < 0)
		ops_reply(req, r);
	else
		(void)fuse_reply_attr(req, &st, ov->options.timeout); /* see ops_reply() */
}

static struct timespec time_of(int to_set, int is_set, int is_now, struct timespec time)
{
	if (to_set & is_now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	return to_set & is_set ? time : (struct timespec){ .tv_nsec = UTIME_OMIT };
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	struct stat st;
	struct attr_change change = {
		.mode = to_set & FUSE_SET_ATTR_MODE ? &attr->st_mode : NULL,
		.uid = to_set & FUSE_SET_ATTR_UID ? &attr->st_uid : NULL,
		.gid = to_set & FUSE_SET_ATTR_GID ? &attr->st_gid : NULL,
		.size = to_set & FUSE_SET_ATTR_SIZE ? &attr->st_size : NULL,
		.has_times = to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
				       FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW),
		.times = { time_of(to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW,
				   attr->st_atim),
			   time_of(to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW,
				   attr->st_mtim) },
		.kill_ids = channel_kills_ids(),
	};
	int r = attr_set(ov, node, &change);

	(void)fi; /* files are not opened here */
	if (r == 0)
		r = attr_get(ov, node, &st);
	if (r < 0)
		ops_reply(req, r);
	else
		(void)fuse_reply_attr(req, &st, ov->options.timeout); /* see ops_reply() */
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct overlay *ov = ops_overlay(req);
	char target[PATH_MAX];
	int r = attr_read_link(ov, ops_node(req, ino), target);

	if (r < 0)
		ops_reply(req, r);
	else
		(void)fuse_reply_readlink(req, target); /* see ops_reply() */
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct overlay *ov = ops_overlay(req);
	struct statvfs st;
	int fd = ov->layers[overlay_writable(ov) ? UPPER : 1].fd;

	(void)ino; /* one answer for all */
	if (fstatvfs(fd, &st) < 0) {
		ops_reply(req, -errno);
		return;
	}
	st.f_namemax = NAME_MAX;
	quota_show(ov, &st);
	(void)fuse_reply_statfs(req, &st); /* see ops_reply() */
}

/* ---- Extended attributes ---- */

/* Remembered owners are nobody's to read or to forge. Nor are marks that have no escaped form: who
 * could set or remove one would hide a layer's files, or show deleted ones, from the next mount on.
 */
static bool is_hidden(const struct overlay *ov, const char *key)
{
	return str_starts(key, "trusted.overlay.") || str_starts(key, "user.fuseoverlayfs.") ||
	       (ov->has_overrides && override_is_key(key));
}

/* As the kernel's overlay has it since Linux 6.7: a user's own "user.overlay.x" is kept as
 * "user.overlay.overlay.x". -ERANGE where that is too long. */
int xattr_key_stored(const char *key, char stored[KEY_MAX + 1])
{
	const char *rest = str_after(key, XATTR_OVERLAY);
	int n = rest ? snprintf(stored, KEY_MAX + 1, XATTR_ESCAPED "%s", rest)
		     : snprintf(stored, KEY_MAX + 1, "%s", key);

	return n > KEY_MAX ? -ERANGE : 0;
}

/* How a stored key is shown; NULL: not at all. */
static const char *key_shown(const struct overlay *ov, const char *stored, char shown[KEY_MAX + 1])
{
	const char *rest = str_after(stored, XATTR_ESCAPED);

	if (is_hidden(ov, stored))
		return NULL;

	if (rest) {
		(void)snprintf(shown, KEY_MAX + 1, XATTR_OVERLAY "%s", rest); /* is shorter */
		return shown;
	}
	return is_overlay_xattr(stored) ? NULL : stored;
}

size_t xattr_list_shown(const struct overlay *ov, char *list, size_t size)
{
	char shown[KEY_MAX + 1];
	size_t kept = 0;

	for (size_t at = 0; at < size;) {
		size_t length = strlen(list + at) + 1;
		const char *key = key_shown(ov, list + at, shown);

		if (key) { /* shown keys are never longer than stored ones; they may overlap */
			size_t shown_length = strlen(key) + 1;

			memmove(list + kept, key, shown_length);
			kept += shown_length;
		}
		at += length;
	}
	return kept;
}

static ssize_t read_value(struct overlay *ov, struct node *node, const char *key, void *value,
			  size_t size)
{
	struct place place;
	struct spot spot;
	ssize_t n = place_get(ov, node, &place);

	if (n < 0)
		return n;
	n = attr_spot(node, &place, &spot);
	if (n == 0)
		n = xattr_get(spot.fd, spot.name, key, value, size);
	place_put(ov, &place);
	return n;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *key, size_t size)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	const bool is_caps = str_eq(key, "security.capability");
	char stored[KEY_MAX + 1];
	auto_free char *value = NULL;
	ssize_t n = xattr_key_stored(key, stored);

	/* Asked at each write(2) until it is known that there is none. */
	if (is_caps && node->flags & NODE_NO_CAPS)
		n = -ENODATA;
	if (is_hidden(ov, key))
		n = -ENODATA;
	if (n == 0 && size > 0) {
		value = malloc(size);
		n = value ? 0 : -ENOMEM;
	}
	if (n == 0)
		n = read_value(ov, node, stored, value, size);
	if (n == -ENODATA && is_caps)
		node->flags |= NODE_NO_CAPS;
	if (n < 0)
		ops_reply(req, (int)n);
	else if (size == 0)
		(void)fuse_reply_xattr(req, (size_t)n); /* see ops_reply() */
	else
		(void)fuse_reply_buf(req, value, (size_t)n);
}

static ssize_t read_list(struct overlay *ov, struct node *node, char *list)
{
	struct place place;
	struct spot spot;
	ssize_t n = place_get(ov, node, &place);

	if (n < 0)
		return n;
	n = attr_spot(node, &place, &spot);
	if (n == 0)
		n = xattr_list(spot.fd, spot.name, list, LIST_MAX);
	place_put(ov, &place);
	return n;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct overlay *ov = ops_overlay(req);
	auto_free char *list = malloc(LIST_MAX);
	ssize_t n = list ? read_list(ov, ops_node(req, ino), list) : -ENOMEM;
	size_t kept = n > 0 ? xattr_list_shown(ov, list, (size_t)n) : 0;

	if (n < 0)
		ops_reply(req, (int)n);
	else if (size == 0)
		(void)fuse_reply_xattr(req, kept); /* see ops_reply() */
	else if (size < kept)
		ops_reply(req, -ERANGE);
	else
		(void)fuse_reply_buf(req, list, kept);
}

/* What the attribute costs now; 0 where there is none. */
static uint64_t cost_of(const struct overlay *ov, const struct spot *spot, const char *key)
{
	ssize_t n =
		quota_charges_xattr(ov, key) ? xattr_get(spot->fd, spot->name, key, NULL, 0) : -1;

	return n < 0 ? 0 : strlen(key) + (uint64_t)n;
}

/* The copy lock is held, where there is a quota. */
static int change_charged(struct overlay *ov, const struct spot *spot, const char *key,
			  const char *value, size_t size, int flags)
{
	const uint64_t before = cost_of(ov, spot, key);
	const uint64_t after = value && quota_charges_xattr(ov, key) ? strlen(key) + size : 0;
	int r = after > before ? quota_take(ov, after - before, 0) : 0;

	if (r < 0)
		return r;
	r = value ? xattr_set(spot->fd, spot->name, key, value, size, flags)
		  : xattr_remove(spot->fd, spot->name, key);
	if (r < 0 && after > before)
		quota_give(ov, after - before, 0);
	else if (r == 0 && before > after)
		quota_give(ov, before - after, 0);
	return r;
}

/* value NULL: remove. */
static int change_value(struct overlay *ov, struct node *node, const char *key, const char *value,
			size_t size, int flags)
{
	struct copy_lock lock = { 0 };
	struct place place;
	struct spot spot;
	int r = 0;

	if (ov->quota.is_on)
		lock = copy_lock(ov, node, NULL);
	r = place_get(ov, node, &place);
	if (r == 0) {
		r = attr_spot(node, &place, &spot);
		if (r == 0 && ov->quota.is_on)
			r = change_charged(ov, &spot, key, value, size, flags);
		else if (r == 0)
			r = value ? xattr_set(spot.fd, spot.name, key, value, size, flags)
				  : xattr_remove(spot.fd, spot.name, key);
		place_put(ov, &place);
	}
	if (ov->quota.is_on)
		copy_unlock(ov, lock);
	return r;
}

int op_setxattr(struct overlay *ov, struct node *node, const char *key, const char *value,
		size_t size, int flags)
{
	char stored[KEY_MAX + 1];
	int r = is_hidden(ov, key) ? -EPERM : xattr_key_stored(key, stored);

	if (r == 0)
		r = node_copy_up(ov, node, COPY_ALL);
	if (r == 0)
		r = change_value(ov, node, stored, value, size, flags);
	if (str_eq(key, "security.capability"))
		node->flags &= (uint8_t)~NODE_NO_CAPS;
	return r;
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *key)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	char stored[KEY_MAX + 1];
	char unused;
	ssize_t n = is_hidden(ov, key) ? -ENODATA : xattr_key_stored(key, stored);

	/* What is not there is not removed, and nothing copied up for it. */
	if (n == 0 && node->layer != UPPER)
		n = read_value(ov, node, stored, &unused, 0);
	if (n >= 0)
		n = node_copy_up(ov, node, COPY_ALL);
	if (n == 0)
		n = change_value(ov, node, stored, NULL, 0, 0);
	ops_reply(req, (int)n);
}
