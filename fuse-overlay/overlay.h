/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The union file system as its files share it: layers, nodes, descriptors, locks. One per process,
 * handed to each request by libfuse; nothing here is global.
 *
 * Locks, in the order in which they may be taken:
 *	a copy lock	one of a few, by node: only one thread copies a node up
 *	tree		shared while a node's place (folder and name) is used, exclusive while
 *places change; see place_get() the mutexes of the node table, the descriptor cache and the
 *listings: leaves, held shortly
 *
 * The kernel locks folders for us: no two requests change one folder at a time, and no lookup or
 * listing of it runs beside a change (Documentation/filesystems/directory-locking.rst; FUSE keeps
 * to it, parallel lookups included).
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuse-overlay/handle.h"
#include "fuse-overlay/layer.h"
#include "fuse-overlay/links.h"
#include "fuse-overlay/node.h"
#include "fuse-overlay/options.h"
#include "fuse-overlay/quota.h"
#include "fuse-overlay/whiteout.h"

enum { COPY_LOCKS = 64 };

struct err;
struct link_table;
struct listing_cache;

struct overlay {
	struct options options;
	struct layer *layers; /* [0]: the upper one's seat, its fd -1 where there is none */
	unsigned layer_count; /* with that seat */
	int work_fd; /* the folder for what is half made, on the upper file system; or -1 */
	int mark_fd; /* the folder above it, for FUSE_OVERLAY_MARK, when redirects are made; or -1
		      */
	int proc_fd; /* /proc/self/fd, for linkat(2) of files without a name; or -1 */
	struct node_table nodes;
	struct handle_cache handles;
	struct quota quota;
	struct listing_cache *listings;
	pthread_mutex_t links_lock;
	struct link_table **links; /* by layer; what links.c has learned */
	struct links_held moved;   /* folders whose lower parts lie elsewhere, with gaps */
	_Atomic bool moved_known;  /* those that the layers bore from the start, too */
	pthread_rwlock_t tree;
	pthread_mutex_t copy_locks[COPY_LOCKS];
	_Atomic uint64_t copies;  /* counts copied-up nodes: see entry_find() */
	_Atomic uint64_t temp;	  /* the next temporary name */
	bool has_trusted;	  /* trusted.* attributes can be read: the caller is real root */
	_Atomic bool has_numbers; /* upper files may bear a kept inode number */
	enum whiteout_kind whiteouts; /* that can be made here */
	bool has_overrides;	      /* a layer remembers owners: override.h */
	bool remembers;		      /* the upper one does, for all that is made or changed */
};

static inline bool overlay_follows(const struct overlay *ov)
{
	return ov->options.redirect != REDIRECT_OFF;
}
static inline bool overlay_writable(const struct overlay *ov)
{
	return ov->layers[UPPER].fd >= 0;
}

/* Opens the folders named by ov->options (work_fd and proc_fd are -1, all else zero) and clears the
 * work folder. overlay_done() also after a failure. */
int overlay_open(struct overlay *ov, struct err *err);
void overlay_done(struct overlay *ov);
