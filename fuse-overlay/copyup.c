/* SPDX-License-Identifier: Apache-2.0 */
/* Copy-up: see copyup.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/copyup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "fuse-overlay/attr.h"
#include "fuse-overlay/copydata.h"
#include "fuse-overlay/links.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"

enum { XATTR_LIST_SIZE = 64 * 1024 };

/* ---- Locks and names ---- */

static unsigned lock_index(const struct node *node)
{
	return (unsigned)(((uintptr_t)node * 0x9e3779b97f4a7c15ULL) >> 32) % COPY_LOCKS;
}

struct copy_lock copy_lock(struct overlay *ov, const struct node *node, const struct node *other)
{
	struct copy_lock lock = { lock_index(node), other ? lock_index(other) : COPY_LOCKS };

	/* Always in the order of numbers: two that lock the same pair cannot meet. */
	if (lock.second == lock.first)
		lock.second = COPY_LOCKS;
	if (lock.second < lock.first)
		lock = (struct copy_lock){ lock.second, lock.first };
	pthread_mutex_lock(&ov->copy_locks[lock.first]);
	if (lock.second < COPY_LOCKS)
		pthread_mutex_lock(&ov->copy_locks[lock.second]);
	return lock;
}

void copy_unlock(struct overlay *ov, struct copy_lock lock)
{
	if (lock.second < COPY_LOCKS)
		pthread_mutex_unlock(&ov->copy_locks[lock.second]);
	pthread_mutex_unlock(&ov->copy_locks[lock.first]);
}

struct temp_name temp_name(struct overlay *ov)
{
	struct temp_name name;

	(void)snprintf(name.text, sizeof(name.text), "#%llx",
		       (unsigned long long)ov->temp++); /* fits */
	return name;
}

/* ---- Attributes ---- */

int is_overlay_xattr(const char *key)
{
	return str_starts(key, "user.overlay.") || str_starts(key, "trusted.overlay.") ||
	       str_starts(key, "user.fuseoverlayfs.");
}

/* Escaped ones ("user.overlay.overlay.x") are a user's, not ours. */
static bool is_copied(const struct overlay *ov, const char *key)
{
	if (ov->has_overrides && override_is_key(key))
		return false; /* applied, and written anew */
	return !is_overlay_xattr(key) || str_starts(key, XATTR_ESCAPED);
}

/* Labels that only the system gives are not ours to set; a lost capability or ACL is an error. */
static bool may_miss(const char *key, int code)
{
	if (code == -EOPNOTSUPP)
		return !str_starts(key, "user.") && !str_starts(key, "system.posix_acl");
	return code == -EPERM && (str_starts(key, "security.") || str_starts(key, "trusted.")) &&
	       !str_eq(key, "security.capability");
}

static int copy_xattrs(const struct overlay *ov, const struct spot *from, const struct spot *to)
{
	auto_free char *memory = NULL;
	char few[1024];
	char *list = few;
	ssize_t size = xattr_list(from->fd, from->name, few, sizeof(few));
	int r = 0;

	if (size == -EOPNOTSUPP || size == 0)
		return 0;
	if (size == -ERANGE || size > 0) {
		memory = malloc((size_t)XATTR_LIST_SIZE * 2);
		if (!memory)
			return -ENOMEM;
		if (size < 0) {
			list = memory + XATTR_LIST_SIZE;
			size = xattr_list(from->fd, from->name, list, XATTR_LIST_SIZE);
		}
	}
	if (size < 0)
		return (int)size;
	for (const char *key = list; r == 0 && key < list + size; key += strlen(key) + 1) {
		ssize_t n = 0;

		if (!is_copied(ov, key))
			continue;
		n = xattr_get(from->fd, from->name, key, memory, XATTR_LIST_SIZE);
		if (n == -ENODATA)
			continue;
		r = n < 0 ? (int)n : xattr_set(to->fd, to->name, key, memory, (size_t)n, 0);
		if (r < 0 && may_miss(key, r))
			r = 0;
	}
	return r;
}

