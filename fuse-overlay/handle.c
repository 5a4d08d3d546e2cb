/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of descriptors: see handle.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "fuse-overlay/overlay.h"

enum { DEPTH = 32 /* folders between a cached one and the wanted, without allocating */ };

/* ---- The table; cache->lock is held ---- */

static struct handle **bucket(struct handle_cache *cache, const struct node *node, unsigned layer)
{
	uint64_t hash = ((uintptr_t)node >> 4) + layer * 0x9e3779b9ULL;

	hash *= 0x9e3779b97f4a7c15ULL;
	return &cache->buckets[(hash >> 32) & (cache->bucket_count - 1)];
}

static struct handle *find(struct handle_cache *cache, const struct node *node, unsigned layer)
{
	struct handle *handle = *bucket(cache, node, layer);

	while (handle && (handle->node != node || handle->layer != layer))
		handle = handle->hash_next;
	return handle;
}

static void idle_remove(struct handle_cache *cache, struct handle *handle)
{
	*(handle->older ? &handle->older->newer : &cache->oldest) = handle->newer;
	*(handle->newer ? &handle->newer->older : &cache->newest) = handle->older;
	handle->older = handle->newer = NULL;
	cache->idle_count--;
}

static void idle_add(struct handle_cache *cache, struct handle *handle)
{
	handle->older = cache->newest;
	handle->newer = NULL;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = handle;
	cache->newest = handle;
	cache->idle_count++;
}

/* Out of the table. True: nobody uses it, the caller frees it (outside of the lock). */
static bool detach(struct handle_cache *cache, struct handle *handle)
{
	struct handle **at = bucket(cache, handle->node, handle->layer);

	while (*at != handle)
		at = &(*at)->hash_next;
	*at = handle->hash_next;
	handle->hash_next = NULL;
	handle->dead = true;
	if (handle->refs > 0)
		return false;
	if (!handle->pinned)
		idle_remove(cache, handle);
	return true;
}

static void destroy(struct handle *handle)
{
	if (!handle)
		return;
	fd_close(&handle->fd);
	free(handle);
}

int handles_init(struct handle_cache *cache, size_t idle_max)
{
	size_t count = 64;

	while (count < idle_max)
		count *= 2;
	*cache = (struct handle_cache){ .bucket_count = count, .idle_max = idle_max };
	cache->buckets = calloc(count, sizeof(struct handle *));
	return cache->buckets ? -pthread_mutex_init(&cache->lock, NULL) : -ENOMEM;
}

void handles_done(struct overlay *ov)
{
	struct handle_cache *cache = &ov->handles;

	for (size_t i = 0; i < cache->bucket_count; i++) {
		struct handle *next = NULL;

		for (struct handle *handle = cache->buckets[i]; handle; handle = next) {
			next = handle->hash_next;
			destroy(handle);
		}
	}
	free(cache->buckets);
	cache->buckets = NULL;
}

/* ---- References ---- */

static struct handle *get(struct overlay *ov, const struct node *node, unsigned layer)
{
	struct handle_cache *cache = &ov->handles;
	struct handle *handle = NULL;

	pthread_mutex_lock(&cache->lock);
	handle = find(cache, node, layer);
	if (handle && handle->refs++ == 0 && !handle->pinned)
		idle_remove(cache, handle);
	pthread_mutex_unlock(&cache->lock);
	return handle;
}

void handle_put(struct overlay *ov, struct handle *handle)
{
	struct handle_cache *cache = &ov->handles;
	struct handle *gone = NULL;

	pthread_mutex_lock(&cache->lock);
	if (--handle->refs == 0 && handle->dead) {
		gone = handle;
	} else if (handle->refs == 0 && !handle->pinned) {
		idle_add(cache, handle);
		if (cache->idle_count > cache->idle_max) {
			gone = cache->oldest;
			(void)detach(cache, gone); /* idle: nobody uses it */
		}
	}
	pthread_mutex_unlock(&cache->lock);
	destroy(gone);
}

/* Puts fd in the table with one reference; where another thread was first, its own serves. */
static int add(struct overlay *ov, struct node *node, unsigned layer, int fd, bool writable,
	       bool pinned, struct handle **ret)
{
	struct handle_cache *cache = &ov->handles;
	struct handle *mine = calloc(1, sizeof(*mine));
	struct handle *other = NULL;
	bool is_second = false;
	bool is_free = false;

	if (!mine) {
		fd_close(&fd);
		return -ENOMEM;
	}
	*mine = (struct handle){ .node = node,
				 .fd = fd,
				 .refs = 1,
				 .layer = (uint16_t)layer,
				 .pinned = pinned,
				 .writable = writable };
	pthread_mutex_lock(&cache->lock);
	other = find(cache, node, layer);
	is_second = other && !pinned && (other->pinned || other->writable >= writable);
	if (is_second) {
		if (other->refs++ == 0 && !other->pinned)
			idle_remove(cache, other);
	} else {
		struct handle **at = NULL;

		is_free = other && detach(cache, other);
		at = bucket(cache, node, layer);
		mine->hash_next = *at;
		*at = mine;
	}
	pthread_mutex_unlock(&cache->lock);
	if (is_second)
		destroy(mine);
	else if (is_free)
		destroy(other);
	*ret = is_second ? other : mine;
	return 0;
}

