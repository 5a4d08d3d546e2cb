/* SPDX-License-Identifier: Apache-2.0 */
/* The quota: see quota.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/quota.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"

enum { SECTOR = 512, EXTENTS = 64, LIST_MAX = 64 * 1024 };

int quota_init(struct overlay *ov)
{
	const struct options *o = &ov->options;

	ov->quota.is_on = overlay_writable(ov) && (o->size_limit || o->inode_limit);
	ov->quota.byte_limit = o->size_limit ? o->size_limit : UINT64_MAX;
	ov->quota.inode_limit = o->inode_limit ? o->inode_limit : UINT64_MAX;
	return -pthread_mutex_init(&ov->quota.lock, NULL);
}

/* ---- Taking and giving ---- */

/* A limit may have been lowered below what is used. */
static uint64_t room(uint64_t limit, uint64_t used)
{
	return used < limit ? limit - used : 0;
}

int quota_take(struct overlay *ov, uint64_t bytes, uint64_t inodes)
{
	struct quota *q = &ov->quota;
	int r = 0;

	if (!q->is_on)
		return 0;
	pthread_mutex_lock(&q->lock);
	if ((bytes && bytes > room(q->byte_limit, q->bytes)) ||
	    (inodes && inodes > room(q->inode_limit, q->inodes))) {
		r = -ENOSPC;
	} else {
		q->bytes += bytes;
		q->inodes += inodes;
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

void quota_give(struct overlay *ov, uint64_t bytes, uint64_t inodes)
{
	struct quota *q = &ov->quota;

	if (!q->is_on)
		return;
	pthread_mutex_lock(&q->lock);
	q->bytes -= bytes < q->bytes ? bytes : q->bytes;
	q->inodes -= inodes < q->inodes ? inodes : q->inodes;
	pthread_mutex_unlock(&q->lock);
}

void quota_lose(struct overlay *ov)
{
	pthread_mutex_lock(&ov->quota.lock);
	ov->quota.is_lost = true;
	pthread_mutex_unlock(&ov->quota.lock);
}

void quota_show(struct overlay *ov, struct statvfs *st)
{
	struct quota *q = &ov->quota;

	if (!q->is_on)
		return;
	pthread_mutex_lock(&q->lock);
	if (q->byte_limit != UINT64_MAX) {
		uint64_t left = room(q->byte_limit, q->bytes);
		uint64_t on_disk = (uint64_t)st->f_bavail * st->f_frsize;

		st->f_blocks = q->byte_limit / QUOTA_BLOCK;
		st->f_bfree = st->f_bavail = (left < on_disk ? left : on_disk) / QUOTA_BLOCK;
		st->f_bsize = st->f_frsize = QUOTA_BLOCK;
	}
	if (q->inode_limit != UINT64_MAX) {
		uint64_t left = room(q->inode_limit, q->inodes);

		st->f_files = q->inode_limit;
		/* Some file systems count none: 0 of 0. */
		st->f_ffree = st->f_favail =
			left < st->f_favail || st->f_favail == 0 ? left : st->f_favail;
	}
	pthread_mutex_unlock(&q->lock);
}

/* ---- What things cost ---- */

static uint64_t round_down(uint64_t size)
{
	return size / QUOTA_BLOCK * QUOTA_BLOCK;
}

static uint64_t round_up(uint64_t size)
{
	return round_down(size + QUOTA_BLOCK - 1);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Bytes of the file between the two that have blocks, by FIEMAP (Documentation/filesystems/
 * fiemap.rst): what is allocated late counts already, and what a file system needs beside, which
 * comes and goes as it likes, does not. -EOPNOTSUPP where it tells none.
 */
static int64_t mapped_bytes(int fd, uint64_t from, uint64_t to)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
	} u;
	uint64_t sum = 0;

	do { /* once for nothing, too: whether extents are told decides how all is counted */
		u.map = (struct fiemap){ .fm_start = from,
					 .fm_length = from < to ? to - from : 1,
					 .fm_extent_count = EXTENTS };
		if (ioctl(fd, FS_IOC_FIEMAP, &u.map) < 0)
			return errno == ENOTTY || errno == EOPNOTSUPP ? -EOPNOTSUPP : -errno;
		if (from >= to || u.map.fm_mapped_extents == 0)
			break;
		for (unsigned i = 0; i < u.map.fm_mapped_extents; i++) {
			const struct fiemap_extent *e = &u.map.fm_extents[i];
			uint64_t end = smaller(to, e->fe_logical + e->fe_length);
			uint64_t start = e->fe_logical > from ? e->fe_logical : from;

			if (end > start) {
				sum += round_up(end) - round_down(start);
				from = end;
			} else if (end < from) {
				return -EIO; /* backwards: it would never end */
			}
		}
		if (u.map.fm_extents[u.map.fm_mapped_extents - 1].fe_flags & FIEMAP_EXTENT_LAST)
			break;
	} while (from < to);
	return (int64_t)sum;
}

static uint64_t blocks_cost(const struct stat *st, uint64_t size)
{
	return smaller((uint64_t)st->st_blocks * SECTOR, round_up(size));
}

/* Of the data between the two; 1 where there is no telling, and it is of all. */
static int data_cost(int fd, const struct stat *st, uint64_t from, uint64_t to, uint64_t *ret_cost)
{
	const uint64_t size = (uint64_t)st->st_size;
	int64_t n = mapped_bytes(fd, from, smaller(to, round_up(size)));

	if (n < 0 && n != -EOPNOTSUPP)
		return (int)n;
	*ret_cost = n < 0 ? blocks_cost(st, size) : (uint64_t)n;
	return n < 0;
}

int quota_inode_cost(int fd, const struct stat *st, uint64_t *ret_cost)
{
	uint64_t data = 0;
	int r = 0;

	if (S_ISREG(st->st_mode) && fd < 0)
		data = blocks_cost(st, (uint64_t)st->st_size);
	else if (S_ISREG(st->st_mode))
		r = data_cost(fd, st, 0, UINT64_MAX, &data);
	else if (S_ISLNK(st->st_mode))
		data = (uint64_t)st->st_size;
	if (r < 0)
		return r;
	*ret_cost = QUOTA_INODE + data;
	return 0;
}

uint64_t quota_copy_cost(const struct stat *st, uint64_t size)
{
	return QUOTA_INODE + blocks_cost(st, smaller(size, (uint64_t)st->st_size));
}

bool quota_charges_xattr(const struct overlay *ov, const char *key)
{
	if (ov->has_overrides && override_is_key(key))
		return false; /* ours; of bounded size */
	/* Others the system gives and takes away (ACLs, labels), some without asking us. */
	return (str_starts(key, "user.") || str_starts(key, "trusted.")) &&
	       (!is_overlay_xattr(key) || str_starts(key, XATTR_ESCAPED));
}

uint64_t quota_xattr_cost(const struct overlay *ov, const struct spot *spot)
{
	auto_free char *list = malloc(LIST_MAX);
	ssize_t size = list ? xattr_list(spot->fd, spot->name, list, LIST_MAX) : -1;
	uint64_t cost = 0;

	for (const char *key = list; size > 0 && key < list + size; key += strlen(key) + 1) {
		ssize_t n = quota_charges_xattr(ov, key)
				    ? xattr_get(spot->fd, spot->name, key, NULL, 0)
				    : -1;

		if (n >= 0)
			cost += strlen(key) + (uint64_t)n;
	}
	return cost;
}

/* ---- Data ---- */

/* What is charged now for the range, or for all of a file that may be mapped; the copy lock is
 * held. */
static int measure(struct quota_change *change, struct stat *ret_st, uint64_t *ret_cost)
{
	int r = fstat(change->fd, ret_st) < 0 ? -errno : 0;

	if (r == 0 && change->node->mapped > 0)
		*ret_cost = round_up((uint64_t)ret_st->st_size);
	else if (r == 0)
		r = data_cost(change->fd, ret_st, change->from, change->to, ret_cost);
	change->by_extents = r == 0;
	return r < 0 ? r : 0;
}

static int take_up_to(struct overlay *ov, struct quota_change *change, uint64_t cost)
{
	uint64_t more = cost > change->before ? cost - change->before : 0;
	int r = quota_take(ov, more, 0);

	if (r == 0)
		change->taken = more;
	return r;
}

/* Takes what the range may cost when it is written, the file having that size then. */
static int take_range(struct overlay *ov, struct quota_change *change, off_t offset, off_t length)
{
	const uint64_t end = (uint64_t)(offset + length);
	uint64_t size = 0;
	uint64_t cost = 0;
	struct stat st;
	int r = 0;

	change->from = round_down((uint64_t)offset);
	change->to = round_up(end);
	r = measure(change, &st, &change->before);
	if (r < 0)
		return r;
	size = end > (uint64_t)st.st_size ? end : (uint64_t)st.st_size;
	if (change->node->mapped > 0)
		cost = round_up(size);
	else if (change->by_extents)
		cost = change->to - change->from;
	else
		cost = smaller(change->before + change->to - change->from, round_up(size));
	return take_up_to(ov, change, cost);
}

/* How much of length may fit into what is left, when not all of it does. */
static off_t fitting(struct overlay *ov, const struct quota_change *change, off_t offset,
		     off_t length)
{
	uint64_t end = change->by_extents ? change->before : 0;

	if (change->node->mapped == 0)
		end += change->from;
	pthread_mutex_lock(&ov->quota.lock);
	end += round_down(room(ov->quota.byte_limit, ov->quota.bytes));
	pthread_mutex_unlock(&ov->quota.lock);
	if (end <= (uint64_t)offset)
		return 0;
	return (off_t)smaller(end - (uint64_t)offset, (uint64_t)length);
}

/* Holds the node; end, or let_go where nothing came of it. */
static struct quota_change hold(struct overlay *ov, struct node *node, int fd)
{
	return (struct quota_change){
		.is_on = true, .node = node, .fd = fd, .lock = copy_lock(ov, node, NULL)
	};
}

static int let_go(struct overlay *ov, const struct quota_change *change, int r)
{
	copy_unlock(ov, change->lock);
	return r;
}

int quota_write_begin(struct overlay *ov, struct node *node, int fd, off_t offset, size_t *length,
		      struct quota_change *ret_change)
{
	struct quota_change change;
	off_t part = (off_t)*length;
	int r = 0;

	if (!ov->quota.is_on)
		return 0;			     /* ret_change: the caller's zeroes */
	if (offset > INT64_MAX - QUOTA_BLOCK - part) /* beyond what any file can have */
		return -EFBIG;
	change = hold(ov, node, fd);
	r = take_range(ov, &change, offset, part);
	if (r == -ENOSPC) {
		part = fitting(ov, &change, offset, part);
		r = part > 0 ? take_range(ov, &change, offset, part) : -ENOSPC;
	}
	if (r < 0)
		return let_go(ov, &change, r);
	*length = (size_t)part;
	*ret_change = change;
	return 0;
}

int quota_allocate_begin(struct overlay *ov, struct node *node, int fd, int mode, off_t offset,
			 off_t length, struct quota_change *ret_change)
{
	struct quota_change change;
	struct stat st;
	int r = 0;

	if (!ov->quota.is_on)
		return 0;
	change = hold(ov, node, fd);
	if (fstat(fd, &st) < 0)
		r = -errno;
	/* Blocks beyond the size would be charged to nobody. */
	else if (mode & FALLOC_FL_KEEP_SIZE && !(mode & FALLOC_FL_PUNCH_HOLE) &&
		 offset + length > st.st_size)
		r = -EOPNOTSUPP;
	else
		r = take_range(ov, &change, offset, length);
	/* A hole may be punched into a full container, of course. */
	if (r == -ENOSPC && mode & FALLOC_FL_PUNCH_HOLE)
		r = 0;
	if (r < 0)
		return let_go(ov, &change, r);
	*ret_change = change;
	return 0;
}

int quota_size_begin(struct overlay *ov, struct node *node, int fd, off_t size,
		     struct quota_change *ret_change)
{
	struct quota_change change;
	struct stat st;
	int r = 0;

	if (!ov->quota.is_on)
		return 0;
	change = hold(ov, node, fd);
	r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0) {
		change.from = round_down(smaller((uint64_t)size, (uint64_t)st.st_size));
		change.to = UINT64_MAX / 2; /* up to the size before, then up to the one after */
		r = measure(&change, &st, &change.before);
	}
	/* What it grows by is a hole. */
	if (r == 0 && node->mapped > 0)
		r = take_up_to(ov, &change, round_up((uint64_t)size));
	if (r < 0)
		return let_go(ov, &change, r);
	*ret_change = change;
	return 0;
}

