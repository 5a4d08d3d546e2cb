/* SPDX-License-Identifier: Apache-2.0 */
/* The quota's memory: see usage.h. Runs in bryo-overlay, before and after it serves. */
#include "fuse-overlay/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/walk.h"

enum { TEXT_MAX = 256, BOOT_ID = 36 };

static const char name_in_work[] = "usage";

/* ---- The file: one line, version, boot, bytes, inodes ---- */

/* A crash of the machine may bring the file back that the mount took away: hence the boot. */
static void learn_boot(struct quota *q)
{
	auto_free char *text = NULL;
	size_t size = 0;

	if (file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", TEXT_MAX, &text, &size) ==
		    0 &&
	    size >= BOOT_ID)
		memcpy(q->boot, text, BOOT_ID);
}

static int load_file(struct overlay *ov, int work_fd)
{
	auto_free char *text = NULL;
	char written[BOOT_ID + 1] = "";
	uint64_t bytes = 0;
	uint64_t inodes = 0;
	int r = file_read_at(work_fd, "work/usage", TEXT_MAX, &text, NULL);

	if (r < 0)
		return r;
	if (sscanf(text, "1 %36s %" SCNu64 " %" SCNu64, written, &bytes, &inodes) != 3 ||
	    !str_eq(ov->quota.boot, written))
		return -ESTALE;
	ov->quota.bytes = bytes;
	ov->quota.inodes = inodes;
	return 0;
}

/* ---- Counting ---- */

/* A file with several names is counted once. */
struct linked {
	uint64_t ino;
	uint64_t cost;
};

struct count {
	const struct overlay *ov;
	struct quota *quota;
	struct linked *linked;
	size_t linked_count, linked_capacity;
};

static int add_linked(struct count *c, uint64_t ino, uint64_t cost)
{
	xgrow(c->linked, c->linked_count, c->linked_capacity);
	c->linked[c->linked_count++] = (struct linked){ ino, cost };
	return 0;
}

static int inode_cost(const struct spot *spot, const struct stat *st, uint64_t *ret_cost)
{
	auto_close int fd = -1;

	if (S_ISREG(st->st_mode)) {
		fd = openat(spot->fd, spot->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	return quota_inode_cost(fd, st, ret_cost);
}

static int count_entry(const struct walk_entry *at)
{
	struct count *c = at->ctx;
	const char *name = at->entry->d_name;
	const struct spot spot = { at->dir_fd, name };
	struct stat st;
	uint64_t cost = 0;
	int r = 0;

	if (whiteout_name(name))
		return 0;
	if (fstatat(at->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (whiteout_device(&st))
		return 0;
	if (S_ISREG(st.st_mode) && st.st_size == 0) {
		r = whiteout_by_xattr(c->ov, at->dir_fd, name);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (whiteout_may_be_file(&st))
		r = whiteout_by_xattr(c->ov, at->dir_fd, name);
	if (r != 0)
		return r < 0 ? r : 0;
	c->quota->bytes += QUOTA_NAME;
	r = inode_cost(&spot, &st, &cost);
	if (r < 0)
		return r;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		cost += quota_xattr_cost(c->ov, &spot);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
		return add_linked(c, st.st_ino, cost);
	c->quota->bytes += cost;
	c->quota->inodes++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct linked *x = a;
	const struct linked *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void add_up(struct count *c)
{
	if (c->linked_count)
		qsort(c->linked, c->linked_count, sizeof(*c->linked), compare);
	for (size_t i = 0; i < c->linked_count; i++) {
		if (i > 0 && c->linked[i].ino == c->linked[i - 1].ino)
			continue;
		c->quota->bytes += c->linked[i].cost;
		c->quota->inodes++;
	}
}

static int count_all(struct overlay *ov)
{
	struct count c = { .ov = ov, .quota = &ov->quota };
	int r = walk_layer(ov->layers[UPPER].fd, count_entry, &c);

	if (r == 0)
		add_up(&c);
	free(c.linked);
	return r;
}

/* ---- From mount to mount ---- */

int usage_load(struct overlay *ov, int work_fd, struct err *err)
{
	int r = 0;

	if (!ov->quota.is_on)
		return 0;
	learn_boot(&ov->quota);
	if (load_file(ov, work_fd) == 0)
		return 0;
	r = count_all(ov);
	return r < 0 ? err_set(err, r, "cannot count what is in the upper folder %s",
			       ov->options.upper)
		     : 0;
}

void usage_save(struct overlay *ov)
{
	const struct quota *q = &ov->quota;
	char text[TEXT_MAX];
	int size = 0;

	/* What was open when all ended, with holes or without a name, is charged still. */
	if (!q->is_on || q->is_lost || q->opens || nodes_nameless(&ov->nodes) || !*q->boot)
		return;
	size = snprintf(text, sizeof(text), "1 %s %" PRIu64 " %" PRIu64 "\n", q->boot, q->bytes,
			q->inodes);
	/* Without it all is counted next time. */
	(void)file_create_at(ov->work_fd, name_in_work, text, (size_t)size, 0600, FILE_NO_SYNC);
}