int handle_adopt(struct overlay *ov, struct node *node, unsigned layer, int fd, bool writable,
		 bool pinned)
{
	struct handle *handle = NULL;
	int r = add(ov, node, layer, fd, writable, pinned, &handle);

	if (r == 0)
		handle_put(ov, handle);
	return r;
}

void handle_drop(struct overlay *ov, struct node *node, unsigned layer)
{
	struct handle_cache *cache = &ov->handles;
	struct handle *handle = NULL;
	bool is_free = false;

	pthread_mutex_lock(&cache->lock);
	handle = find(cache, node, layer);
	is_free = handle && detach(cache, handle);
	pthread_mutex_unlock(&cache->lock);
	if (is_free)
		destroy(handle);
}

void handle_drop_all(struct overlay *ov, struct node *node)
{
	handle_drop(ov, node, node->layer);
	for (unsigned i = 0; node->folder && i < node->folder->part_count; i++)
		handle_drop(ov, node, node->folder->parts[i].layer);
}

void handle_drop_lower_parts(struct overlay *ov, struct node *node)
{
	struct node_folder *folder = node->folder;

	while (folder->part_count > 1) {
		struct node_part *part = &folder->parts[--folder->part_count];

		handle_drop(ov, node, part->layer);
		free(part->path);
	}
}

/* ---- Opening ---- */

static const struct node_part *part_in(const struct node *node, unsigned layer)
{
	const struct node_folder *folder = node->folder;

	for (unsigned i = 0; folder && i < folder->part_count; i++)
		if (folder->parts[i].layer == layer)
			return &folder->parts[i];
	return NULL;
}

