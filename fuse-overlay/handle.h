/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors of what lies in layers, opened when needed and kept while they are few: O_PATH of
 * folders, to which all names are relative, and data of regular files. The kernel does not tell
 * us of open files (OPEN is answered ENOSYS), so these serve all reads and writes of a node.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct overlay;
struct node;

struct handle {
	struct handle *hash_next;
	struct handle *older, *newer; /* among those that nobody uses */
	struct node *node;
	int fd;
	uint32_t refs;
	uint16_t layer;
	bool pinned;   /* the node has no name by which it could be opened again */
	bool writable; /* O_RDWR */
	bool dead;     /* out of the table: closed with its last reference */
};

struct handle_cache {
	pthread_mutex_t lock;
	struct handle **buckets;
	size_t bucket_count;
	size_t idle_count, idle_max;
	struct handle *oldest, *newest;
};

int handles_init(struct handle_cache *cache, size_t idle_max);
void handles_done(struct overlay *ov);

/*
 * The folder's part in layer (which must be one of its parts), or a regular file where its data
 * are. The caller gives it back with handle_put(). -EROFS, -ESTALE, open(2)'s errors. Each takes
 * ov->tree shared but those ending in _locked, for callers that hold it.
 */
int handle_folder(struct overlay *ov, struct node *node, unsigned layer, struct handle **ret);
int handle_folder_locked(struct overlay *ov, struct node *node, unsigned layer,
			 struct handle **ret);
int handle_file(struct overlay *ov, struct node *node, bool write, struct handle **ret);
int handle_file_locked(struct overlay *ov, struct node *node, bool write, struct handle **ret);
void handle_put(struct overlay *ov, struct handle *handle);
static inline void handle_put_p(struct overlay *ov, struct handle **handle)
{
	if (*handle)
		handle_put(ov, *handle);
	*handle = NULL;
}

/* Adopts fd (also when it fails) as the node's descriptor in layer; pinned: until it is freed. */
int handle_adopt(struct overlay *ov, struct node *node, unsigned layer, int fd, bool writable,
		 bool pinned);
/* Opens and pins the node's descriptor before its last name goes; _locked: the tree is held. */
int handle_pin(struct overlay *ov, struct node *node);
int handle_pin_locked(struct overlay *ov, struct node *node);
/* It has a name again. */
void handle_unpin(struct overlay *ov, const struct node *node);
/* Forgets one, or all, of the node's. */
void handle_drop(struct overlay *ov, struct node *node, unsigned layer);
void handle_drop_all(struct overlay *ov, struct node *node);
/* The folder is deleted: all parts but the highest go, with their descriptors. The tree is held
 * exclusively. (A descriptor that stays in the table would be that of the next node at this
 * address.) */
void handle_drop_lower_parts(struct overlay *ov, struct node *node);

/* ---- Places ---- */

/* Where a node is: folder and name, good while the place is held (ov->tree is, shared). An
 * orphan's is its descriptor, and name is "". */
struct place {
	struct handle *handle;
	int fd;
	const char *name;
	int empty; /* AT_EMPTY_PATH for an orphan or the root, else 0 */
};
int place_get(struct overlay *ov, struct node *node, struct place *ret_place);
void place_put(struct overlay *ov, struct place *place);
