/* SPDX-License-Identifier: Apache-2.0 */
/* What a name means in a merged folder: the layers asked from the highest to the lowest. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fuse-overlay/node.h"

struct overlay;

struct found {
	struct stat st; /* of the highest part, as the layer has it */
	unsigned layer;
	uint64_t ino;		    /* as shown */
	struct node_folder *folder; /* all parts of a folder; the caller's to free; or NULL */
	bool is_marked;		    /* a regular file that stands for what st says */
	uint64_t copies;	    /* of ov, when the search began */
};
void found_done(struct found *found);

/* Looks name up in parent. 0, -ENOENT, or what a layer answered. */
int union_find(struct overlay *ov, struct node *parent, const char *name, struct found *ret_found);

/* Looks name up in parent's lower parts alone: 1 where it is there, 0 where it is not. */
int union_below(struct overlay *ov, struct node *parent, const char *name);

/* The same, and its attributes (may be NULL), and where it lies. */
int union_find_below(struct overlay *ov, struct node *parent, const char *name, struct stat *ret_st,
		     unsigned *ret_layer);

/* The inode number kept with an upper file at copy-up, or its own. */
uint64_t union_upper_number(struct overlay *ov, int dir_fd, const char *name,
			    const struct stat *st);
