/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of names: making, linking, removing, renaming. Each is called for one request, while the
 * kernel holds the folders' locks and knows whether the name is there.
 */
#pragma once

#include <sys/types.h>

#include "fuse-overlay/union.h"

struct node;
struct overlay;

/* Who asks: new files are theirs. */
struct asker {
	uid_t uid;
	gid_t gid;
	mode_t umask; /* counts where the folder has no default ACL */
};

struct make_args {
	struct asker asker;
	mode_t mode; /* with the type */
	dev_t rdev;
	const char *target; /* of a symlink */
};

/* Makes name in parent. ret_found is what is there then, found_done() it. */
int make_name(struct overlay *ov, struct node *parent, const char *name,
	      const struct make_args *args, struct found *ret_found);
/* A file without a name (O_TMPFILE), as a node with a lookup count of one. */
int make_nameless(struct overlay *ov, struct node *parent, const struct make_args *args,
		  struct node **ret_node);
/* A further name of node. */
int link_name(struct overlay *ov, struct node *node, struct node *parent, const char *name);

int remove_file(struct overlay *ov, struct node *parent, const char *name);
int remove_folder(struct overlay *ov, struct node *parent, const char *name);

/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE (renameat2(2)). -EXDEV for folders of lower layers. */
int rename_name(struct overlay *ov, struct node *parent, const char *name, struct node *new_parent,
		const char *new_name, unsigned flags);
