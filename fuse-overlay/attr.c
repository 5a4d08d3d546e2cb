/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes and their changes: see attr.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fuse-overlay/copyup.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"
#include "fuse-overlay/owner.h"

void attr_show(const struct overlay *ov, const struct node *node, struct stat *st)
{
	st->st_ino = node->ino;
	/* As the kernel's overlay has it: nobody counts the folders of all layers. find(1) knows.
	 */
	if (node->folder && (ov->options.static_nlink || node_is_merged(node)))
		st->st_nlink = 1;
	owner_show(ov, st);
}

int attr_spot(const struct node *node, const struct place *place, struct spot *ret_spot)
{
	if (!place->empty)
		*ret_spot = (struct spot){ place->fd, place->name };
	else if (node_is_folder(node))
		*ret_spot = (struct spot){ place->fd, "." };
	else if (node_is_regular(node))
		*ret_spot = (struct spot){ place->fd, NULL };
	else
		return -EOPNOTSUPP;
	return 0;
}

/* At a place: what the file has itself, and what its layer remembers of it. */
static int look(const struct overlay *ov, const struct node *node, const struct place *place,
		struct stat *ret_st)
{
	struct spot spot;

	if (fstatat(place->fd, place->name, ret_st, AT_SYMLINK_NOFOLLOW | place->empty) < 0)
		return -errno;
	if (!ov->layers[node->layer].override_key || attr_spot(node, place, &spot) < 0)
		return 0;
	return override_read(ov, node->layer, &spot, ret_st);
}

int attr_get(struct overlay *ov, struct node *node, struct stat *ret_st)
{
	struct stat st;
	bool is_orphan = false;
	int r = 0;

	/* Between an unlink and its node's new state the name is gone, but the node pinned. */
	for (int i = 0; i < 3; i++) {
		struct place place;

		r = place_get(ov, node, &place);
		if (r < 0)
			return r;
		r = look(ov, node, &place, &st);
		is_orphan = place.empty && node != ov->nodes.root;
		place_put(ov, &place);
		if (r != -ENOENT)
			break;
	}
	if (r < 0)
		return r;
	attr_show(ov, node, &st);
	/* In its layer a deleted file has its name still. */
	if (is_orphan && (node_is_folder(node) || (node->layer != UPPER && st.st_nlink == 1)))
		st.st_nlink = 0;
	*ret_st = st;
	return 0;
}

/* The content of a marked file, a symlink's target else. */
static ssize_t read_target(struct overlay *ov, struct node *node, char *target)
{
	struct handle *handle = NULL;
	struct place place;
	ssize_t n = 0;
	int r = 0;

	if (node->flags & NODE_MARKED) {
		r = handle_file(ov, node, false, &handle);
		if (r < 0)
			return r;
		n = pread(handle->fd, target, PATH_MAX - 1, 0);
		n = n < 0 ? -errno : memchr(target, '\0', (size_t)n) ? -EIO : n;
		handle_put(ov, handle);
		return n;
	}
	r = place_get(ov, node, &place);
	if (r < 0)
		return r;
	n = readlinkat(place.fd, place.name, target, PATH_MAX - 1);
	n = n < 0 ? -errno : n;
	place_put(ov, &place);
	return n;
}

int attr_read_link(struct overlay *ov, struct node *node, char *ret_target)
{
	ssize_t n = read_target(ov, node, ret_target);

	if (n < 0)
		return (int)n;
	ret_target[n] = '\0';
	return 0;
}

/* ---- Changes, of what is in the upper layer; the place is held ---- */

/* What is squashed has one owner for all that may be asked. */
static bool squashes_uid(const struct overlay *ov)
{
	return ov->options.squash_to_root || ov->options.squash_to_uid;
}

static bool squashes_gid(const struct overlay *ov)
{
	return ov->options.squash_to_root || ov->options.squash_to_gid;
}

static int set_owner(struct overlay *ov, const struct place *place,
		     const struct attr_change *change)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (change->uid && !squashes_uid(ov) && owner_uid_stored(ov, *change->uid, &uid) < 0)
		return -EINVAL;
	if (change->gid && !squashes_gid(ov) && owner_gid_stored(ov, *change->gid, &gid) < 0)
		return -EINVAL;
	return fchownat(place->fd, place->name, uid, gid, AT_SYMLINK_NOFOLLOW | place->empty) < 0
		       ? -errno
		       : 0;
}

static int set_mode(const struct node *node, const struct place *place, mode_t mode)
{
	int r = 0;

	if (!place->empty)
		/* It is no symlink: chmod(2) of one never comes here. */
		r = fchmodat(place->fd, place->name, mode & 07777, 0);
	else if (node_is_folder(node))
		r = fchmodat(place->fd, ".", mode & 07777, 0);
	else
		r = fchmod(place->fd, mode & 07777);
	return r < 0 ? -errno : 0;
}

/* chown(2)'s rule: set-group-id without group execution is a lock's mark. */
static mode_t without_ids(mode_t mode)
{
	return mode & ~(mode_t)(S_ISUID | (mode & S_IXGRP ? S_ISGID : 0));
}