static int open_beneath(int dir_fd, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The folder's part, its parent's part being open (dir, or NULL where that is not needed). */
static int open_folder(struct overlay *ov, struct node *node, unsigned layer,
		       const struct handle *dir, struct handle **ret)
{
	const struct node_part *part = part_in(node, layer);
	int fd = -1;

	if (!part)
		return -ENOENT;
	if (node == ov->nodes.root)
		fd = open_beneath(ov->layers[layer].fd, ".", O_PATH | O_DIRECTORY);
	else if (part->path)
		fd = open_beneath(ov->layers[layer].fd, part->path, O_PATH | O_DIRECTORY);
	else
		fd = open_beneath(dir->fd, node->names->text, O_PATH | O_DIRECTORY);
	return fd < 0 ? fd : add(ov, node, layer, fd, false, false, ret);
}

/* True where a part can be opened without its parent's. */
static bool stands_alone(struct overlay *ov, const struct node *node, unsigned layer)
{
	const struct node_part *part = part_in(node, layer);

	return node == ov->nodes.root || !part || part->path || !node->names;
}

int handle_folder_locked(struct overlay *ov, struct node *node, unsigned layer, struct handle **ret)
{
	struct node *few[DEPTH];
	struct node **chain = few;
	size_t depth = 0;
	size_t room = DEPTH;
	struct handle *dir = NULL;
	int r = 0;

	/* Up to a folder that is open, or needs no other; trees may be deeper than any path. */
	for (struct node *at = node; !(dir = get(ov, at, layer)); at = at->names->parent) {
		if (depth == room) {
			struct node **more = malloc(2 * room * sizeof(struct node *));

			if (!more) {
				r = -ENOMEM;
				goto out;
			}
			for (size_t i = 0; i < depth; i++)
				more[i] = chain[i];
			if (chain != few)
				free(chain);
			chain = more;
			room *= 2;
		}
		chain[depth++] = at;
		if (stands_alone(ov, at, layer))
			break;
	}
	/* And down again. */
	while (r == 0 && depth > 0) {
		struct handle *above = dir;
		struct node *at = chain[--depth];

		dir = NULL;
		r = at != ov->nodes.root && !at->names ? -ESTALE
						       : open_folder(ov, at, layer, above, &dir);
		handle_put_p(ov, &above);
	}
	if (r == 0)
		*ret = dir;
out:
	if (chain != few)
		free(chain);
	return r;
}

int handle_folder(struct overlay *ov, struct node *node, unsigned layer, struct handle **ret)
{
	int r = 0;

	pthread_rwlock_rdlock(&ov->tree);
	r = handle_folder_locked(ov, node, layer, ret);
	pthread_rwlock_unlock(&ov->tree);
	return r;
}

static int open_data(struct overlay *ov, const struct node *node, int dir_fd, bool *ret_writable)
{
	struct layer *layer = &ov->layers[node->layer];
	const char *name = node->names->text;
	int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int fd = -1;

	/* An upper file is opened for all at once, unless it cannot be written (chattr +i, +a). */
	if (node->layer == UPPER) {
		fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		*ret_writable = fd >= 0;
		if (fd >= 0 || (errno != EPERM && errno != EROFS && errno != EACCES))
			return fd < 0 ? -errno : fd;
	}
	*ret_writable = false;
	/* Reading a layer shall not write to it. O_NOATIME is for owners alone. */
	fd = openat(dir_fd, name, flags | (layer->no_atime ? O_NOATIME : 0));
	if (fd < 0 && errno == EPERM && layer->no_atime) {
		layer->no_atime = false;
		fd = openat(dir_fd, name, flags);
	}
	return fd < 0 ? -errno : fd;
}

int handle_file_locked(struct overlay *ov, struct node *node, bool write, struct handle **ret)
{
	struct handle *handle = get(ov, node, node->layer);
	struct handle *dir = NULL;
	bool writable = false;
	int r = 0;

	if (handle && (!write || handle->writable)) {
		*ret = handle;
		return 0;
	}
	handle_put_p(ov, &handle);
	if (!node->names)
		return write ? -EROFS : -ESTALE;
	if (!node_is_regular(node))
		return -EINVAL;
	r = handle_folder_locked(ov, node->names->parent, node->layer, &dir);
	if (r < 0)
		return r;
	r = open_data(ov, node, dir->fd, &writable);
	handle_put(ov, dir);
	if (r >= 0 && write && !writable) {
		(void)close(r); /* nothing was written */
		r = -EROFS;
	}
	return r < 0 ? r : add(ov, node, node->layer, r, writable, false, ret);
}

int handle_file(struct overlay *ov, struct node *node, bool write, struct handle **ret)
{
	int r = 0;

	/* Between an unlink and its node's new state the name is gone but the descriptor pinned. */
	for (int i = 0; i < 3; i++) {
		pthread_rwlock_rdlock(&ov->tree);
		r = handle_file_locked(ov, node, write, ret);
		pthread_rwlock_unlock(&ov->tree);
		if (r != -ENOENT)
			break;
	}
	return r;
}

/* True where there is one already: it is pinned now. */
static bool pin_cached(struct overlay *ov, const struct node *node)
{
	struct handle_cache *cache = &ov->handles;
	struct handle *handle = NULL;

	pthread_mutex_lock(&cache->lock);
	handle = find(cache, node, node->layer);
	if (handle && !handle->pinned) {
		if (handle->refs == 0)
			idle_remove(cache, handle);
		handle->pinned = true;
	}
	pthread_mutex_unlock(&cache->lock);
	return handle != NULL;
}

void handle_unpin(struct overlay *ov, const struct node *node)
{
	struct handle_cache *cache = &ov->handles;
	struct handle *handle = NULL;

	pthread_mutex_lock(&cache->lock);
	handle = find(cache, node, node->layer);
	if (handle && handle->pinned) {
		handle->pinned = false;
		if (handle->refs == 0)
			idle_add(cache, handle);
	}
	pthread_mutex_unlock(&cache->lock);
}

int handle_pin_locked(struct overlay *ov, struct node *node)
{
	struct handle *dir = NULL;
	bool writable = false;
	int fd = -1;
	int r = 0;

	if (pin_cached(ov, node))
		return 0;
	r = handle_folder_locked(ov, node->names->parent, node->layer, &dir);
	if (r < 0)
		return r;
	if (node_is_regular(node))
		fd = open_data(ov, node, dir->fd, &writable);
	else
		fd = open_beneath(dir->fd, node->names->text, O_PATH | O_NOFOLLOW);
	handle_put(ov, dir);
	return fd < 0 ? fd : handle_adopt(ov, node, node->layer, fd, writable, true);
}

int handle_pin(struct overlay *ov, struct node *node)
{
	int r = 0;

	pthread_rwlock_rdlock(&ov->tree);
	r = handle_pin_locked(ov, node);
	pthread_rwlock_unlock(&ov->tree);
	return r;
}

/* ---- Places ---- */

int place_get(struct overlay *ov, struct node *node, struct place *ret_place)
{
	struct place place = { .name = "", .empty = AT_EMPTY_PATH, .fd = -1 };
	int r = 0;

	pthread_rwlock_rdlock(&ov->tree);
	if (node == ov->nodes.root || !node->names) {
		place.handle = get(ov, node, node->layer);
		if (!place.handle)
			r = node == ov->nodes.root
				    ? handle_folder_locked(ov, node, node->layer, &place.handle)
				    : -ESTALE;
	} else {
		r = handle_folder_locked(ov, node->names->parent, node->layer, &place.handle);
		place.name = node->names->text;
		place.empty = 0;
	}
	if (r < 0) {
		pthread_rwlock_unlock(&ov->tree);
		return r;
	}
	place.fd = place.handle->fd;
	*ret_place = place;
	return 0;
}

void place_put(struct overlay *ov, struct place *place)
{
	pthread_rwlock_unlock(&ov->tree);
	handle_put_p(ov, &place->handle);
}
