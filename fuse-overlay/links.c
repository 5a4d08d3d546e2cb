/* SPDX-License-Identifier: Apache-2.0 */
/* Hard links of lower layers: see links.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/links.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"

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

struct walk {
	int root_fd;
	struct link_table *table;
	char **folders; /* still to be read */
	size_t count, capacity;
};

static int push(char ***list, size_t *count, size_t *capacity, char *text)
{
	if (text && *count == *capacity) {
		size_t more = *capacity ? 2 * *capacity : 64;
		char **grown = realloc(*list, more * sizeof(char *));

		if (grown) {
			*list = grown;
			*capacity = more;
		} else {
			free(text);
			text = NULL;
		}
	}
	if (!text)
		return -ENOMEM;
	(*list)[(*count)++] = text;
	return 0;
}

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

static char *below(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s%s%s", folder, *folder ? "/" : "", name) < 0 ? NULL : path;
}

static int look_at(struct walk *w, int fd, const char *folder, const struct dirent *e)
{
	struct stat st;

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || whiteout_name(e->d_name))
		return 0;
	if (e->d_type == DT_DIR)
		return push(&w->folders, &w->count, &w->capacity, below(folder, e->d_name));
	if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return push(&w->folders, &w->count, &w->capacity, below(folder, e->d_name));
	/* Whiteouts are links of one, too: see whiteout.c. */
	if (st.st_nlink < 2 || whiteout_device(&st))
		return 0;
	return add_linked(w->table, st.st_ino, below(folder, e->d_name));
}

static int read_folder(struct walk *w, const char *folder)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, w->root_fd, *folder ? folder : ".", &how, sizeof(how));
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;
	int r = 0;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);	   /* only read */
		return r == -ENAMETOOLONG ? 0 : r; /* deeper than a path can say: links break */
	}
	while (r == 0 && (e = readdir(dir)))
		r = look_at(w, fd, folder, e);
	(void)closedir(dir); /* only read */
	return r;
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
	struct walk w = { .root_fd = root_fd, .table = calloc(1, sizeof(*w.table)) };
	int r = w.table ? push(&w.folders, &w.count, &w.capacity, strdup("")) : -ENOMEM;

	while (r == 0 && w.count > 0) {
		auto_free char *folder = w.folders[--w.count];

		r = read_folder(&w, folder);
	}
	while (w.count > 0)
		free(w.folders[--w.count]);
	free(w.folders);
	if (r < 0) {
		table_free(w.table);
		return r;
	}
	if (w.table->count)
		qsort(w.table->names, w.table->count, sizeof(struct linked), compare);
	*ret_table = w.table;
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
