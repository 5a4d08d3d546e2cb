/* SPDX-License-Identifier: Apache-2.0 */
/* Listings. Runs in bryo-overlay, in every thread. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "fuse-overlay/attr.h"
#include "fuse-overlay/channel.h"
#include "fuse-overlay/listing.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"

/* An answer as it grows. */
struct answer {
	fuse_req_t req;
	struct overlay *ov;
	struct node *folder;
	bool is_plus;
	char *buffer;
	size_t size, used;
};

static uint64_t parent_number(struct overlay *ov, const struct node *folder)
{
	uint64_t ino = 0;

	pthread_rwlock_rdlock(&ov->tree);
	ino = folder->names ? folder->names->parent->ino : folder->ino;
	pthread_rwlock_unlock(&ov->tree);
	return ino;
}

/* 1 where there is no room for it. */
static int add_plain(struct answer *a, const char *name, uint64_t ino, uint8_t type,
		     uint64_t offset)
{
	const struct stat st = { .st_ino = ino, .st_mode = (mode_t)DTTOIF(type) };
	size_t room = a->size - a->used;
	size_t n = 0;

	if (a->is_plus) { /* node id 0: nothing is looked up by it */
		const struct fuse_entry_param entry = { .attr = st };

		n = fuse_add_direntry_plus(a->req, a->buffer + a->used, room, name, &entry,
					   (off_t)offset);
	} else {
		n = fuse_add_direntry(a->req, a->buffer + a->used, room, name, &st, (off_t)offset);
	}
	if (n > room)
		return 1;
	a->used += n;
	return 0;
}

/* With its attributes. What has gone meanwhile is left out. */
static int add_plus(struct answer *a, const char *name, uint64_t offset)
{
	struct fuse_entry_param entry;
	size_t room = a->size - a->used;
	size_t n = 0;
	int r = 0;

	/* Nothing is looked up for an entry that has no room. */
	if (fuse_add_direntry_plus(a->req, NULL, 0, name, NULL, 0) > room)
		return 1;
	r = entry_find(a->ov, a->folder, name, &entry);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	n = fuse_add_direntry_plus(a->req, a->buffer + a->used, room, name, &entry, (off_t)offset);
	a->used += n;
	return 0;
}

static int add_dots(struct answer *a, uint64_t offset)
{
	int r = 0;

	if (offset < 1)
		r = add_plain(a, ".", a->folder->ino, DT_DIR, 1);
	if (r == 0 && offset < 2)
		r = add_plain(a, "..", parent_number(a->ov, a->folder), DT_DIR, 2);
	return r;
}

static int add_entries(struct answer *a, const struct listing *listing, uint64_t offset)
{
	int r = 0;

	for (size_t i = listing_seek(listing, offset); r == 0 && i < listing->count; i++) {
		const struct listing_entry *entry = &listing->entries[i];
		const char *name = listing->names + entry->name;

		r = a->is_plus ? add_plus(a, name, entry->offset)
			       : add_plain(a, name, entry->ino, entry->type, entry->offset);
	}
	return r;
}

static void answer(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	struct overlay *ov = ops_overlay(req);
	struct answer a = { .req = req,
			    .ov = ov,
			    .folder = ops_node(req, ino),
			    .is_plus = is_plus,
			    .buffer = channel_buffer(size),
			    .size = size };
	struct listing *listing = NULL;
	int r = a.buffer ? 0 : -ENOMEM;

	if (r == 0)
		r = a.folder->folder ? listing_get(ov, a.folder, (uint64_t)offset, &listing)
				     : -ENOTDIR;
	if (r == 0) {
		r = add_dots(&a, (uint64_t)offset);
		if (r == 0)
			r = add_entries(&a, listing, (uint64_t)offset);
		listing_put(ov, a.folder, listing, a.used == 0);
	}
	/* What was added has been looked up, and must be told. */
	if (r < 0 && a.used == 0)
		ops_reply(req, r);
	else
		(void)fuse_reply_buf(req, a.buffer, a.used); /* see ops_reply() */
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	(void)fi; /* folders are not opened here */
	answer(req, ino, size, offset, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	(void)fi; /* folders are not opened here */
	answer(req, ino, size, offset, true);
}
