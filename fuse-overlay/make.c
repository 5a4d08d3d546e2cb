/* SPDX-License-Identifier: Apache-2.0 */
/* New names: see change.h. Runs in bryo-overlay, in every thread. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "fuse-overlay/change.h"
#include "fuse-overlay/copyup.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"
#include "fuse-overlay/owner.h"
#include "fuse-overlay/whiteout.h"

static int make_at(int dir_fd, const char *name, const struct make_args *args)
{
	int r = 0;

	if (S_ISDIR(args->mode))
		r = mkdirat(dir_fd, name, args->mode & 07777);
	else if (S_ISLNK(args->mode))
		r = symlinkat(args->target, dir_fd, name);
	else
		r = mknodat(dir_fd, name, args->mode, args->rdev);
	return r < 0 ? -errno : 0;
}

/*
 * A folder in the work folder that hands down what the upper folder would: set-group-id and group,
 * default ACL. Most have neither, and the work folder itself serves.
 */
static int nursery_open(struct overlay *ov, int dir_fd, struct temp_name *name)
{
	char acl[4096];
	ssize_t n = xattr_get(dir_fd, ".", "system.posix_acl_default", acl, sizeof(acl));
	struct stat st;
	int fd = -1;

	if (fstatat(dir_fd, ".", &st, 0) < 0)
		return -errno;
	if (n <= 0 && !(st.st_mode & S_ISGID))
		return openat(ov->work_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*name = temp_name(ov);
	if (mkdirat(ov->work_fd, name->text, 0700) < 0)
		return -errno;
	fd = openat(ov->work_fd, name->text, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fchownat(fd, ".", (uid_t)-1, st.st_gid, 0) < 0 ||
	    fchmodat(fd, ".", 0700 | (st.st_mode & S_ISGID), 0) < 0 ||
	    (n > 0 && xattr_set(fd, ".", "system.posix_acl_default", acl, (size_t)n, 0) < 0)) {
		(void)close(fd); /* nothing was written; the folder is cleared at the next mount */
		return -EIO;
	}
	return fd;
}

/* From the nursery to where the whiteout is. A folder cannot be renamed over one: they change
 * places. */
static int put_over(int from_fd, const char *temp, int dir_fd, const char *name, bool is_folder)
{
	if (!is_folder)
		return renameat(from_fd, temp, dir_fd, name) < 0 ? -errno : 0;
	if (renameat2(from_fd, temp, dir_fd, name, RENAME_EXCHANGE) < 0)
		return -errno;
	return unlinkat(from_fd, temp, 0) < 0 ? -errno : 0;
}

/* Where a whiteout has the name: made out of sight, then put over it. */
static int make_over(struct overlay *ov, int dir_fd, const char *name, const struct make_args *args)
{
	const bool is_folder = S_ISDIR(args->mode);
	struct temp_name nursery = { "" };
	struct temp_name temp = temp_name(ov);
	int from_fd = nursery_open(ov, dir_fd, &nursery);
	int r = from_fd < 0 ? from_fd : make_at(from_fd, temp.text, args);

	if (r == 0) {
		/* It hides what the whiteout hid. */
		if (is_folder)
			r = whiteout_make_opaque(from_fd, temp.text);
		if (r == 0)
			r = put_over(from_fd, temp.text, dir_fd, name, is_folder);
		if (r < 0)
			(void)unlinkat(from_fd, temp.text, is_folder ? AT_REMOVEDIR : 0);
	}
	if (from_fd >= 0)
		(void)close(from_fd); /* a folder */
	if (*nursery.text)
		(void)file_remove_tree(ov->work_fd, nursery.text);
	return r;
}

static int make_in(struct overlay *ov, struct node *parent, int dir_fd, const char *name,
		   const struct make_args *args)
{
	int is_marked = node_is_merged(parent) ? whiteout_file(dir_fd, name) : 0;
	int is_over = 0;
	int r = 0;

	if (is_marked < 0)
		return is_marked;
	/* A folder must be opaque before anybody sees it. */
	if (is_marked && S_ISDIR(args->mode)) {
		struct temp_name temp = temp_name(ov);

		r = make_at(ov->work_fd, temp.text, args);
		if (r == 0)
			r = whiteout_make_opaque(ov->work_fd, temp.text);
		if (r == 0) /* a whiteout may hide the name as well */
			r = is_over = whiteout_is_at(ov, parent, dir_fd, name);
		if (r >= 0)
			r = put_over(ov->work_fd, temp.text, dir_fd, name, is_over);
	} else {
		r = make_at(dir_fd, name, args);
		if (r == -EEXIST)
			is_over = whiteout_is_at(ov, parent, dir_fd, name);
		if (is_over)
			r = is_over < 0 ? is_over : make_over(ov, dir_fd, name, args);
	}
	if (r == 0 && is_marked)
		r = whiteout_forget_mark(dir_fd, name);
	return r;
}

/* ---- With owners that are remembered: override.h ---- */

/* What the new file shall be, in folder dir_fd: what a file system does by itself elsewhere. */
static int plan(const struct overlay *ov, int dir_fd, const struct make_args *args,
		struct stat *ret_st)
{
	const struct spot folder = { dir_fd, "." };
	struct stat above;
	struct stat st = { .st_mode = args->mode, .st_rdev = args->rdev };
	int r = fstatat(dir_fd, ".", &above, 0) < 0 ? -errno
						    : override_read(ov, UPPER, &folder, &above);

	if (r < 0)
		return r;
	/* As owner_become(): who is not in the map makes root's files. */
	(void)!owner_uid_stored(ov, args->asker.uid, &st.st_uid);
	(void)!owner_gid_stored(ov, args->asker.gid, &st.st_gid);
	if (above.st_mode & S_ISGID) {
		st.st_gid = above.st_gid;
		st.st_mode |= S_ISDIR(args->mode) ? S_ISGID : 0;
	}
	st.st_mode = S_ISLNK(st.st_mode) ? S_IFLNK | 0777 : st.st_mode & ~args->asker.umask;
	*ret_st = st;
	return 0;
}

/* In the work folder: nobody sees it before its attribute is there. */
static int make_hidden(struct overlay *ov, const char *temp, const struct make_args *args,
		       const struct stat *st)
{
	const struct spot spot = { ov->work_fd, temp };
	const bool is_folder = S_ISDIR(args->mode);
	const char *content = S_ISLNK(args->mode) ? args->target : "";
	auto_close int fd = -1;
	int r = 0;

	if (is_folder) {
		r = mkdirat(ov->work_fd, temp, 0700) < 0 ? -errno : 0;
	} else {
		fd = openat(ov->work_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		r = fd < 0 ? -errno : fd_write_all(fd, content, strlen(content));
	}
	if (r == 0 && fchmodat(ov->work_fd, temp, override_disk_mode(st->st_mode), 0) < 0)
		r = -errno;
	return r < 0 ? r : override_write(&spot, st);
}

static int make_remembered(struct overlay *ov, struct node *parent, int dir_fd, const char *name,
			   const struct make_args *args)
{
	const bool is_folder = S_ISDIR(args->mode);
	const int is_marked = node_is_merged(parent) ? whiteout_file(dir_fd, name) : 0;
	const int is_over = whiteout_is_at(ov, parent, dir_fd, name);
	struct temp_name temp = temp_name(ov);
	struct stat st;
	int r = is_marked < 0 ? is_marked : is_over < 0 ? is_over : plan(ov, dir_fd, args, &st);

	if (r < 0)
		return r;
	r = make_hidden(ov, temp.text, args, &st);
	if (r == 0 && is_folder && (is_marked || is_over))
		r = whiteout_make_opaque(ov->work_fd, temp.text);
	if (r == 0 && is_over)
		r = put_over(ov->work_fd, temp.text, dir_fd, name, is_folder);
	else if (r == 0 && renameat2(ov->work_fd, temp.text, dir_fd, name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(ov->work_fd, temp.text, is_folder ? AT_REMOVEDIR : 0);
	else if (is_marked)
		r = whiteout_forget_mark(dir_fd, name);
	return r;
}

/* ---- The new file as a node ---- */

static int describe(struct overlay *ov, int dir_fd, const char *name, struct found *ret_found)
{
	struct found found = { .layer = UPPER, .copies = ov->copies };

	const struct spot spot = { dir_fd, name };
	bool is_regular = false;
	int r = 0;

	if (fstatat(dir_fd, name, &found.st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	is_regular = S_ISREG(found.st.st_mode);
	r = override_read(ov, UPPER, &spot, &found.st);
	if (r < 0)
		return r;
	found.is_marked = is_regular && !S_ISREG(found.st.st_mode);
	found.ino = layer_number(ov, UPPER, found.st.st_ino);
	if (S_ISDIR(found.st.st_mode)) {
		found.folder = calloc(1, sizeof(*found.folder) + sizeof(struct node_part));
		if (!found.folder)
			return -ENOMEM;
		found.folder->part_count = 1; /* parts[0]: the upper layer */
	}
	*ret_found = found;
	return 0;
}

/* What marks a deletion in layers is no name of a file, and 0/0 no device. */
static int check_name(const char *name, const struct make_args *args)
{
	if (whiteout_name(name))
		return -EINVAL;
	return S_ISCHR(args->mode) && args->rdev == makedev(0, 0) ? -EPERM : 0;
}

/* The folder in the upper layer, and the thread as who asks. */
static int begin(struct overlay *ov, struct node *parent, const struct asker *asker,
		 struct handle **ret_dir)
{
	int r = node_copy_up(ov, parent, COPY_ALL);

	if (r == 0 && !ov->remembers)
		r = owner_become(ov, asker->uid, asker->gid, asker->umask);
	return r < 0 ? r : handle_folder(ov, parent, UPPER, ret_dir);
}

static uint64_t cost_of(const struct overlay *ov, const struct make_args *args)
{
	uint64_t cost = QUOTA_NAME + QUOTA_INODE;

	if (S_ISLNK(args->mode)) /* the content of a marked file, or an inode's own */
		cost += ov->remembers ? QUOTA_BLOCK : strlen(args->target);
	return cost;
}

int make_name(struct overlay *ov, struct node *parent, const char *name,
	      const struct make_args *args, struct found *ret_found)
{
	const uint64_t cost = cost_of(ov, args);
	struct handle *dir = NULL;
	int r = check_name(name, args);

	if (r == 0)
		r = begin(ov, parent, &args->asker, &dir);
	if (r < 0)
		return r;
	assert(dir);
	r = quota_take(ov, cost, 1);
	if (r == 0) {
		pthread_rwlock_rdlock(
			&ov->tree); /* no copy-up gives the folder its old times now */
		r = ov->remembers ? make_remembered(ov, parent, dir->fd, name, args)
				  : make_in(ov, parent, dir->fd, name, args);
		pthread_rwlock_unlock(&ov->tree);
		if (r < 0)
			quota_give(ov, cost, 1);
	}
	if (r == 0)
		r = describe(ov, dir->fd, name, ret_found);
	handle_put(ov, dir);
	return r;
}

static int open_nameless(const struct overlay *ov, int dir_fd, const struct make_args *args)
{
	const mode_t mode = ov->remembers ? 0600 : args->mode & 07777;
	auto_close int fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	struct stat st;
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && ov->remembers) {
		r = plan(ov, dir_fd, args, &st);
		if (r == 0 && fchmod(fd, override_disk_mode(st.st_mode)) < 0)
			r = -errno;
		if (r == 0)
			r = override_write(&(struct spot){ fd, NULL }, &st);
	}
	return r < 0 ? r : fd_take(&fd);
}

int make_nameless(struct overlay *ov, struct node *parent, const struct make_args *args,
		  struct node **ret_node)
{
	struct found found = { .layer = UPPER };
	struct handle *dir = NULL;
	auto_close int fd = -1;
	int r = ov->proc_fd < 0 ? -EOPNOTSUPP : begin(ov, parent, &args->asker, &dir);

	if (r < 0)
		return r;
	assert(dir);
	r = quota_take(ov, QUOTA_INODE, 1);
	if (r == 0) {
		fd = open_nameless(ov, dir->fd, args);
		r = fd < 0 ? fd : fstat(fd, &found.st) < 0 ? -errno : 0;
		if (r == 0)
			r = override_read(ov, UPPER, &(struct spot){ fd, NULL }, &found.st);
		if (r == 0) {
			found.ino = layer_number(ov, UPPER, found.st.st_ino);
			r = node_new_orphan(ov, &found, ret_node);
		}
		if (r < 0)
			quota_give(ov, QUOTA_INODE, 1);
	}
	handle_put(ov, dir);
	if (r < 0)
		return r;
	r = handle_adopt(ov, *ret_node, UPPER, fd_take(&fd), true, true);
	if (r < 0)
		node_forget(ov, *ret_node, 1);
	return r;
}

/* ---- Links; the tree is held exclusively ---- */

static int link_at(struct overlay *ov, struct node *node, int dir_fd, const char *name)
{
	struct handle *handle = NULL;
	char number[16];
	int r = 0;

	if (node->names) {
		r = handle_folder_locked(ov, node->names->parent, UPPER, &handle);
		if (r == 0 && linkat(handle->fd, node->names->text, dir_fd, name, 0) < 0)
			r = -errno;
	} else {
		r = handle_file_locked(ov, node, false, &handle);
		if (r < 0)
			return r;
		(void)snprintf(number, sizeof(number), "%d", handle->fd); /* fits */
		r = linkat(ov->proc_fd, number, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
	}
	handle_put_p(ov, &handle);
	return r;
}

static int link_in(struct overlay *ov, struct node *node, struct node *parent, int dir_fd,
		   const char *name)
{
	int is_marked = node_is_merged(parent) ? whiteout_file(dir_fd, name) : 0;
	int r = is_marked < 0 ? is_marked : link_at(ov, node, dir_fd, name);
	int is_over = r == -EEXIST ? whiteout_is_at(ov, parent, dir_fd, name) : 0;

	if (is_over < 0)
		return is_over;
	if (is_over) {
		struct temp_name temp = temp_name(ov);

		r = link_at(ov, node, ov->work_fd, temp.text);
		if (r == 0)
			r = put_over(ov->work_fd, temp.text, dir_fd, name, false);
	}
	if (r == 0 && is_marked)
		r = whiteout_forget_mark(dir_fd, name);
	return r;
}

int link_name(struct overlay *ov, struct node *node, struct node *parent, const char *name)
{
	struct handle *dir = NULL;
	int r = whiteout_name(name) ? -EINVAL : node_copy_up(ov, node, COPY_ALL);

	if (r == 0)
		r = node_copy_up(ov, parent, COPY_ALL);
	if (r == 0)
		r = quota_take(ov, QUOTA_NAME, 0);
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&ov->tree);
	r = handle_folder_locked(ov, parent, UPPER, &dir);
	if (r == 0)
		r = link_in(ov, node, parent, dir->fd, name);
	handle_put_p(ov, &dir);
	if (r < 0)
		quota_give(ov, QUOTA_NAME, 0);
	if (r == 0)
		r = node_add_name(ov, node, parent, name);
	if (r == 0)
		handle_unpin(ov, node);
	pthread_rwlock_unlock(&ov->tree);
	return r;
}
