/* SPDX-License-Identifier: Apache-2.0 */
/* The table of nodes: see node.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/node.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuse-overlay/listing.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/union.h"

enum { BUCKETS_MIN = 1024 };

/* ---- Buckets; table->lock is held ---- */

static size_t slot(const struct node_table *table, unsigned layer, uint64_t ino)
{
	/* Fibonacci hashing: inode numbers are often consecutive. */
	uint64_t hash = (ino + ((uint64_t)layer << 48)) * 0x9e3779b97f4a7c15ULL;

	return (size_t)(hash >> 32) & (table->bucket_count - 1);
}

static struct node *table_find(const struct node_table *table, unsigned layer, uint64_t ino)
{
	struct node *node = table->buckets[slot(table, layer, ino)];

	while (node && (node->backing_ino != ino || node->layer != layer))
		node = node->hash_next;
	return node;
}

static void table_add(struct node_table *table, struct node *node)
{
	struct node **head = &table->buckets[slot(table, node->layer, node->backing_ino)];

	node->hash_next = *head;
	*head = node;
	node->flags |= NODE_IN_TABLE;
}

static void table_remove(struct node_table *table, struct node *node)
{
	struct node **at = &table->buckets[slot(table, node->layer, node->backing_ino)];

	if (!(node->flags & NODE_IN_TABLE))
		return;
	while (*at != node)
		at = &(*at)->hash_next;
	*at = node->hash_next;
	node->flags &= (uint8_t)~NODE_IN_TABLE;
}

/* Without memory for more buckets the chains grow longer, and all works still. */
static void table_resize(struct node_table *table, size_t bucket_count)
{
	struct node **old = table->buckets;
	size_t old_count = table->bucket_count;
	struct node **buckets = calloc(bucket_count, sizeof(struct node *));

	if (!buckets)
		return;
	table->buckets = buckets;
	table->bucket_count = bucket_count;
	for (size_t i = 0; i < old_count; i++) {
		struct node *next = NULL;

		for (struct node *node = old[i]; node; node = next) {
			next = node->hash_next;
			table_add(table, node);
		}
	}
	free(old);
}

int nodes_init(struct node_table *table)
{
	*table = (struct node_table){ .bucket_count = BUCKETS_MIN };
	table->buckets = calloc(BUCKETS_MIN, sizeof(struct node *));
	if (!table->buckets)
		return -ENOMEM;
	return -pthread_mutex_init(&table->lock, NULL);
}

/* ---- Names ---- */

static struct node_name *name_new(struct node *parent, const char *text)
{
	size_t size = strlen(text) + 1;
	struct node_name *name = malloc(sizeof(*name) + size);

	if (!name)
		return NULL;
	name->parent = parent;
	name->next = NULL;
	memcpy(name->text, text, size);
	return name;
}

static struct node_name **name_at(struct node *node, const struct node *parent, const char *text)
{
	struct node_name **at = &node->names;

	while (*at && ((*at)->parent != parent || strcmp((*at)->text, text) != 0))
		at = &(*at)->next;
	return at;
}

/* At the end of its list, where name_at() has found that there is none. */
static int add_name(struct node_table *table, struct node *node, struct node_name **at,
		    struct node *parent, const char *text)
{
	const bool was_nameless = !node->names;

	*at = name_new(parent, text);
	if (!*at)
		return -ENOMEM;
	parent->folder->children++;
	table->nameless -= was_nameless;
	return 0;
}

/* ---- Life ---- */

static void node_free(struct node *node)
{
	struct node_name *next = NULL;

	for (struct node_name *name = node->names; name; name = next) {
		next = name->next;
		free(name);
	}
	for (unsigned i = 0; node->folder && i < node->folder->part_count; i++)
		free(node->folder->parts[i].path);
	free(node->folder);
	free(node);
}

/*
 * Frees node if nobody needs it, and then perhaps its parents. With the table's lock held; nodes
 * that go are chained to *ret_gone by hash_next, for their descriptors.
 */
static void release(struct node_table *table, struct node *node, struct node **ret_gone)
{
	while (node && node->lookups == 0 && node != table->root &&
	       !(node->folder && node->folder->children > 0)) {
		struct node *parent = NULL;

		table_remove(table, node);
		table->count--;
		table->nameless -= !node->names;
		/* Of several parents all but one have other children left, or go with the next. */
		for (struct node_name *name = node->names; name; name = name->next) {
			struct node *above = name->parent;

			above->folder->children--;
			if (parent && parent != above)
				release(table, parent, ret_gone);
			parent = above;
		}
		node->hash_next = *ret_gone;
		*ret_gone = node;
		node = parent;
	}
}

static void bury(struct overlay *ov, struct node *gone)
{
	while (gone) {
		struct node *next = gone->hash_next;

		quota_release(ov, gone);
		handle_drop_all(ov, gone);
		if (gone->folder)
			listing_drop(ov, gone);
		node_free(gone);
		gone = next;
	}
}

void node_forget(struct overlay *ov, struct node *node, uint64_t count)
{
	struct node_table *table = &ov->nodes;
	struct node *gone = NULL;
	bool is_trim = false;

	pthread_mutex_lock(&table->lock);
	node->lookups -= count < node->lookups ? count : node->lookups;
	release(table, node, &gone);
	if (table->count > table->peak)
		table->peak = table->count;
	/* After a great forgetting memory goes back to the system. */
	if (table->peak > 4096 && table->count < table->peak / 4) {
		table->peak = table->count;
		table_resize(table, table->bucket_count > 4 * BUCKETS_MIN ? table->bucket_count / 4
									  : BUCKETS_MIN);
		is_trim = true;
	}
	pthread_mutex_unlock(&table->lock);
	bury(ov, gone);
	if (is_trim)
		(void)malloc_trim(0); /* tells only whether there was something */
}