void quota_change_end(struct overlay *ov, struct quota_change *change)
{
	struct quota *q = &ov->quota;
	struct stat st;
	uint64_t before = change->before + change->taken;
	uint64_t after = 0;

	if (!change->is_on)
		return;
	if (measure(change, &st, &after) < 0) {
		after = before;
		quota_lose(ov);
	}
	pthread_mutex_lock(&q->lock);
	q->bytes += after;
	q->bytes -= smaller(before, q->bytes);
	pthread_mutex_unlock(&q->lock);
	copy_unlock(ov, change->lock);
}

/* ---- Mapped files ---- */

/* What its holes cost while it is mapped. */
static int hole_cost(struct overlay *ov, struct node *node, uint64_t *ret_cost)
{
	struct handle *handle = NULL;
	struct stat st;
	uint64_t plain = 0;
	int r = handle_file(ov, node, true, &handle);

	if (r < 0)
		return r;
	r = fstat(handle->fd, &st) < 0 ? -errno : data_cost(handle->fd, &st, 0, UINT64_MAX, &plain);
	handle_put(ov, handle);
	if (r < 0)
		return r;
	*ret_cost = round_up((uint64_t)st.st_size) - plain;
	return 0;
}

static void count_open(struct quota *q, int by)
{
	pthread_mutex_lock(&q->lock);
	q->opens += (uint64_t)by;
	pthread_mutex_unlock(&q->lock);
}

