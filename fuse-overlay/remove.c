/* SPDX-License-Identifier: Apache-2.0 */
/* Names that go: see change.h. Runs in bryo-overlay, in every thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "fuse-overlay/change.h"
#include "fuse-overlay/copyup.h"
#include "fuse-overlay/links.h"
#include "fuse-overlay/listing.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/whiteout.h"

/* What is to be removed, held still: its node cannot be copied up meanwhile. */
struct target {
	struct found found;
	struct node *node; /* NULL: the kernel does not know it */
	struct copy_lock lock;
	int below; /* 1: a lower layer has the name too */
	bool is_locked;
};

static void target_done(struct overlay *ov, struct target *target)
{
	if (target->is_locked)
		copy_unlock(ov, target->lock);
	found_done(&target->found);
}

static int target_open(struct overlay *ov, struct node *parent, const char *name,
		       struct target *ret_target)
{
	struct target target = { 0 };
	int r = 0;

	for (;;) {
		r = union_find(ov, parent, name, &target.found);
		if (r < 0)
			return r;
		target.node = node_find(ov, target.found.layer, target.found.st.st_ino);
		if (!target.node)
			break;
		target.lock = copy_lock(ov, target.node, NULL);
		target.is_locked = true;
		if (target.found.copies == ov->copies)
			break;
		target_done(ov, &target); /* copied up, perhaps, since it was found */
		target = (struct target){ 0 };
	}
	target.below = target.found.layer == UPPER ? union_below(ov, parent, name) : 1;
	if (target.below < 0) {
		r = target.below;
		target_done(ov, &target);
		return r;
	}
	*ret_target = target;
	return 0;
}

/* The node's last name goes: what is open goes on by its descriptor. */
static int keep_open(struct overlay *ov, struct node *node)
{
	bool is_last = false;

	if (!node)
		return 0;
	pthread_mutex_lock(&ov->nodes.lock);
	is_last = node->names && !node->names->next;
	pthread_mutex_unlock(&ov->nodes.lock);
	return is_last ? handle_pin(ov, node) : 0;
}

/* Its name is gone from the disk; now from memory. */
static void let_go(struct overlay *ov, const struct target *target, struct node *parent,
		   const char *name)
{
	struct node *node = target->node;

	if (!node)
		return;
	pthread_rwlock_wrlock(&ov->tree);
	node_drop_name(ov, node, parent, name);
	if (node->folder || target->found.layer != UPPER)
		node->gone++;
	node_drop_parts(ov, node); /* it is empty, in all of them */
	/* An inode number is given to other files when the last link is gone. */
	if (node->folder || (target->found.layer == UPPER && target->found.st.st_nlink <= 1))
		node_unhash(ov, node);
	pthread_rwlock_unlock(&ov->tree);
	links_unmoved(ov, node);
}

static int remove_in(struct overlay *ov, const struct target *target, struct node *parent,
		     int dir_fd, const char *name)
{
	if (target->found.layer != UPPER)
		return whiteout_make(ov, parent, dir_fd, name);
	if (target->below)
		return whiteout_replace(ov, parent, dir_fd, name);
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

/* An upper folder that looks empty may hold whiteouts. */
static int remove_folder_in(struct overlay *ov, const struct target *target, struct node *parent,
			    int dir_fd, const char *name)
{
	struct temp_name temp = temp_name(ov);

	if (target->found.layer != UPPER)
		return whiteout_make(ov, parent, dir_fd, name);
	if (target->below)
		return whiteout_replace_folder(ov, parent, dir_fd, name);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	if (renameat(dir_fd, name, ov->work_fd, temp.text) < 0)
		return -errno;
	return file_remove_tree(ov->work_fd, temp.text);
}

/* The inode is its node's to give back, when nobody has it open any more. */
static void uncharge(struct overlay *ov, const struct target *target)
{
	quota_give(ov, QUOTA_NAME, 0);
	if (!target->node && (S_ISDIR(target->found.st.st_mode) || target->found.st.st_nlink <= 1))
		quota_lose(ov); /* the kernel looks names up before it removes them */
}

static int remove_name(struct overlay *ov, struct node *parent, const char *name, bool is_folder)
{
	struct target target = { 0 };
	struct handle *dir = NULL;
	int r = node_copy_up(ov, parent, COPY_ALL);

	if (r == 0)
		r = target_open(ov, parent, name, &target);
	if (r < 0)
		return r;
	if (is_folder && !S_ISDIR(target.found.st.st_mode))
		r = -ENOTDIR;
	else if (!is_folder && S_ISDIR(target.found.st.st_mode))
		r = -EISDIR;
	else if (is_folder)
		r = target.node ? listing_is_empty(ov, target.node) : -ESTALE;
	if (r == 0)
		r = keep_open(ov, target.node);
	if (r == 0)
		r = handle_folder(ov, parent, UPPER, &dir);
	if (r == 0) {
		pthread_rwlock_rdlock(&ov->tree); /* as in make_name() */
		r = is_folder ? remove_folder_in(ov, &target, parent, dir->fd, name)
			      : remove_in(ov, &target, parent, dir->fd, name);
		pthread_rwlock_unlock(&ov->tree);
	}
	handle_put_p(ov, &dir);
	if (r == 0 && target.found.layer == UPPER)
		uncharge(ov, &target);
	if (r == 0)
		let_go(ov, &target, parent, name);
	target_done(ov, &target);
	return r;
}

int remove_file(struct overlay *ov, struct node *parent, const char *name)
{
	return remove_name(ov, parent, name, false);
}

int remove_folder(struct overlay *ov, struct node *parent, const char *name)
{
	return remove_name(ov, parent, name, true);
}
