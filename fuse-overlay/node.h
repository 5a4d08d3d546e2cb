/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: what the kernel knows of the merged tree, one per inode, as long as it remembers them
 * (FUSE's lookup count) or knows something below them. A node's address is its FUSE node id.
 *
 * A hundred thousand of them are held while somebody runs find(1), so they are small: a folder's
 * further parts are apart, and there are no paths, only each name with the folder that it is in.
 */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct overlay;
struct node;

struct node_name {
	struct node *parent;
	struct node_name *next; /* further names of the same file: hard links */
	char text[];
};

/* Whether regular files of a folder's part may be whiteouts: whiteout_folder(). */
enum part_whiteouts { WHITEOUTS_NONE, WHITEOUTS_SOME, WHITEOUTS_UNKNOWN };

/* A folder's part in one layer, highest first. */
struct node_part {
	uint16_t layer;
	_Atomic uint8_t whiteouts;
	/* Where it lies, by a redirect: a name in the parent's part, or a path from the layer's
	 * root, beginning with "/"; NULL: as the folder is called. Of the upper part, which always
	 * lies where it is seen, it is what its redirect says. */
	char *path;
};

struct node_folder {
	uint32_t children; /* names that have this folder as parent */
	uint16_t part_count;
	struct node_part parts[];
};

enum node_flag {
	NODE_IN_TABLE = 1, /* can be found by its inode */
	NODE_NO_CAPS = 2,  /* known to have no security.capability */
	NODE_MARKED = 4,   /* no regular file, but kept as one: override.h */
};

struct node {
	struct node *hash_next;
	struct node_name *names;    /* NULL: the root, or an orphan, whose descriptor is pinned */
	struct node_folder *folder; /* NULL: no folder */
	uint64_t backing_ino;	    /* in layer */
	uint64_t ino;		    /* as shown in st_ino */
	uint64_t lookups;
	uint16_t layer; /* where its attributes and data are */
	uint8_t type;	/* st_mode >> 12 */
	_Atomic uint8_t flags;
	/* Names that were removed while the layer counts them still; see attr_show(). */
	_Atomic uint16_t gone;
	uint16_t mapped; /* opens of an upper file that may be mapped, counted for a quota */
};

struct node_table {
	pthread_mutex_t lock;
	struct node **buckets;
	size_t bucket_count;
	size_t count;
	size_t peak;
	size_t nameless; /* but the root */
	struct node *root;
};

/* Nodes that have lost their last name, or never had one. */
size_t nodes_nameless(struct node_table *table);

int nodes_init(struct node_table *table);
void nodes_done(struct overlay *ov);

/* What a lookup found in the layers: enough to make a node of it. */
struct found;

/*
 * The node of what was found as name in parent, new or known, its lookup count raised by one.
 * Takes found's parts. -EAGAIN where a copy-up came in between: look again. -ENOMEM.
 */
int node_intern(struct overlay *ov, struct node *parent, const char *name, struct found *found,
		struct node **ret_node);

/* The kernel forgets count lookups of it. Frees what nobody needs any more. */
void node_forget(struct overlay *ov, struct node *node, uint64_t count);
/* Raises the lookup count by one. */
void node_ref(struct overlay *ov, struct node *node);
/* A node without a name (O_TMPFILE) with a count of one. -ENOMEM */
int node_new_orphan(struct overlay *ov, struct found *found, struct node **ret_node);

/* A known node's name changes; ov->tree is held exclusively. -ENOMEM */
int node_add_name(struct overlay *ov, struct node *node, struct node *parent, const char *name);
void node_drop_name(struct overlay *ov, struct node *node, struct node *parent, const char *name);

/* The node moved to the upper layer: its backing inode there, and whether that is a marked file.
 * ov->tree is held exclusively. */
void node_move_up(struct overlay *ov, struct node *node, uint64_t backing_ino, bool is_marked);
/* Nothing is in the folder any more: its lower parts are let go. ov->tree is held exclusively. */
void node_drop_parts(struct overlay *ov, struct node *node);
/* The part that layer has; NULL: none. */
struct node_part *node_part_in(const struct node *node, unsigned layer);
/*
 * The path of the folder's part in layer from that layer's root ("" is the root, else it begins
 * with
 * "/"); for the upper one, where the layers below it look for the folder. ov->tree is held.
 * -ENAMETOOLONG, -ESTALE.
 */
int node_path(const struct overlay *ov, const struct node *node, unsigned layer,
	      char path[PATH_MAX]);
/* It can be found by its inode no longer: the inode has gone, or goes. */
void node_unhash(struct overlay *ov, struct node *node);
/* Finds a known node by what backs it, without raising its count; NULL. For who holds a lookup. */
struct node *node_find(struct overlay *ov, unsigned layer, uint64_t backing_ino);

/* True for what is a regular file in its layer. */
static inline bool node_is_regular(const struct node *node)
{
	return node->type == S_IFREG >> 12 || node->flags & NODE_MARKED;
}
static inline bool node_is_folder(const struct node *node)
{
	return node->folder != NULL;
}
/* True for a folder that lower layers have a part in. */
static inline bool node_is_merged(const struct node *node)
{
	const struct node_folder *f = node->folder;

	return f && f->part_count > 0 && f->parts[f->part_count - 1].layer != 0;
}