/* The attribute takes it all; the file's own mode follows as far as that is harmless. */
static int set_remembered(struct overlay *ov, const struct node *node, const struct place *place,
			  const struct attr_change *change)
{
	struct spot spot;
	struct stat st;
	mode_t before = 0;
	int r = attr_spot(node, place, &spot);

	if (r == 0)
		r = look(ov, node, place, &st);
	if (r < 0)
		return r;
	before = st.st_mode;
	if (change->uid && !squashes_uid(ov) && owner_uid_stored(ov, *change->uid, &st.st_uid) < 0)
		return -EINVAL;
	if (change->gid && !squashes_gid(ov) && owner_gid_stored(ov, *change->gid, &st.st_gid) < 0)
		return -EINVAL;
	if ((change->uid || change->gid) && !S_ISDIR(st.st_mode)) {
		st.st_mode = without_ids(st.st_mode);
		r = xattr_remove(spot.fd, spot.name, "security.capability");
		if (r < 0 && r != -ENODATA && r != -EOPNOTSUPP)
			return r;
	}
	if (change->mode)
		st.st_mode = (st.st_mode & S_IFMT) | (*change->mode & 07777);
	r = override_write(&spot, &st);
	if (r == 0 && override_disk_mode(before) != override_disk_mode(st.st_mode))
		r = set_mode(node, place, override_disk_mode(st.st_mode));
	return r;
}

static int set_in_place(struct overlay *ov, struct node *node, const struct attr_change *change)
{
	struct place place;
	int r = place_get(ov, node, &place);

	if (r < 0)
		return r;
	if (ov->remembers && (change->uid || change->gid || change->mode))
		r = set_remembered(ov, node, &place, change);
	else if (change->uid || change->gid)
		r = set_owner(ov, &place, change);
	if (r == 0 && change->mode && !ov->remembers)
		r = set_mode(node, &place, *change->mode);
	if (r == 0 && change->has_times &&
	    utimensat(place.fd, place.name, change->times, AT_SYMLINK_NOFOLLOW | place.empty) < 0)
		r = -errno;
	place_put(ov, &place);
	return r;
}

static int set_size(struct overlay *ov, struct node *node, off_t size)
{
	struct quota_change change = { 0 };
	struct handle *handle = NULL;
	int r = handle_file(ov, node, true, &handle);

	if (r < 0)
		return r;
	r = quota_size_begin(ov, node, handle->fd, size, &change);
	if (r == 0) {
		r = ftruncate(handle->fd, size) < 0 ? -errno : 0;
		quota_change_end(ov, &change);
	}
	handle_put(ov, handle);
	return r;
}

int attr_kill_ids(struct overlay *ov, struct node *node)
{
	struct handle *handle = NULL;
	struct stat st;
	struct spot spot;
	int r = handle_file(ov, node, true, &handle);

	if (r < 0)
		return r;
	spot = (struct spot){ handle->fd, NULL };
	if (!(node->flags & NODE_NO_CAPS) && fremovexattr(handle->fd, "security.capability") < 0 &&
	    errno != ENODATA && errno != EOPNOTSUPP)
		r = -errno;
	if (r == 0 && fstat(handle->fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = override_read(ov, node->layer, &spot, &st);
	if (r == 0 && st.st_mode != without_ids(st.st_mode)) {
		st.st_mode = without_ids(st.st_mode);
		if (ov->remembers)
			r = override_write(&spot, &st);
		else if (fchmod(handle->fd, st.st_mode & 07777) < 0)
			r = -errno;
	}
	handle_put(ov, handle);
	return r;
}

/*
 * The kernel writes times back that it has kept, at unlink(2) too, where only the change time is
 * new. A file of a layer is not copied up for the modification time that it has.
 */
static bool changes_nothing(struct overlay *ov, struct node *node, const struct attr_change *change)
{
	struct stat st;

	if (node->layer == UPPER || change->mode || change->uid || change->gid || change->size ||
	    change->times[0].tv_nsec != UTIME_OMIT)
		return false;
	if (change->times[1].tv_nsec == UTIME_OMIT)
		return true;
	return change->times[1].tv_nsec != UTIME_NOW && attr_get(ov, node, &st) == 0 &&
	       st.st_mtim.tv_sec == change->times[1].tv_sec &&
	       st.st_mtim.tv_nsec == change->times[1].tv_nsec;
}

int attr_set(struct overlay *ov, struct node *node, const struct attr_change *change)
{
	int r = changes_nothing(ov, node, change) ? 1 : 0;

	if (r == 1)
		return 0;
	r = node_copy_up(ov, node, change->size ? *change->size : COPY_ALL);

	/* The times last: the others change them. */
	if (r == 0 && change->size)
		r = set_size(ov, node, *change->size);
	if (r == 0 && change->kill_ids && node->type == S_IFREG >> 12)
		r = attr_kill_ids(ov, node);
	if (r == 0 && (change->uid || change->gid || change->mode || change->has_times))
		r = set_in_place(ov, node, change);
	return r;
}
