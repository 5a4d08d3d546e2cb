/* SPDX-License-Identifier: Apache-2.0 */
/* Hard links of lower layers: see links.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/links.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/walk.h"

/* One name of a file that has several, in one layer. */
struct linked {
	uint64_t ino;
	char *path;
};

struct link_table {
	struct linked *names; /* by inode */
	size_t count, capacity;
};

/* ---- Reading a layer ---- */

static int add_linked(struct link_table *table, uint64_t ino, char *path)
{
	if (path && table->count == table->capacity) {
		size_t more = table->capacity ? 2 * table->capacity : 64;
		struct linked *grown = realloc(table->names, more * sizeof(*grown));

		if (grown) {
			table->names = grown;
			table->capacity = more;
		} else {
			free(path);
			path = NULL;
		}
	}
	if (!path)
		return -ENOMEM;
	table->names[table->count++] = (struct linked){ ino, path };
	return 0;
}

static int look_at(const struct walk_entry *at)
{
	const struct dirent *e = at->entry;
	struct stat st;

	if (whiteout_name(e->d_name) || (e->d_type != DT_REG && e->d_type != DT_UNKNOWN))
		return 0;
	if (fstatat(at->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink < 2)
		return 0;
	return add_linked(at->ctx, st.st_ino, walk_path(at->folder, e->d_name));
}

static int compare(const void *a, const void *b)
{
	const struct linked *x = a;
	const struct linked *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void table_free(struct link_table *table)
{
	for (size_t i = 0; table && i < table->count; i++)
		free(table->names[i].path);
	if (table)
		free(table->names);
	free(table);
}

static int read_layer(int root_fd, struct link_table **ret_table)
{
	struct link_table *table = calloc(1, sizeof(*table));
	int r = table ? walk_layer(root_fd, look_at, table) : -ENOMEM;

	if (r < 0) {
		table_free(table);
		return r;
	}
	assert(table);
	if (table->count)
		qsort(table->names, table->count, sizeof(struct linked), compare);
	*ret_table = table;
	return 0;
}

/* Read once, and kept. */
static int table_of(struct overlay *ov, unsigned layer, const struct link_table **ret_table)
{
	int r = 0;

	pthread_mutex_lock(&ov->links_lock);
	if (!ov->links) {
		ov->links = calloc(ov->layer_count, sizeof(struct link_table *));
		r = ov->links ? 0 : -ENOMEM;
	}
	if (r == 0 && !ov->links[layer])
		r = read_layer(ov->layers[layer].fd, &ov->links[layer]);
	if (r == 0)
		*ret_table = ov->links[layer];
	pthread_mutex_unlock(&ov->links_lock);
	return r;
}

void links_done(struct overlay *ov)
{
	for (unsigned i = 0; ov->links && i < ov->layer_count; i++)
		table_free(ov->links[i]);
	free(ov->links);
	ov->links = NULL;
}

/* ---- Making names known ---- */

static int hold(struct links_held *held, struct node *node)
{
	if (held->count == held->capacity) {
		size_t more = held->capacity ? 2 * held->capacity : 16;
		struct node **grown = realloc(held->nodes, more * sizeof(struct node *));

		if (!grown)
			return -ENOMEM;
		held->nodes = grown;
		held->capacity = more;
	}
	held->nodes[held->count++] = node;
	return 0;
}

/* Looks path up from the root, which makes its node known. What is hidden is no name of it. */
static int walk_to(struct overlay *ov, const char *path, struct links_held *held)
{
	auto_free char *copy = strdup(path);
	struct node *at = ov->nodes.root;
	char *rest = NULL;
	int r = copy ? 0 : -ENOMEM;

	for (char *name = copy ? strtok_r(copy, "/", &rest) : NULL; r == 0 && name;
	     name = strtok_r(NULL, "/", &rest)) {
		struct fuse_entry_param entry;

		if (!node_is_folder(at))
			return 0;
		r = entry_find(ov, at, name, &entry);
		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return r;
		at = (struct node *)(uintptr_t)entry.ino;
		r = hold(held, at);
		if (r < 0)
			node_forget(ov, at, 1);
	}
	return r;
}

int links_know(struct overlay *ov, struct node *node, struct links_held *held)
{
	const struct link_table *table = NULL;
	const struct linked wanted = { .ino = node->backing_ino };
	const struct linked *found = NULL;
	int r = table_of(ov, node->layer, &table);

	if (r < 0)
		return r;
	assert(table);
	if (table->count == 0)
		return 0;
	found = bsearch(&wanted, table->names, table->count, sizeof(wanted), compare);
	while (found && found > table->names && found[-1].ino == wanted.ino)
		found--;
	for (; r == 0 && found && found < table->names + table->count && found->ino == wanted.ino;
	     found++)
		r = walk_to(ov, found->path, held);
	return r;
}

void links_release(struct overlay *ov, struct links_held *held)
{
	for (size_t i = 0; i < held->count; i++)
		node_forget(ov, held->nodes[i], 1);
	free(held->nodes);
	*held = (struct links_held){ 0 };
}
