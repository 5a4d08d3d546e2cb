/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes as the mount shows them, and their changes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct found;
struct node;
struct overlay;
struct place;
struct spot;

/* What a layer's answer looks like from above: number, link count, owners. */
void attr_show(const struct overlay *ov, const struct node *node, struct stat *st);

/* The node's attributes as shown. 0 or a negative errno. */
int attr_get(struct overlay *ov, struct node *node, struct stat *ret_st);

/* Where to ask for attributes: a name in a folder, or the descriptor of a file without a name.
 * -EOPNOTSUPP: of such a node without a name there is no asking. */
int attr_spot(const struct node *node, const struct place *place, struct spot *ret_spot);

struct attr_change {
	const mode_t *mode; /* each NULL: stays */
	const uid_t *uid;
	const gid_t *gid;
	const off_t *size;
	bool has_times;
	struct timespec times[2]; /* access, modification; UTIME_OMIT and UTIME_NOW work */
	bool kill_ids;		  /* the writer has no right to keep set-id bits and capabilities */
};

/* Copies the node up and changes it. */
int attr_set(struct overlay *ov, struct node *node, const struct attr_change *change);

/* A symlink's target, of PATH_MAX bytes with its NUL at most. */
int attr_read_link(struct overlay *ov, struct node *node, char *ret_target);

/* Clears what a write by somebody without CAP_FSETID must clear: set-id bits, capabilities. */
int attr_kill_ids(struct overlay *ov, struct node *node);