bool quota_open(struct overlay *ov, struct node *node)
{
	struct copy_lock lock = copy_lock(ov, node, NULL);
	bool is_charged = node->mapped > 0 && node->mapped < UINT16_MAX;
	uint64_t holes = 0;

	if (node->mapped == 0)
		is_charged = hole_cost(ov, node, &holes) == 0 && quota_take(ov, holes, 0) == 0;
	if (is_charged) {
		node->mapped++;
		count_open(&ov->quota, 1);
	}
	copy_unlock(ov, lock);
	return is_charged;
}

void quota_close(struct overlay *ov, struct node *node)
{
	struct copy_lock lock = copy_lock(ov, node, NULL);
	uint64_t holes = 0;

	if (--node->mapped == 0) {
		if (hole_cost(ov, node, &holes) == 0)
			quota_give(ov, holes, 0);
		else
			quota_lose(ov);
	}
	count_open(&ov->quota, -1);
	copy_unlock(ov, lock);
}

/* ---- The end of a file ---- */

/* All that it cost, its names aside. */
static int whole_cost(const struct overlay *ov, const struct node *node, int fd, uint64_t *ret_cost)
{
	const struct spot spot = { fd, node_is_folder(node) ? "." : NULL };
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	*ret_cost = 0;
	if (r < 0 || (!node_is_folder(node) && st.st_nlink > 0))
		return r; /* it has names still that nobody asked for */
	r = quota_inode_cost(fd, &st, ret_cost);
	if (r == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		*ret_cost += quota_xattr_cost(ov, &spot);
	return r;
}

void quota_release(struct overlay *ov, struct node *node)
{
	struct place place;
	uint64_t cost = 0;
	int r = 0;

	if (!ov->quota.is_on || node->names || node->layer != UPPER || node == ov->nodes.root)
		return;
	r = place_get(ov, node, &place);
	if (r == 0) {
		r = whole_cost(ov, node, place.fd, &cost);
		place_put(ov, &place);
	}
	if (r < 0)
		quota_lose(ov);
	else if (cost)
		quota_give(ov, cost, 1);
}
