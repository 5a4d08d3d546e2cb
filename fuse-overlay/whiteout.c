/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whiteouts: see whiteout.h. Runs in bryo-overlay, in every thread, with the folder locked by the
 * kernel.
 *
 * They are 0/0 character devices, which need no right since Linux 5.8, hard links of one in the
 * work folder: an inode for each deleted file of an image is many. Where such devices cannot be
 * made (an older kernel, NFS) they are files ".wh.NAME", as in OCI's layers. On another overlay
 * of ours there are neither, since to that one they would be its own: there they are empty files
 * with an attribute, links of one, too (see whiteout_by_xattr()).
 */
#include "fuse-overlay/whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "fuse-overlay/copyup.h"
#include "fuse-overlay/overlay.h"

static const char shared_name[] = "whiteout";

static int make_device(int dir_fd, const char *name)
{
	return mknodat(dir_fd, name, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

static int make_file(int dir_fd, const char *name)
{
	int r = mknodat(dir_fd, name, S_IFREG | 0644, 0) < 0 ? -errno : 0;

	return r < 0 ? r : xattr_set(dir_fd, name, XATTR_WHITEOUT, "y", 1, 0);
}

static int make_one(const struct overlay *ov, int dir_fd, const char *name)
{
	return ov->whiteouts == WHITEOUT_DEVICE ? make_device(dir_fd, name)
						: make_file(dir_fd, name);
}

void whiteout_init(struct overlay *ov)
{
	static const char mark[] = WHITEOUT_PREFIX "try";

	if (make_device(ov->work_fd, shared_name) == 0)
		return;
	ov->whiteouts = WHITEOUT_MARK;
	if (mknodat(ov->work_fd, mark, S_IFREG | 0600, 0) == 0)
		(void)unlinkat(ov->work_fd, mark, 0); /* cleared at the next mount else */
	else if (make_file(ov->work_fd, shared_name) == 0 &&
		 whiteout_by_xattr(ov, ov->work_fd, shared_name) == 1)
		ov->whiteouts = WHITEOUT_XATTR;
}

int whiteout_expect(struct overlay *ov, struct node *parent, int dir_fd)
{
	struct node_part *part = node_part_in(parent, UPPER);
	int r = 0;

	if (ov->whiteouts != WHITEOUT_XATTR)
		return 0;
	r = whiteout_folder(ov, part, dir_fd);
	if (r == 0)
		r = xattr_set(dir_fd, ".", XATTR_OPAQUE, "x", 1, 0);
	if (r == 0 && part)
		part->whiteouts = WHITEOUTS_SOME;
	return r < 0 ? r : 0;
}

/* A whiteout of its own or a link of the shared one. */
static int place_one(struct overlay *ov, int dir_fd, const char *name)
{
	struct temp_name temp = temp_name(ov);
	int r = 0;

	if (linkat(ov->work_fd, shared_name, dir_fd, name, 0) == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	/* Too many links (65,000 on ext4), or none may be made here (NFS): then a new shared one is
	 * begun, or this is one alone. */
	if (errno == EMLINK && unlinkat(ov->work_fd, shared_name, 0) == 0 &&
	    make_one(ov, ov->work_fd, shared_name) == 0 &&
	    linkat(ov->work_fd, shared_name, dir_fd, name, 0) == 0)
		return 0;
	if (ov->whiteouts == WHITEOUT_DEVICE)
		return make_device(dir_fd, name);
	/* Nobody may see it before its attribute is there. */
	r = make_file(ov->work_fd, temp.text);
	return r == 0 && renameat2(ov->work_fd, temp.text, dir_fd, name, RENAME_NOREPLACE) < 0
		       ? -errno
		       : r;
}

static int mark_name(const char *name, char mark[NAME_MAX + 8])
{
	int n = snprintf(mark, NAME_MAX + 8, WHITEOUT_PREFIX "%s", name);

	return n > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* Whatever has that name already does as well: a folder, a fifo. */
static int make_empty(int dir_fd, const char *name)
{
	return mknodat(dir_fd, name, S_IFREG | 0600, 0) < 0 && errno != EEXIST ? -errno : 0;
}

static int place_mark(int dir_fd, const char *name)
{
	char mark[NAME_MAX + 8];
	int r = mark_name(name, mark);

	return r < 0 ? r : make_empty(dir_fd, mark);
}

int whiteout_forget_mark(int dir_fd, const char *name)
{
	char mark[NAME_MAX + 8];

	if (mark_name(name, mark) < 0)
		return 0;
	if (unlinkat(dir_fd, mark, 0) == 0 || errno == ENOENT)
		return 0;
	return errno == EISDIR ? file_remove_tree(dir_fd, mark) : -errno;
}

int whiteout_make(struct overlay *ov, struct node *parent, int dir_fd, const char *name)
{
	int r = whiteout_expect(ov, parent, dir_fd);

	if (r < 0)
		return r;
	return ov->whiteouts == WHITEOUT_MARK ? place_mark(dir_fd, name)
					      : place_one(ov, dir_fd, name);
}

int whiteout_replace(struct overlay *ov, struct node *parent, int dir_fd, const char *name)
{
	struct temp_name temp = temp_name(ov);
	int r = whiteout_expect(ov, parent, dir_fd);

	if (r < 0)
		return r;
	if (ov->whiteouts ==
	    WHITEOUT_MARK) { /* first the mark: the file in this layer is seen all the same */
		r = place_mark(dir_fd, name);
		return r < 0 ? r : unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
	}
	r = place_one(ov, ov->work_fd, temp.text);
	if (r < 0)
		return r;
	/* Two links of one inode: rename(2) would do nothing. It cannot be, name is no whiteout. */
	if (renameat(ov->work_fd, temp.text, dir_fd, name) == 0)
		return 0;
	r = -errno;
	(void)unlinkat(ov->work_fd, temp.text, 0); /* cleared at the next mount else */
	return r;
}

int whiteout_replace_folder(struct overlay *ov, struct node *parent, int dir_fd, const char *name)
{
	struct temp_name temp = temp_name(ov);
	int r = whiteout_expect(ov, parent, dir_fd);

	if (r < 0)
		return r;
	if (ov->whiteouts != WHITEOUT_MARK) {
		r = place_one(ov, ov->work_fd, temp.text);
		if (r < 0)
			return r;
		if (renameat2(ov->work_fd, temp.text, dir_fd, name, RENAME_EXCHANGE) == 0)
			return file_remove_tree(ov->work_fd, temp.text);
		r = -errno;
		(void)unlinkat(ov->work_fd, temp.text, 0); /* cleared at the next mount else */
		if (r != -EINVAL && r != -ENOSYS)
			return r;
		/* No exchange here (NFS): the folder away, then the mark. A kill in between shows
		 * the lower folder again, and loses nothing. */
	} else {
		r = place_mark(dir_fd, name);
		if (r < 0)
			return r;
	}
	if (renameat(dir_fd, name, ov->work_fd, temp.text) < 0)
		return -errno;
	r = ov->whiteouts != WHITEOUT_MARK ? place_one(ov, dir_fd, name) : 0;
	return r < 0 ? r : file_remove_tree(ov->work_fd, temp.text);
}

int whiteout_make_opaque(int dir_fd, const char *name)
{
	char path[NAME_MAX + sizeof(OPAQUE_NAME) + 2];
	const char *key = XATTR_OPAQUE;
	char value = 0;
	int r = 0;

	/* Whiteouts that are in it must not be seen as files. */
	if (xattr_get(dir_fd, name, key, &value, 1) == 1 && value == 'x')
		key = XATTR_OWN_OPAQUE;
	r = xattr_set(dir_fd, name, key, "y", 1, 0);
	if (r != -EOPNOTSUPP && r != -EPERM)
		return r;
	/* No attributes here (NFS before 4.2, an old tmpfs): OCI's way. */
	(void)snprintf(path, sizeof(path), "%s/" OPAQUE_NAME, name); /* fits */
	return make_empty(dir_fd, path);
}
