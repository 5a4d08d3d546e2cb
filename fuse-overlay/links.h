/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hard links of lower layers. A file with several names is copied up once, under all names by which
 * it is seen: what is written by one name is read by the others, as in a plain file system (the
 * kernel's overlay breaks such links). The upper folder needs no index for that.
 */
#pragma once

#include <stddef.h>

struct node;
struct overlay;

/* Nodes that were looked up on the way, to be forgotten again. */
struct links_held {
	struct node **nodes;
	size_t count, capacity;
};

/*
 * Makes all names known (as node->names) by which this file of a lower layer is seen. The first
 * call for a layer reads through all of it. -ENOMEM, or errors of reading.
 */
int links_know(struct overlay *ov, struct node *node, struct links_held *held);
void links_release(struct overlay *ov, struct links_held *held);

/*
 * The names of a layer's files lead to other folders where a redirect does. So a folder that is, or
 * will be, moved so is kept in memory until it is removed. -ENOMEM
 */
int links_moved(struct overlay *ov, struct node *folder);
/* It was removed. The tree is not held. */
void links_unmoved(struct overlay *ov, struct node *folder);

/* Frees what was learned of layers. */
void links_done(struct overlay *ov);
