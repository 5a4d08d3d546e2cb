/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quota on what lies in the upper folder, in bytes and in inodes, for users whom the file system
 * gives none. What is charged can be told from the disk alone, so that it can be counted anew:
 *	each inode	QUOTA_INODE, and for a symlink its target
 *	each name	QUOTA_NAME
 *	data		the blocks that hold it, but not more than its size asks for
 *	attributes	names and values of user.* and trusted.*
 * Whiteouts cost nothing: a full container must be able to delete.
 *
 * A change takes what it may need before it is made, and gives back what it did not need, under
 * the node's copy lock (copyup.h). Memory-mapped files are written behind our back: while a file is
 * open for reading and writing, its holes are charged, too. Without a quota all this does nothing.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "fuse-overlay/copyup.h"

struct node;
struct overlay;
struct spot;

/* What ext4 and XFS spend on them, roughly. */
enum { QUOTA_INODE = 512, QUOTA_NAME = 512, QUOTA_BLOCK = 4096 };

struct quota {
	bool is_on;
	pthread_mutex_t lock;
	uint64_t byte_limit, inode_limit; /* UINT64_MAX: none */
	uint64_t bytes, inodes;		  /* taken */
	uint64_t opens;			  /* of files that may be mapped */
	bool is_lost;  /* something could not be told: to be counted anew at the next mount */
	char boot[40]; /* this boot's id; empty where it cannot be told */
};

/* From the options; what is used already is usage_load()'s to find. */
int quota_init(struct overlay *ov);

/* -ENOSPC where there is not so much left. */
int quota_take(struct overlay *ov, uint64_t bytes, uint64_t inodes);
void quota_give(struct overlay *ov, uint64_t bytes, uint64_t inodes);
/* Something could not be told: what is charged for may be too much until the next mount counts. */
void quota_lose(struct overlay *ov);

/* What an inode costs with its data, its names and attributes aside. fd: of a regular file, open
 * for reading, or -1 for a small one of a single block. 0, or a negative errno. */
int quota_inode_cost(int fd, const struct stat *st, uint64_t *ret_cost);
/* What a copy of so much of it may come to cost. */
uint64_t quota_copy_cost(const struct stat *st, uint64_t size);
/* What its attributes cost; an error counts as none. */
uint64_t quota_xattr_cost(const struct overlay *ov, const struct spot *spot);
/* Whether this one does. */
bool quota_charges_xattr(const struct overlay *ov, const char *key);

/* df(1)'s answer, st being the upper file system's. */
void quota_show(struct overlay *ov, struct statvfs *st);

/* ---- Data of an upper file ---- */

struct quota_change {
	struct node *node;
	struct copy_lock lock;
	int fd;
	uint64_t from, to; /* what is measured of it */
	uint64_t before, taken;
	bool by_extents; /* of that range; else of all of the file */
	bool is_on;
};

/*
 * Before length bytes are written from offset on. Where there is room for a part only, *length
 * becomes that. -ENOSPC, or fstat(2)'s errors: nothing is held then; else quota_change_end()
 * follows.
 */
int quota_write_begin(struct overlay *ov, struct node *node, int fd, off_t offset, size_t *length,
		      struct quota_change *ret_change);
/* Before fallocate(2). */
int quota_allocate_begin(struct overlay *ov, struct node *node, int fd, int mode, off_t offset,
			 off_t length, struct quota_change *ret_change);
/* Before ftruncate(2). */
int quota_size_begin(struct overlay *ov, struct node *node, int fd, off_t size,
		     struct quota_change *ret_change);
void quota_change_end(struct overlay *ov, struct quota_change *change);

/*
 * An upper file is opened for reading and writing, so that it may be mapped. False where its holes
 * cannot be charged: then it must not be (FOPEN_DIRECT_IO), and quota_close() does not follow.
 */
bool quota_open(struct overlay *ov, struct node *node);
void quota_close(struct overlay *ov, struct node *node);

/* Nobody needs the node any more: what it cost is given back if it has no name left. */
void quota_release(struct overlay *ov, struct node *node);
