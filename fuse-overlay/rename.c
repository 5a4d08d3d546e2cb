/* SPDX-License-Identifier: Apache-2.0 */
/* Renames: see change.h. Runs in bryo-overlay, in every thread. */
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
#include "fuse-overlay/redirect.h"
#include "fuse-overlay/whiteout.h"

/* One of the two names: what it means now, and what the layers have there. */
struct side {
	struct node *parent;
	const char *name;
	struct node *node;  /* NULL: no such name */
	struct handle *dir; /* parent's upper part */
	struct stat st;	    /* of node, as its layer has it */
	bool is_folder;
	bool is_upper;	   /* the upper layer has it; else only lower ones */
	bool has_whiteout; /* the upper layer has one there: a device, or a file as one */
	bool below;	   /* a lower layer has the name */
};

static int look(struct overlay *ov, struct side *side)
{
	struct found found = { 0 };
	int r = union_find(ov, side->parent, side->name, &found);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	side->st = found.st;
	side->is_folder = S_ISDIR(found.st.st_mode);
	side->is_upper = found.layer == UPPER;
	side->node = node_find(ov, found.layer, found.st.st_ino);
	found_done(&found);
	return side->node ? 0 : -ESTALE; /* the kernel looked both names up before it asked */
}

/* What the layers have at its name. The parents are in the upper layer. */
static int survey(struct overlay *ov, struct side *side)
{
	int r = handle_folder(ov, side->parent, UPPER, &side->dir);
	int below = r < 0 ? r : union_below(ov, side->parent, side->name);

	if (below < 0)
		return below;
	side->below = below;
	if (side->is_upper)
		return 0;
	pthread_rwlock_rdlock(&ov->tree);
	r = whiteout_is_at(ov, side->parent, side->dir->fd, side->name);
	pthread_rwlock_unlock(&ov->tree);
	side->has_whiteout = r > 0;
	return r < 0 ? r : 0;
}

/* Copies up what is to move; refuses folders that lower layers have parts of, unless a redirect may
 * say where those stay. */
static int lift(struct overlay *ov, struct side *side)
{
	int r = 0;

	if (side->is_folder && node_is_merged(side->node)) {
		if (ov->options.redirect != REDIRECT_ON)
			return -EXDEV;
		r = links_moved(ov, side->node);
	}
	if (r == 0)
		r = node_copy_up(ov, side->node, COPY_ALL);
	side->is_upper = r == 0;
	return r;
}

/* A folder that comes to where lower layers have something must not merge with it, and must not
 * lose what it is merged with. */
static int guard(struct overlay *ov, const struct side *from, const struct side *to)
{
	if (!from->is_folder)
		return 0;
	if (node_is_merged(from->node))
		return redirect_set(ov, from->node, from->dir->fd, from->parent == to->parent);
	if (!node_is_merged(to->parent))
		return 0;
	return whiteout_make_opaque(from->dir->fd, from->name);
}

static int move(const struct side *from, const struct side *to, unsigned flags)
{
	return renameat2(from->dir->fd, from->name, to->dir->fd, to->name, flags) < 0 ? -errno : 0;
}

/* The old name is free on the disk, or holds what the exchange brought there. */
static int clear_old(struct overlay *ov, const struct side *from, bool is_folder)
{
	int fd = from->dir->fd;
	struct temp_name temp = temp_name(ov);

	if (from->below)
		return is_folder ? whiteout_replace_folder(ov, from->parent, fd, from->name)
				 : whiteout_replace(ov, from->parent, fd, from->name);
	if (!is_folder)
		return unlinkat(fd, from->name, 0) < 0 ? -errno : 0;
	if (unlinkat(fd, from->name, AT_REMOVEDIR) == 0)
		return 0;
	if (renameat(fd, from->name, ov->work_fd, temp.text) < 0)
		return -errno;
	return file_remove_tree(ov->work_fd, temp.text);
}

/* They change places, and what comes to the old name goes. */
static int swap_and_clear(struct overlay *ov, const struct side *from, const struct side *to)
{
	int r = from->below ? whiteout_expect(ov, from->parent, from->dir->fd) : 0;

	if (r == 0)
		r = move(from, to, RENAME_EXCHANGE);
	if (r < 0)
		return r;
	if (to->has_whiteout && from->below)
		return 0; /* it is where one is needed */
	return clear_old(ov, from, !to->has_whiteout);
}

/* First the new name, then the old one: a kill in between shows what is below under that again. */
static int move_and_hide(struct overlay *ov, const struct side *from, const struct side *to)
{
	int r = move(from, to, 0);

	return r == 0 ? whiteout_make(ov, from->parent, from->dir->fd, from->name) : r;
}

/* No rename leaves such a whiteout, but where nothing is seen at the new name one can be made
 * there, and they change places. */
static int trade(struct overlay *ov, const struct side *from, const struct side *to)
{
	int r = 0;

	if (to->node || !node_is_merged(to->parent))
		return move_and_hide(ov, from, to);
	r = whiteout_expect(ov, from->parent, from->dir->fd);
	if (r == 0 && !to->has_whiteout)
		r = whiteout_make(ov, to->parent, to->dir->fd, to->name);
	if (r < 0)
		return r;
	r = move(from, to, RENAME_EXCHANGE);
	if (r < 0 && !to->below)
		(void)unlinkat(to->dir->fd, to->name, 0); /* hides nothing */
	return r;
}