/* The inode number that the copy goes on to bear. Where it cannot be kept it changes with the next
 * mount; nothing else is lost. */
static void keep_number(struct overlay *ov, const struct node *node, const struct spot *to)
{
	uint64_t number = node->ino;

	if (node_is_regular(node) &&
	    xattr_set(to->fd, to->name, XATTR_NUMBER, &number, sizeof(number), 0) == 0)
		ov->has_numbers = true;
}

/* Owner and mode, to the file itself or to its attribute. */
static int give_owner(const struct overlay *ov, const struct spot *to, const struct stat *st)
{
	const mode_t mode = ov->remembers ? override_disk_mode(st->st_mode) : st->st_mode & 07777;
	const bool is_link = S_ISLNK(st->st_mode) && !ov->remembers;
	int r = 0;

	if (!ov->remembers) {
		r = to->name ? fchownat(to->fd, to->name, st->st_uid, st->st_gid,
					AT_SYMLINK_NOFOLLOW)
			     : fchown(to->fd, st->st_uid, st->st_gid);
		if (r < 0)
			return -errno;
	}
	if (!is_link) {
		r = to->name ? fchmodat(to->fd, to->name, mode, 0) : fchmod(to->fd, mode);
		if (r < 0)
			return -errno;
	}
	return ov->remembers ? override_write(to, st) : 0;
}

/* ---- Regular files ---- */

static int finish_file(struct overlay *ov, struct node *node, int from_fd, int to_fd,
		       const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	const struct spot from = { from_fd, NULL };
	const struct spot to = { to_fd, NULL };
	int r = 0;

	r = give_owner(ov, &to, st);
	if (r < 0)
		return r;
	r = copy_xattrs(ov, &from, &to); /* after the owner: chown drops capabilities */
	if (r < 0)
		return r;
	keep_number(ov, node, &to);
	if (futimens(to_fd, times) < 0)
		return -errno;
	/* A crash of the machine must not leave an empty file where a layer had a full one. */
	return ov->options.is_volatile || fsync(to_fd) == 0 ? 0 : -errno;
}

/* Takes the copy's names away again, up to end: it had none before. */
static void uninstall(struct overlay *ov, const struct node *node, const struct node_name *end)
{
	for (const struct node_name *name = node->names; name != end; name = name->next) {
		struct handle *dir = NULL;

		if (handle_folder_locked(ov, name->parent, UPPER, &dir) == 0)
			(void)unlinkat(dir->fd, name->text, 0); /* an error is being told already */
		handle_put_p(ov, &dir);
	}
}

/* Seen from above nothing has changed in the folder. */
static int link_unseen(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;

	if (fstatat(to_fd, ".", &st, 0) < 0 || linkat(from_fd, from, to_fd, to, 0) < 0)
		return -errno;
	/* The link is in place all the same. */
	(void)utimensat(to_fd, ".", (const struct timespec[]){ st.st_atim, st.st_mtim }, 0);
	return 0;
}

/* The copy's further names: hard links of the lower file, as links.c knows them. All or none. */
static int install_links(struct overlay *ov, const struct node *node, int dir_fd)
{
	int r = 0;

	for (const struct node_name *name = node->names->next; name; name = name->next) {
		struct handle *dir = NULL;

		r = handle_folder_locked(ov, name->parent, UPPER, &dir);
		if (r == 0)
			r = link_unseen(dir_fd, node->names->text, dir->fd, name->text);
		handle_put_p(ov, &dir);
		if (r < 0) {
			uninstall(ov, node, name);
			break;
		}
	}
	return r;
}

/* False where a name was added since the folders above were copied up. */
static bool parents_are_up(const struct node *node)
{
	const struct node_name *name = node->names;

	while (name && name->parent->layer == UPPER)
		name = name->next;
	return !name;
}

/*
 * Puts the copy in its place: a file without a name, or temp in the work folder. The tree is held
 * exclusively. An orphan's copy stays without a name.
 */
