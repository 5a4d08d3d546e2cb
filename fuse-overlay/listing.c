/* SPDX-License-Identifier: Apache-2.0 */
/* Merged listings: see listing.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "fuse-overlay/grow.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"
#include "fuse-overlay/union.h"

enum { KEPT = 16, READ_SIZE = 32 * 1024, FIRST_OFFSET = 3 };

enum entry_flag {
	ENTRY_HIDDEN = 1,     /* a whiteout: hides the name in lower layers */
	ENTRY_OWN_NUMBER = 2, /* of an upper folder, symlink, ...: a lower one's takes its place */
	ENTRY_LAST = 4,	      /* but of no layer below entry.layer, which hides them */
};

struct listing_cache {
	pthread_mutex_t lock;
	uint64_t key; /* of the hash: names cannot be chosen to collide */
	struct {
		const struct node *node;
		struct listing *listing;
	} kept[KEPT];
	unsigned next;
};

/* ---- Names and their order ---- */

static uint64_t hash_name(uint64_t key, const char *name)
{
	uint64_t hash = key;

	for (; *name; name++) {
		hash = (hash ^ (uint8_t)*name) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	hash = (hash ^ (hash >> 32)) * 0xbf58476d1ce4e5b9ULL;
	hash = (hash ^ (hash >> 29)) & INT64_MAX;
	return hash < FIRST_OFFSET ? hash + FIRST_OFFSET : hash;
}

static int add_name(struct listing *l, const char *name, uint32_t *ret_at)
{
	size_t size = strlen(name) + 1;

	if (l->names_size + size > l->names_capacity) {
		size_t capacity = l->names_capacity ? 2 * l->names_capacity : 1024;
		char *names = NULL;

		if (capacity > UINT32_MAX)
			return -ENOMEM;
		names = realloc(l->names, capacity);
		if (!names)
			return -ENOMEM;
		l->names = names;
		l->names_capacity = capacity;
	}
	*ret_at = (uint32_t)l->names_size;
	memcpy(l->names + l->names_size, name, size);
	l->names_size += size;
	return 0;
}

static int add_entry(struct listing *l, const char *name, struct listing_entry entry)
{
	int r = add_name(l, name, &entry.name);

	if (r == 0 && !GROW(l->entries, l->count, l->capacity))
		r = -ENOMEM;
	if (r == 0)
		l->entries[l->count++] = entry;
	return r;
}

static void listing_free(struct listing *l)
{
	if (!l)
		return;
	free(l->entries);
	free(l->names);
	free(l);
}

/* ---- Merging: names seen so far, by hash ---- */

struct merge {
	struct overlay *ov;
	struct node *node;
	struct listing *listing;
	uint32_t *
		slots; /* index of an entry + 1; 0: free. NULL: one layer alone, nothing to merge */
	size_t slot_count;
	bool has_whiteouts; /* the part that is read may have some that are regular files */
};

static struct listing_entry *merge_find(const struct merge *m, const char *name, uint64_t hash)
{
	for (size_t i = hash & (m->slot_count - 1); m->slots && m->slots[i];
	     i = (i + 1) & (m->slot_count - 1)) {
		struct listing_entry *entry = &m->listing->entries[m->slots[i] - 1];

		if (entry->offset == hash && strcmp(m->listing->names + entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

static void merge_index(struct merge *m, size_t index)
{
	size_t i = m->listing->entries[index].offset & (m->slot_count - 1);

	while (m->slots[i])
		i = (i + 1) & (m->slot_count - 1);
	m->slots[i] = (uint32_t)index + 1;
}

static int merge_grow(struct merge *m)
{
	size_t count = m->slot_count ? 2 * m->slot_count : 64;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(m->slots);
	m->slots = slots;
	m->slot_count = count;
	for (size_t i = 0; i < m->listing->count; i++)
		merge_index(m, i);
	return 0;
}

/* As union_find() has it. A ".wh.NAME" hides what is below its layer, whichever is read first. */
static void take_number(struct listing_entry *old, const struct listing_entry *entry)
{
	if (old->flags & ENTRY_LAST && entry->layer != old->layer) {
		old->flags &= (uint8_t)~ENTRY_OWN_NUMBER;
	} else if (entry->flags & ENTRY_HIDDEN) {
		old->flags |= ENTRY_LAST;
		old->layer = entry->layer;
	} else {
		if (entry->type == old->type)
			old->ino = entry->ino;
		old->flags &= (uint8_t)~ENTRY_OWN_NUMBER;
	}
}

static int merge_add(struct merge *m, const char *name, const struct listing_entry *entry)
{
	struct listing_entry *old = merge_find(m, name, entry->offset);
	int r = 0;

	if (old) {
		/* A layer that has both ".wh.NAME" and NAME shows its own. */
		if (old->layer == entry->layer && old->flags & ENTRY_HIDDEN &&
		    !(entry->flags & ENTRY_HIDDEN)) {
			uint32_t at = old->name;

			*old = *entry;
			old->name = at;
			old->flags |= ENTRY_LAST;
		} else if (old->flags & ENTRY_OWN_NUMBER) {
			take_number(old, entry);
		}
		return 0;
	}
	r = add_entry(m->listing, name, *entry);
	if (r == 0 && m->slots) {
		if (m->listing->count * 2 > m->slot_count)
			return merge_grow(m);
		merge_index(m, m->listing->count - 1);
	}
	return r;
}

/* ---- Reading ---- */

/* linux_dirent64, getdents64(2). */
struct raw_entry {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
} __attribute__((packed));

/* An upper folder shows the number of its highest lower part: that of its name, unless redirected.
 */
static int number_folder(const struct merge *m, int dir_fd, const char *name,
			 struct listing_entry *entry)
{
	int marks = 0;
	struct found found;

	if (!m->slots && !overlay_follows(m->ov))
		return 0;
	marks = folder_marks(m->ov, dir_fd, name);
	if (marks < 0 || marks & FOLDER_OPAQUE)
		return marks < 0 ? marks : 0;
	if (marks & FOLDER_REDIRECT) {
		/* One that cannot be followed has a name still. */
		if (union_find(m->ov, m->node, name, &found) < 0)
			return 0;
		entry->ino = found.ino;
		found_done(&found);
	} else if (m->slots) {
		entry->flags |= ENTRY_OWN_NUMBER;
	}
	return 0;
}

/* Such a file with such an attribute: most have none. */
static int is_whiteout_file(const struct overlay *ov, int dir_fd, const char *name)
{
	struct stat st;
	int r = whiteout_by_xattr(ov, dir_fd, name);

	if (r <= 0)
		return r == -ENOENT ? 0 : r;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return whiteout_may_be_file(&st);
}

static int take_entry(struct merge *m, unsigned layer, int dir_fd, const struct raw_entry *raw)
{
	struct overlay *ov = m->ov;
	const char *name = raw->name;
	struct listing_entry entry = { .type = raw->type, .layer = (uint16_t)layer };
	struct stat st;
	int r = 0;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (whiteout_name(name)) {
		if (!m->slots || strcmp(name, OPAQUE_NAME) == 0)
			return 0;
		name += sizeof(WHITEOUT_PREFIX) - 1;
		entry.flags = ENTRY_HIDDEN;
	} else if (entry.type == DT_CHR || entry.type == DT_UNKNOWN) {
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -errno;
		entry.type = (uint8_t)IFTODT(st.st_mode);
		if (whiteout_device(&st))
			entry.flags = ENTRY_HIDDEN;
	}
	if (entry.type == DT_REG && m->has_whiteouts && !entry.flags) {
		r = is_whiteout_file(ov, dir_fd, name);
		if (r < 0)
			return r;
		if (r)
			entry.flags = ENTRY_HIDDEN;
	}
	if (entry.flags & ENTRY_HIDDEN && !m->slots)
		return 0;
	if (entry.flags & ENTRY_HIDDEN)
		entry.type = DT_UNKNOWN; /* a mark may be a folder, and is not asked for its own */
	if (entry.type == DT_REG && ov->layers[layer].override_key) {
		const struct spot spot = { dir_fd, name };

		st = (struct stat){ .st_mode = S_IFREG };
		r = override_read(ov, layer, &spot, &st);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		entry.type = (uint8_t)IFTODT(st.st_mode);
	}
	entry.ino = layer_number(ov, layer, raw->ino);
	if (layer == UPPER && entry.type == DT_REG && ov->has_numbers) {
		st = (struct stat){ .st_mode = S_IFREG, .st_ino = raw->ino };
		entry.ino = union_upper_number(ov, dir_fd, name, &st);
	}
	if (layer == UPPER && entry.type == DT_DIR)
		r = number_folder(m, dir_fd, name, &entry);
	else if (layer == UPPER && entry.type != DT_REG && m->slots &&
		 !(entry.flags & ENTRY_HIDDEN))
		entry.flags |= ENTRY_OWN_NUMBER;
	if (r < 0)
		return r;
	entry.offset = hash_name(ov->listings->key, name);
	return merge_add(m, name, &entry);
}

static int read_part(struct merge *m, struct node *node, unsigned layer)
{
	struct handle *dir = NULL;
	auto_free char *buffer = malloc(READ_SIZE);
	auto_close int fd = -1;
	int r = buffer ? handle_folder(m->ov, node, layer, &dir) : -ENOMEM;

	if (r < 0)
		return r;
	fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	handle_put(m->ov, dir);
	if (fd < 0)
		return -errno;
	pthread_rwlock_rdlock(&m->ov->tree);
	r = whiteout_folder(m->ov, node_part_in(node, layer), fd);
	pthread_rwlock_unlock(&m->ov->tree);
	if (r < 0)
		return r;
	m->has_whiteouts = r;
	r = 0;
	for (;;) {
		long n = syscall(SYS_getdents64, fd, buffer, READ_SIZE);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; r == 0 && at < n;) {
			const struct raw_entry *raw = (const void *)(buffer + at);

			r = take_entry(m, layer, fd, raw);
			at += raw->size;
		}
		if (r < 0)
			return r;
	}
}

static int compare(const void *a, const void *b)
{
	const struct listing_entry *x = a;
	const struct listing_entry *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Drops what is hidden, and puts the rest in order; equal hashes get different offsets. */
static void finish(struct listing *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		if (!(l->entries[i].flags & ENTRY_HIDDEN))
			l->entries[count++] = l->entries[i];
	l->count = count;
	if (count)
		qsort(l->entries, count, sizeof(l->entries[0]), compare);
	for (size_t i = 1; i < count; i++)
		if (l->entries[i].offset <= l->entries[i - 1].offset)
			l->entries[i].offset = l->entries[i - 1].offset + 1;
}

/* The layers that have a part of node now, highest first; the caller frees. */
static int copy_parts(struct overlay *ov, const struct node *node, uint16_t **ret_layers,
		      unsigned *ret_count)
{
	const struct node_folder *folder = node->folder;
	int r = -ENOMEM;

	pthread_rwlock_rdlock(&ov->tree);
	*ret_count = folder->part_count;
	*ret_layers = malloc(folder->part_count * sizeof(**ret_layers));
	for (unsigned i = 0; *ret_layers && i < folder->part_count; i++) {
		(*ret_layers)[i] = folder->parts[i].layer;
		r = 0;
	}
	pthread_rwlock_unlock(&ov->tree);
	return r;
}

static int listing_make(struct overlay *ov, struct node *node, struct listing **ret_listing)
{
	struct merge m = { .ov = ov, .node = node, .listing = calloc(1, sizeof(*m.listing)) };
	auto_free uint16_t *layers = NULL;
	unsigned count = 0;
	int r = m.listing ? copy_parts(ov, node, &layers, &count) : -ENOMEM;

	if (r == 0 && count > 1)
		r = merge_grow(&m);
	for (unsigned i = 0; r == 0 && i < count; i++)
		r = read_part(&m, node, layers[i]);
	free(m.slots);
	if (r < 0) {
		listing_free(m.listing);
		return r;
	}
	finish(m.listing);
	m.listing->refs = 1;
	*ret_listing = m.listing;
	return 0;
}

/* ---- Keeping ---- */

int listings_init(struct overlay *ov)
{
	struct listing_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	if (getrandom(&cache->key, sizeof(cache->key), 0) != sizeof(cache->key)) {
		free(cache);
		return -EIO;
	}
	ov->listings = cache;
	return -pthread_mutex_init(&cache->lock, NULL);
}

/* The cache's lock is held. */
static void unref(struct listing *listing)
{
	if (listing && --listing->refs == 0)
		listing_free(listing);
}

void listings_done(struct overlay *ov)
{
	for (unsigned i = 0; ov->listings && i < KEPT; i++)
		unref(ov->listings->kept[i].listing);
	free(ov->listings);
	ov->listings = NULL;
}

static void forget(struct listing_cache *cache, const struct node *node)
{
	for (unsigned i = 0; i < KEPT; i++) {
		if (cache->kept[i].node != node)
			continue;
		unref(cache->kept[i].listing);
		cache->kept[i].node = NULL;
		cache->kept[i].listing = NULL;
	}
}

static void keep(struct listing_cache *cache, const struct node *node, struct listing *listing)
{
	forget(cache, node);
	unref(cache->kept[cache->next].listing);
	listing->refs++;
	cache->kept[cache->next].node = node;
	cache->kept[cache->next].listing = listing;
	cache->next = (cache->next + 1) % KEPT;
}

int listing_get(struct overlay *ov, struct node *node, uint64_t offset,
		struct listing **ret_listing)
{
	struct listing_cache *cache = ov->listings;
	struct listing *listing = NULL;
	int r = 0;

	pthread_mutex_lock(&cache->lock);
	for (unsigned i = 0; offset > 0 && !listing && i < KEPT; i++)
		if (cache->kept[i].node == node)
			listing = cache->kept[i].listing;
	if (listing)
		listing->refs++;
	pthread_mutex_unlock(&cache->lock);
	if (!listing) {
		r = listing_make(ov, node, &listing);
		if (r < 0)
			return r;
		pthread_mutex_lock(&cache->lock);
		keep(cache, node, listing);
		pthread_mutex_unlock(&cache->lock);
	}
	*ret_listing = listing;
	return 0;
}

void listing_put(struct overlay *ov, struct node *node, struct listing *listing, int is_done)
{
	struct listing_cache *cache = ov->listings;

	pthread_mutex_lock(&cache->lock);
	for (unsigned i = 0; is_done && i < KEPT; i++)
		if (cache->kept[i].node == node && cache->kept[i].listing == listing)
			forget(cache, node);
	unref(listing);
	pthread_mutex_unlock(&cache->lock);
}

void listing_drop(struct overlay *ov, const struct node *node)
{
	pthread_mutex_lock(&ov->listings->lock);
	forget(ov->listings, node);
	pthread_mutex_unlock(&ov->listings->lock);
}

size_t listing_seek(const struct listing *listing, uint64_t offset)
{
	size_t low = 0;
	size_t high = listing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (listing->entries[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int listing_is_empty(struct overlay *ov, struct node *node)
{
	struct listing *listing = NULL;
	int r = listing_make(ov, node, &listing);

	if (r < 0)
		return r;
	r = listing->count ? -ENOTEMPTY : 0;
	listing_free(listing);
	return r;
}
