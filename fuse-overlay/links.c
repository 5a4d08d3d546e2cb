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
#include "fuse-overlay/grow.h"
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
	char **redirects; /* folders that bear one */
	size_t redirect_count, redirect_capacity;
};

/* ---- Reading a layer ---- */

static int add_linked(struct link_table *table, uint64_t ino, char *path)
{
	if (!path || !GROW(table->names, table->count, table->capacity)) {
		free(path);
		return -ENOMEM;
	}
	table->names[table->count++] = (struct linked){ ino, path };
	return 0;
}

struct reading {
	const struct overlay *ov;
	unsigned layer;
	struct link_table *table;
};

static int add_redirect(struct link_table *table, char *path)
{
	if (!path || !GROW(table->redirects, table->redirect_count, table->redirect_capacity)) {
		free(path);
		return -ENOMEM;
	}
	table->redirects[table->redirect_count++] = path;
	return 0;
}

static int look_at(const struct walk_entry *at)
{
	const struct reading *reading = at->ctx;
	const struct dirent *e = at->entry;
	struct stat st;

	if (whiteout_name(e->d_name))
		return 0;
	if (at->is_folder) {
		int marks = overlay_follows(reading->ov)
				    ? folder_marks(reading->ov, at->dir_fd, e->d_name)
				    : 0;

		if (marks < 0)
			return marks == -ENOENT ? 0 : marks;
		return (marks & (FOLDER_REDIRECT | FOLDER_OPAQUE)) == FOLDER_REDIRECT
			       ? add_redirect(reading->table, walk_path(at->folder, e->d_name))
			       : 0;
	}
	/* In the upper layer links are links. */
	if (reading->layer == UPPER)
		return 0;
	if (fstatat(at->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* Whiteouts are links of one, too: see whiteout.c. */
	if (st.st_nlink < 2 || whiteout_device(&st))
		return 0;
	return add_linked(reading->table, st.st_ino, walk_path(at->folder, e->d_name));
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
	for (size_t i = 0; table && i < table->redirect_count; i++)
		free(table->redirects[i]);
	if (table) {
		free(table->names);
		free(table->redirects);
	}
	free(table);
}

static int read_layer(const struct overlay *ov, unsigned layer, struct link_table **ret_table)
{
	struct link_table *table = calloc(1, sizeof(*table));
	struct reading reading = { .ov = ov, .layer = layer, .table = table };
	int r = table ? walk_layer(ov->layers[layer].fd, look_at, &reading) : -ENOMEM;

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
		r = read_layer(ov, layer, &ov->links[layer]);
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
	free(ov->moved.nodes);
	ov->moved = (struct links_held){ 0 };
}

/* ---- Folders that were moved ---- */

static int hold(struct links_held *held, struct node *node)
{
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers */
	if (!GROW(held->nodes, held->count, held->capacity))
		return -ENOMEM;
	held->nodes[held->count++] = node;
	return 0;
}

int links_moved(struct overlay *ov, struct node *folder)
{
	struct links_held *moved = &ov->moved;
	size_t at = 0;
	size_t gap = SIZE_MAX;
	int r = 0;

	pthread_mutex_lock(&ov->links_lock);
	for (; at < moved->count && moved->nodes[at] != folder; at++)
		if (!moved->nodes[at])
			gap = at;
	if (at == moved->count) {
		if (gap < at)
			moved->nodes[gap] = folder;
		else
			r = hold(moved, folder);
		if (r == 0)
			node_ref(ov, folder);
	}
	pthread_mutex_unlock(&ov->links_lock);
	return r;
}

void links_unmoved(struct overlay *ov, struct node *folder)
{
	bool is_held = false;

	pthread_mutex_lock(&ov->links_lock);
	for (size_t i = 0; i < ov->moved.count; i++)
		if (ov->moved.nodes[i] == folder) {
			ov->moved.nodes[i] = NULL; /* who reads the list keeps its place */
			is_held = true;
		}
	pthread_mutex_unlock(&ov->links_lock);
	if (is_held)
		node_forget(ov, folder, 1);
}

/* Number i of them, to be forgotten; NULL: a gap. False behind the last. */
static bool moved_get(struct overlay *ov, size_t i, struct node **ret_node)
{
	bool is_there = false;

	pthread_mutex_lock(&ov->links_lock);
	is_there = i < ov->moved.count;
	*ret_node = is_there ? ov->moved.nodes[i] : NULL;
	if (*ret_node)
		node_ref(ov, *ret_node);
	pthread_mutex_unlock(&ov->links_lock);
	return is_there;
}

static bool is_moved(struct overlay *ov, const struct node *node)
{
	bool is_elsewhere = false;

	pthread_rwlock_rdlock(&ov->tree);
	for (unsigned i = 0; node->folder && i < node->folder->part_count; i++)
		is_elsewhere |= node->folder->parts[i].path != NULL;
	pthread_rwlock_unlock(&ov->tree);
	return is_elsewhere;
}

/* ---- Making names known ---- */

/* Looks path up from a folder, which makes its node known. What is hidden is no name of it, nor is
 * what a broken redirect keeps from being seen. */
static int walk_to(struct overlay *ov, struct node *from, const char *path, struct links_held *held)
{
	auto_free char *copy = strdup(path);
	struct node *at = from;
	char *rest = NULL;
	int r = copy ? 0 : -ENOMEM;

	for (char *name = copy ? strtok_r(copy, "/", &rest) : NULL; r == 0 && name;
	     name = strtok_r(NULL, "/", &rest)) {
		struct fuse_entry_param entry;

		if (!node_is_folder(at))
			return 0;
		r = entry_find(ov, at, name, &entry);
		if (r == -ENOENT || r == -EPERM || r == -EINVAL || r == -EIO)
			return 0;
		if (r < 0)
			return r;
		at = (struct node *)(uintptr_t)entry.ino;
		r = hold(held, at);
		if (r < 0)
			node_forget(ov, at, 1);
		else if (is_moved(ov, at))
			r = links_moved(ov, at);
	}
	return r;
}

/* The same from a folder whose part in layer is above path. */
static int walk_from(struct overlay *ov, struct node *folder, unsigned layer, const char *path,
		     struct links_held *held)
{
	char top[PATH_MAX];
	size_t size = 0;
	int r = -ESTALE;

	pthread_rwlock_rdlock(&ov->tree);
	if (folder->names && node_part_in(folder, layer))
		r = node_path(ov, folder, layer, top);
	pthread_rwlock_unlock(&ov->tree);
	if (r < 0 || !*top)
		return 0;
	size = strlen(top + 1);
	if (strncmp(path, top + 1, size) != 0 || path[size] != '/')
		return 0;
	return walk_to(ov, folder, path + size + 1, held);
}

/* All places where a layer's path is seen: from the root, and from folders that were moved. */
static int walk_all(struct overlay *ov, unsigned layer, const char *path, struct links_held *held)
{
	struct node *folder = NULL;
	int r = walk_to(ov, ov->nodes.root, path, held);

	if (layer == UPPER)
		return r;
	for (size_t i = 0; r == 0 && moved_get(ov, i, &folder); i++) {
		if (!folder)
			continue;
		r = walk_from(ov, folder, layer, path, held);
		node_forget(ov, folder, 1);
	}
	return r;
}

/* Makes the folders known that layers above this one say are moved; from the top, since one may be
 * inside of another. */
static int know_moved(struct overlay *ov)
{
	int r = 0;

	if (!overlay_follows(ov) || ov->moved_known)
		return 0;
	for (unsigned i = 0; r == 0 && i + 1 < ov->layer_count; i++) {
		const struct link_table *table = NULL;
		struct links_held held = { 0 };

		if (ov->layers[i].fd < 0)
			continue;
		r = table_of(ov, i, &table);
		for (size_t k = 0; r == 0 && k < table->redirect_count; k++)
			r = walk_all(ov, i, table->redirects[k], &held);
		links_release(ov, &held);
	}
	if (r == 0)
		ov->moved_known = true;
	return r;
}

int links_know(struct overlay *ov, struct node *node, struct links_held *held)
{
	const struct link_table *table = NULL;
	const struct linked wanted = { .ino = node->backing_ino };
	const struct linked *found = NULL;
	int r = know_moved(ov);

	if (r == 0)
		r = table_of(ov, node->layer, &table);
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
		r = walk_all(ov, node->layer, found->path, held);
	return r;
}

void links_release(struct overlay *ov, struct links_held *held)
{
	for (size_t i = 0; i < held->count; i++)
		node_forget(ov, held->nodes[i], 1);
	free(held->nodes);
	*held = (struct links_held){ 0 };
}
