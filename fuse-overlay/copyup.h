/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy-up: what lies in a lower layer gets a copy of its own in the upper one, before it is
 * changed. It is made out of sight and put in its place in one step, so that a kill at any time
 * leaves the old state or the new one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct node;
struct overlay;

#define COPY_ALL INT64_MAX

/*
 * Copies node and the folders above it up, if they are not there. Of a file's data only the first
 * size bytes are taken, for truncation. -EROFS without an upper layer; errors of what it does.
 */
int node_copy_up(struct overlay *ov, struct node *node, off_t size);

/* The lock that keeps a node from being copied up, or removed while it is. */
struct copy_lock {
	unsigned first, second; /* second: for two nodes, COPY_LOCKS where there is one */
};
struct copy_lock copy_lock(struct overlay *ov, const struct node *node, const struct node *other);
void copy_unlock(struct overlay *ov, struct copy_lock lock);

/* A name in the work folder that nothing has. */
struct temp_name {
	char text[24];
};
struct temp_name temp_name(struct overlay *ov);

/* True for attributes that are marks of an overlay's, ours or another's. */
int is_overlay_xattr(const char *key);
