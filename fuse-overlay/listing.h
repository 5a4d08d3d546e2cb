/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a merged folder. Entries come in the order of a keyed hash of their names, and that
 * hash is their offset: so a listing can go on from any offset, made anew or not, whatever was
 * added or removed meanwhile, and shows what stays exactly once. No request opens or closes folders
 * (OPENDIR is answered ENOSYS); the last few listings are kept for who reads on.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct node;
struct overlay;

struct listing_entry {
	uint64_t offset; /* from 3 on, to INT64_MAX; rising */
	uint64_t ino;
	uint32_t name;	/* in names */
	uint8_t type;	/* DT_... */
	uint8_t flags;	/* listing.c's */
	uint16_t layer; /* where it was found */
};

struct listing {
	struct listing_entry *entries;
	size_t count, capacity;
	char *names;
	size_t names_size, names_capacity;
	unsigned refs;
};

int listings_init(struct overlay *ov);
void listings_done(struct overlay *ov);

/*
 * The folder's listing, for entries after offset; offset 0 makes it anew. To be given back by
 * listing_put().
 */
int listing_get(struct overlay *ov, struct node *node, uint64_t offset,
		struct listing **ret_listing);
/* is_done: its reader has come to the end, nobody reads on. */
void listing_put(struct overlay *ov, struct node *node, struct listing *listing, int is_done);
/* The node goes. */
void listing_drop(struct overlay *ov, const struct node *node);
/* Index of the first entry behind offset. */
size_t listing_seek(const struct listing *listing, uint64_t offset);

/* 0 where nothing is in the folder, -ENOTEMPTY, or an error. */
int listing_is_empty(struct overlay *ov, struct node *node);