static int install(struct overlay *ov, struct node *node, int fd, const char *temp)
{
	struct handle *dir = NULL;
	struct stat st;
	char number[16];
	int r = 0;

	if (!node->names)
		return temp && unlinkat(ov->work_fd, temp, node->folder ? AT_REMOVEDIR : 0) < 0
			       ? -errno
			       : 0;
	if (!parents_are_up(node))
		return -EAGAIN;
	r = handle_folder_locked(ov, node->names->parent, UPPER, &dir);
	if (r < 0)
		return r;
	if (fstatat(dir->fd, ".", &st, 0) < 0) {
		handle_put(ov, dir);
		return -errno;
	}
	if (temp) {
		r = renameat(ov->work_fd, temp, dir->fd, node->names->text);
	} else {
		(void)snprintf(number, sizeof(number), "%d", fd); /* fits */
		r = linkat(ov->proc_fd, number, dir->fd, node->names->text, AT_SYMLINK_FOLLOW);
	}
	r = r < 0 ? -errno : 0;
	if (r == 0)
		r = install_links(ov, node, dir->fd);
	/* Seen from above nothing has changed in the folder. */
	if (r == 0) {
		const struct timespec times[2] = { st.st_atim, st.st_mtim };

		(void)utimensat(dir->fd, ".", times, 0); /* the copy is in place all the same */
	}
	handle_put(ov, dir);
	return r;
}

static int move_up(struct overlay *ov, struct node *node, int fd, const char *temp,
		   uint64_t backing_ino)
{
	const bool is_marked = ov->remembers && !node->folder && node->type != S_IFREG >> 12;
	int r = 0;

	pthread_rwlock_wrlock(&ov->tree);
	r = install(ov, node, fd, temp);
	if (r == 0) {
		handle_drop(ov, node, node->folder ? UPPER : node->layer);
		node_move_up(ov, node, backing_ino, is_marked);
	}
	pthread_rwlock_unlock(&ov->tree);
	return r;
}