/* The old name shows nothing of lower layers then. */
static int move_away(struct overlay *ov, const struct side *from, const struct side *to)
{
	int r = 0;

	if (!from->below)
		return move(from, to, 0);
	if (ov->whiteouts == WHITEOUT_XATTR)
		return trade(ov, from, to);
	if (ov->whiteouts == WHITEOUT_DEVICE) {
		r = move(from, to, RENAME_WHITEOUT);
		if (r != -EINVAL && r != -ENOSYS && r != -EPERM)
			return r;
		return move_and_hide(ov, from, to);
	}
	/* First the mark: what is in this layer is seen all the same. */
	r = whiteout_make(ov, from->parent, from->dir->fd, from->name);
	if (r == 0)
		r = move(from, to, 0);
	if (r < 0)
		(void)whiteout_forget_mark(from->dir->fd, from->name); /* an error is being told */
	return r;
}

static int move_folder(struct overlay *ov, const struct side *from, const struct side *to)
{
	int r = 0;

	if (to->has_whiteout) /* a folder cannot be renamed over a device */
		return swap_and_clear(ov, from, to);
	r = move_away(ov, from, to);
	if ((r != -ENOTEMPTY && r != -EEXIST) || !to->node || !to->is_upper)
		return r;
	/* What looks empty may hold whiteouts. Between the steps it is at the old name, where it
	 * shall not merge with what is below. */
	r = whiteout_make_opaque(to->dir->fd, to->name);
	return r < 0 ? r : swap_and_clear(ov, from, to);
}

static int move_on_disk(struct overlay *ov, const struct side *from, const struct side *to,
			unsigned flags)
{
	int r = guard(ov, from, to);

	if (flags & RENAME_EXCHANGE) {
		if (r == 0)
			r = guard(ov, to, from);
		return r < 0 ? r : move(from, to, RENAME_EXCHANGE);
	}
	if (r == 0)
		r = from->is_folder ? move_folder(ov, from, to) : move_away(ov, from, to);
	if (r == 0 && node_is_merged(to->parent))
		r = whiteout_forget_mark(to->dir->fd, to->name);
	return r;
}

/* New names are made before the move, which cannot be taken back, and old ones dropped after. */
static int move_in_memory(struct overlay *ov, const struct side *from, const struct side *to,
			  unsigned flags)
{
	const bool is_exchange = flags & RENAME_EXCHANGE;
	int r = node_add_name(ov, from->node, to->parent, to->name);

	if (r == 0 && is_exchange)
		r = node_add_name(ov, to->node, from->parent, from->name);
	if (r == 0 && !is_exchange && to->node && !to->node->names->next)
		r = handle_pin_locked(ov, to->node);
	if (r == 0)
		r = move_on_disk(ov, from, to, flags);
	if (r < 0) {
		node_drop_name(ov, from->node, to->parent, to->name);
		if (is_exchange)
			node_drop_name(ov, to->node, from->parent, from->name);
		return r;
	}
	node_drop_name(ov, from->node, from->parent, from->name);
	if (to->node)
		node_drop_name(ov, to->node, to->parent, to->name);
	if (to->node && !is_exchange) {
		if (to->is_folder || !to->is_upper)
			to->node->gone++;
		node_drop_parts(ov, to->node);
		if (to->is_folder || (to->is_upper && to->st.st_nlink <= 1))
			node_unhash(ov, to->node);
	}
	return 0;
}

static int prepare(struct overlay *ov, struct side *from, struct side *to, unsigned flags)
{
	int r = look(ov, from);

	if (r == 0)
		r = look(ov, to);
	if (r < 0)
		return r;
	if (!from->node || (flags & RENAME_EXCHANGE && !to->node))
		return -ENOENT;
	if (flags & RENAME_NOREPLACE && to->node)
		return -EEXIST;
	if (whiteout_name(to->name))
		return -EINVAL;
	r = lift(ov, from);
	if (r == 0 && flags & RENAME_EXCHANGE)
		r = lift(ov, to);
	else if (r == 0 && to->node && to->is_folder)
		r = listing_is_empty(ov, to->node);
	if (r == 0)
		r = node_copy_up(ov, to->parent, COPY_ALL);
	return r;
}

int rename_name(struct overlay *ov, struct node *parent, const char *name, struct node *new_parent,
		const char *new_name, unsigned flags)
{
	struct side from = { .parent = parent, .name = name };
	struct side to = { .parent = new_parent, .name = new_name };
	struct copy_lock lock;
	int r = 0;

	/* The kernel's overlay refuses to leave whiteouts that would be seen, too. */
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	r = prepare(ov, &from, &to, flags);
	if (r < 0)
		return r;
	lock = copy_lock(ov, from.node, to.node);
	/* The replaced file may have been copied up since it was found. */
	if (to.node)
		to.is_upper = to.node->layer == UPPER;
	r = survey(ov, &from);
	if (r == 0)
		r = survey(ov, &to);
	if (r == 0) {
		pthread_rwlock_wrlock(&ov->tree);
		r = move_in_memory(ov, &from, &to, flags);
		pthread_rwlock_unlock(&ov->tree);
	}
	if (r == 0 && to.node && to.is_upper && !(flags & RENAME_EXCHANGE))
		quota_give(ov, QUOTA_NAME, 0); /* one name less */
	copy_unlock(ov, lock);
	if (r == 0 && to.node && !(flags & RENAME_EXCHANGE))
		links_unmoved(ov, to.node);
	handle_put_p(ov, &from.dir);
	handle_put_p(ov, &to.dir);
	return r;
}