size_t nodes_nameless(struct node_table *table)
{
	size_t count = 0;

	pthread_mutex_lock(&table->lock);
	count = table->nameless;
	pthread_mutex_unlock(&table->lock);
	return count;
}

void node_ref(struct overlay *ov, struct node *node)
{
	pthread_mutex_lock(&ov->nodes.lock);
	node->lookups++;
	pthread_mutex_unlock(&ov->nodes.lock);
}

void nodes_done(struct overlay *ov)
{
	struct node_table *table = &ov->nodes;

	for (size_t i = 0; i < table->bucket_count; i++) {
		struct node *next = NULL;

		for (struct node *node = table->buckets[i]; node; node = next) {
			next = node->hash_next;
			node_free(node);
		}
	}
	free(table->buckets);
	table->buckets = NULL;
}

static int node_new(struct node_table *table, struct node *parent, const char *name,
		    struct found *found, struct node **ret_node)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->names = parent ? name_new(parent, name) : NULL;
	if (parent && !node->names) {
		free(node);
		return -ENOMEM;
	}
	if (parent)
		parent->folder->children++;
	node->folder = found->folder;
	found->folder = NULL;
	node->layer = (uint16_t)found->layer;
	node->backing_ino = found->st.st_ino;
	node->ino = found->ino;
	node->type = (uint8_t)(found->st.st_mode >> 12);
	node->flags = found->is_marked ? NODE_MARKED : 0;
	if (++table->count > table->bucket_count)
		table_resize(table, table->bucket_count * 2);
	table_add(table, node);
	*ret_node = node;
	return 0;
}

int node_intern(struct overlay *ov, struct node *parent, const char *name, struct found *found,
		struct node **ret_node)
{
	struct node_table *table = &ov->nodes;
	struct node *node = NULL;
	struct node_name **at = NULL;
	int r = 0;

	pthread_mutex_lock(&table->lock);
	if (found->copies != ov->copies) {
		pthread_mutex_unlock(&table->lock);
		return -EAGAIN;
	}
	node = table_find(table, found->layer, found->st.st_ino);
	if (!node) {
		r = node_new(table, parent, name, found, &node);
	} else if (parent && !*(at = name_at(node, parent, name))) {
		r = add_name(table, node, at, parent, name);
	}
	if (r == 0) {
		node->lookups++;
		*ret_node = node;
	}
	pthread_mutex_unlock(&table->lock);
	return r;
}

int node_new_orphan(struct overlay *ov, struct found *found, struct node **ret_node)
{
	int r = 0;

	pthread_mutex_lock(&ov->nodes.lock);
	r = node_new(&ov->nodes, NULL, NULL, found, ret_node);
	if (r == 0) {
		(*ret_node)->lookups = 1;
		ov->nodes.nameless++;
	}
	pthread_mutex_unlock(&ov->nodes.lock);
	return r;
}

struct node *node_find(struct overlay *ov, unsigned layer, uint64_t backing_ino)
{
	struct node *node = NULL;

	pthread_mutex_lock(&ov->nodes.lock);
	node = table_find(&ov->nodes, layer, backing_ino);
	pthread_mutex_unlock(&ov->nodes.lock);
	return node;
}

/* ---- Changes ---- */

int node_add_name(struct overlay *ov, struct node *node, struct node *parent, const char *name)
{
	struct node_name **at = NULL;
	int r = 0;

	pthread_mutex_lock(&ov->nodes.lock);
	at = name_at(node, parent, name);
	if (!*at)
		r = add_name(&ov->nodes, node, at, parent, name);
	pthread_mutex_unlock(&ov->nodes.lock);
	return r;
}

void node_drop_name(struct overlay *ov, struct node *node, struct node *parent, const char *name)
{
	struct node_name **at = NULL;
	struct node_name *old = NULL;

	pthread_mutex_lock(&ov->nodes.lock);
	at = name_at(node, parent, name);
	old = *at;
	if (old) {
		*at = old->next;
		parent->folder->children--; /* the kernel knows the parent still: it is in use */
		ov->nodes.nameless += !node->names;
		free(old);
	}
	pthread_mutex_unlock(&ov->nodes.lock);
}

void node_unhash(struct overlay *ov, struct node *node)
{
	pthread_mutex_lock(&ov->nodes.lock);
	table_remove(&ov->nodes, node);
	pthread_mutex_unlock(&ov->nodes.lock);
}

void node_move_up(struct overlay *ov, struct node *node, uint64_t backing_ino, bool is_marked)
{
	struct node_folder *folder = node->folder;
	bool was_known = false;

	pthread_mutex_lock(&ov->nodes.lock);
	was_known = node->flags & NODE_IN_TABLE;
	table_remove(&ov->nodes, node);
	if (folder) { /* union_find() leaves room for it */
		memmove(&folder->parts[1], &folder->parts[0],
			folder->part_count * sizeof(folder->parts[0]));
		folder->parts[0] = (struct node_part){ .layer = UPPER };
		folder->part_count++;
	}
	node->layer = UPPER;
	node->backing_ino = backing_ino;
	node->flags = (uint8_t)((node->flags & ~NODE_MARKED) | (is_marked ? NODE_MARKED : 0));
	if (was_known)
		table_add(&ov->nodes, node);
	ov->copies++;
	pthread_mutex_unlock(&ov->nodes.lock);
}