/* A file without a name where that can be, else one in the work folder. */
static int make_temp(struct overlay *ov, struct temp_name *name, bool *ret_is_named)
{
	int fd = -1;

	*ret_is_named = false;
	if (ov->proc_fd >= 0)
		fd = openat(ov->work_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	*ret_is_named = true;
	*name = temp_name(ov);
	fd = openat(ov->work_fd, name->text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	return fd < 0 ? -errno : fd;
}

/* Names by which the copy will be seen. */
static uint64_t names_cost(struct overlay *ov, const struct node *node)
{
	uint64_t cost = 0;

	pthread_mutex_lock(&ov->nodes.lock);
	for (const struct node_name *name = node->names; name; name = name->next)
		cost += QUOTA_NAME;
	pthread_mutex_unlock(&ov->nodes.lock);
	return cost;
}

/* What the copy costs more, or less, than was taken for it, now that it is made. */
static int settle(struct overlay *ov, int fd, const struct stat *made, uint64_t names,
		  uint64_t *taken)
{
	const struct spot spot = { fd, NULL };
	uint64_t cost = 0;
	int r = ov->quota.is_on ? quota_inode_cost(fd, made, &cost) : 0;

	if (r < 0 || !ov->quota.is_on)
		return r;
	cost += names + quota_xattr_cost(ov, &spot);
	r = cost > *taken ? quota_take(ov, cost - *taken, 0) : 0;
	if (r < 0)
		return r;
	if (*taken > cost)
		quota_give(ov, *taken - cost, 0);
	*taken = cost;
	return 0;
}

/* Before the copy is made: as it lies below, cut to size. */
static int take_for_copy(struct overlay *ov, const struct stat *st, off_t size, uint64_t names,
			 uint64_t *ret_taken)
{
	const uint64_t cost = quota_copy_cost(st, (uint64_t)size) + names;
	int r = 0;

	if (!ov->quota.is_on)
		return 0;
	r = quota_take(ov, cost, 1);
	if (r == 0)
		*ret_taken = cost;
	return r;
}

static int copy_file(struct overlay *ov, struct node *node, off_t size)
{
	struct handle *source = NULL;
	struct temp_name temp = { "" };
	const uint64_t names = names_cost(ov, node);
	bool is_named = false;
	uint64_t taken = 0;
	struct stat st;
	struct stat made;
	auto_close int fd = -1;
	int r = handle_file(ov, node, false, &source);

	if (r < 0)
		return r;
	if (fstat(source->fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = override_read(ov, node->layer, &(struct spot){ source->fd, NULL }, &st);
	if (r == 0)
		r = take_for_copy(ov, &st, size, names, &taken);
	if (r == 0)
		r = fd = make_temp(ov, &temp, &is_named);
	if (r >= 0)
		r = copy_file_data(source->fd, fd, size < st.st_size ? size : st.st_size);
	if (r == 0)
		r = finish_file(ov, node, source->fd, fd, &st);
	if (r == 0)
		r = fstat(fd, &made) < 0 ? -errno : 0;
	handle_put(ov, source);
	if (r == 0)
		r = settle(ov, fd, &made, names, &taken);
	if (r == 0)
		r = move_up(ov, node, fd, is_named ? temp.text : NULL, made.st_ino);
	if (r == 0)
		return handle_adopt(ov, node, UPPER, fd_take(&fd), true, !node->names);
	if (taken)
		quota_give(ov, taken, 1);
	if (is_named)
		(void)unlinkat(ov->work_fd, temp.text, 0); /* cleared at the next mount else */
	return r;
}

/* ---- All others: made in the work folder, by name ---- */

/* A regular file that stands for it: a symlink's content is its target. */
static int make_marked(int to_fd, const char *to, const char *target)
{
	auto_close int fd =
		openat(to_fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd_write_all(fd, target, strlen(target));
}

static int make_special(const struct overlay *ov, const char *target, int to_fd, const char *to,
			const struct stat *st)
{
	int r = 0;

	if (S_ISDIR(st->st_mode))
		r = mkdirat(to_fd, to, 0700);
	else if (ov->remembers)
		return make_marked(to_fd, to, target);
	else if (S_ISLNK(st->st_mode))
		r = symlinkat(target, to_fd, to);
	else
		r = mknodat(to_fd, to, (st->st_mode & S_IFMT) | 0600, st->st_rdev);
	return r < 0 ? -errno : 0;
}

static int finish_special(struct overlay *ov, const struct place *place, const char *temp,
			  const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	const struct spot from = { place->fd, place->empty ? "." : place->name };
	const struct spot to = { ov->work_fd, temp };
	int r = 0;

	r = give_owner(ov, &to, st);
	/* There is no way to those of a removed fifo, which are the system's at most. */
	if (r == 0 && (!place->empty || S_ISDIR(st->st_mode)))
		r = copy_xattrs(ov, &from, &to);
	if (r == 0 && utimensat(ov->work_fd, temp, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

/* Of names and attributes; an error is of the quota alone. */
static int take_for_special(struct overlay *ov, const struct node *node, const char *temp,
			    const struct stat *made, uint64_t *ret_taken)
{
	const struct spot spot = { ov->work_fd, temp };
	uint64_t cost = 0;
	int r = 0;

	if (!ov->quota.is_on)
		return 0;
	r = quota_inode_cost(-1, made, &cost);
	cost += names_cost(ov, node) + (node_is_folder(node) ? quota_xattr_cost(ov, &spot) : 0);
	if (r == 0)
		r = quota_take(ov, cost, 1);
	if (r == 0)
		*ret_taken = cost;
	return r;
}

/* A copy of it in the work folder. */
static int make_copy(struct overlay *ov, struct node *node, const char *temp, struct stat *ret_st)
{
	char target[PATH_MAX] = "";
	struct place place = { .fd = -1, .name = "" };
	struct spot spot;
	struct stat st = { 0 };
	int r = node->type == S_IFLNK >> 12 ? attr_read_link(ov, node, target) : 0;

	if (r == 0)
		r = place_get(ov, node, &place);
	if (r < 0)
		return r;
	if (fstatat(place.fd, place.name, &st, AT_SYMLINK_NOFOLLOW | place.empty) < 0)
		r = -errno;
	if (r == 0 && attr_spot(node, &place, &spot) == 0)
		r = override_read(ov, node->layer, &spot, &st);
	if (r == 0)
		r = make_special(ov, target, ov->work_fd, temp, &st);
	if (r == 0) {
		r = finish_special(ov, &place, temp, &st);
		if (r == 0 && fstatat(ov->work_fd, temp, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
		if (r < 0)
			(void)unlinkat(ov->work_fd, temp, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
	}
	place_put(ov, &place);
	return r;
}

/* All that is left of an orphan when its copy's name goes. */
static int open_copy(const struct overlay *ov, const struct node *node, const char *temp)
{
	const int how = ov->remembers && !node->folder ? O_RDWR : O_PATH;
	int fd = openat(ov->work_fd, temp, how | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int copy_special(struct overlay *ov, struct node *node)
{
	const struct temp_name temp = temp_name(ov);
	const bool is_orphan = !node->names;
	uint64_t taken = 0;
	struct stat made = { 0 };
	auto_close int fd = -1;
	int r = make_copy(ov, node, temp.text, &made);

	if (r < 0)
		return r;
	if (is_orphan)
		r = fd = open_copy(ov, node, temp.text);
	if (r >= 0)
		r = take_for_special(ov, node, temp.text, &made, &taken);
	if (r == 0)
		r = move_up(ov, node, -1, temp.text, made.st_ino);
	if (r == 0 && is_orphan)
		return handle_adopt(ov, node, UPPER, fd_take(&fd), ov->remembers, true);
	if (r < 0 && taken)
		quota_give(ov, taken, 1);
	if (r < 0)
		(void)unlinkat(ov->work_fd, temp.text, node->folder ? AT_REMOVEDIR : 0);
	return r;
}

/* ---- One node, and those above it ---- */

static int copy_one(struct overlay *ov, struct node *node, off_t size)
{
	struct copy_lock lock = copy_lock(ov, node, NULL);
	int r = 0;

	if (node->layer != UPPER)
		r = node->type == S_IFREG >> 12 ? copy_file(ov, node, size)
						: copy_special(ov, node);
	copy_unlock(ov, lock);
	return r;
}

/* The highest of the folders from here up that is not in the upper layer; NULL: all are. */
static struct node *highest_missing_folder(struct node *folder)
{
	struct node *highest = NULL;

	for (struct node *at = folder; at->layer != UPPER;) {
		highest = at;
		if (!at->names)
			break;
		at = at->names->parent;
	}
	return highest;
}

/* The first to be copied up: a folder above one of node's names, or node itself; NULL: none. */
static struct node *next_missing(struct overlay *ov, struct node *node)
{
	struct node *next = NULL;

	pthread_rwlock_rdlock(&ov->tree);
	if (node->layer != UPPER) {
		for (struct node_name *name = node->names; !next && name; name = name->next)
			next = highest_missing_folder(name->parent);
		if (!next)
			next = node;
	}
	pthread_rwlock_unlock(&ov->tree);
	return next;
}

/* A file with several names in its layer goes up with all of them. */
static int know_links(struct overlay *ov, struct node *node, struct links_held *held)
{
	struct stat st;
	int r = 0;

	if (node->layer == UPPER || node_is_folder(node))
		return 0;
	r = attr_get(ov, node, &st);
	return r < 0 || st.st_nlink < 2 ? r : links_know(ov, node, held);
}

int node_copy_up(struct overlay *ov, struct node *node, off_t size)
{
	struct links_held held = { 0 };
	struct node *next = NULL;
	int r = 0;

	if (node->layer == UPPER)
		return 0;
	r = overlay_writable(ov) ? know_links(ov, node, &held) : -EROFS;
	while (r == 0 && (next = next_missing(ov, node))) {
		r = copy_one(ov, next, next == node ? size : COPY_ALL);
		if (r == -EAGAIN) /* another name has come to be known */
			r = 0;
	}
	links_release(ov, &held);
	return r;
}
