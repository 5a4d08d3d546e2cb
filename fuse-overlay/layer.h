/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers: folders that are laid over each other, and the marks in them that hide what lies below
 * (Documentation/filesystems/overlayfs.rst; the OCI image spec, layer.md, "Whiteouts").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "fuse-overlay/fuse-overlay.h"

struct err;
struct node;
struct node_part;
struct overlay;

enum { UPPER = 0 /* index of the one layer that is written to */ };
enum { LAYERS_LIMIT = 65000 };

struct layer {
	int fd;			  /* O_PATH, its root */
	dev_t device;		  /* of its root */
	uint8_t number;		  /* of its file system, counted from 0 over all layers */
	bool no_atime;		  /* open(2) takes O_NOATIME for what is in it */
	const char *override_key; /* the attribute in which it remembers owners, or NULL */
};

/* Prefix of names that mark deletions in layers, and are never shown. */
#define WHITEOUT_PREFIX ".wh."
#define OPAQUE_NAME ".wh..wh..opq"

/* Our own attributes: below overlay's prefix, so that the kernel's driver hides them as well. */
#define XATTR_OVERLAY "user.overlay."
/* A user's own ones of that prefix are kept below this one (as the kernel does since Linux 6.7). */
#define XATTR_ESCAPED "user.overlay.overlay."
#define XATTR_NUMBER "user.overlay.bryo.ino"
#define XATTR_OPAQUE "user.overlay.opaque"
#define XATTR_WHITEOUT "user.overlay.whiteout"
/* Of an upper folder whose XATTR_OPAQUE says already that whiteouts may be in it. */
#define XATTR_OWN_OPAQUE FUSE_OVERLAY_OPAQUE_XATTR
#define XATTR_REDIRECT "user.overlay.redirect"
/* The kernel's, where it is mounted by real root without userxattr: read, never made. */
#define XATTR_TRUSTED_OPAQUE "trusted.overlay.opaque"
#define XATTR_TRUSTED_WHITEOUT "trusted.overlay.whiteout"
#define XATTR_TRUSTED_REDIRECT "trusted.overlay.redirect"

/* Opens the folders named by the options. */
int layers_open(struct overlay *ov, struct err *err);
/* Which of them remember owners (override.h). Once all folders named by the options are open:
 * asking for attributes leaves the working directory. */
void layers_learn_owners(struct overlay *ov);
void layers_close(struct overlay *ov);

/* The inode number shown for one of a layer's: unique over all layers' file systems. */
uint64_t layer_number(const struct overlay *ov, unsigned layer, uint64_t ino);

bool whiteout_name(const char *name);
bool whiteout_device(const struct stat *st);
/* 1 where a layer hides name by a file ".wh.NAME", 0 where it does not; or an error, which must not
 * be taken for "no": what is deleted would be seen. dir_fd: the folder in that layer. */
int whiteout_file(int dir_fd, const char *name);
/*
 * Whiteouts where there can be no 0/0 devices, on another overlay (Linux 6.7, overlayfs.rst,
 * "Nesting overlayfs mounts"): empty regular files with an attribute, in a folder whose opaque
 * attribute is "x". Elsewhere nobody looks for them. All of these: 1, 0 or an error.
 */
bool whiteout_may_be_file(const struct stat *st);
int whiteout_by_xattr(const struct overlay *ov, int dir_fd, const char *name);
/* Whether there may be some in dir_fd; part: that folder's, which remembers it, or NULL. The tree
 * is held where there is one. */
int whiteout_folder(const struct overlay *ov, struct node_part *part, int dir_fd);
/* Whether the file name of it, with attributes st, is a whiteout of either kind. */
int whiteout_is(const struct overlay *ov, struct node_part *part, int dir_fd, const char *name,
		const struct stat *st);

/* The same of what is at name in a folder's upper part; 0 also where nothing is. */
int whiteout_is_at(const struct overlay *ov, const struct node *folder, int dir_fd,
		   const char *name);

/* What marks the folder name of dir_fd bears, or an error. */
enum folder_mark {
	FOLDER_OPAQUE = 1,    /* hides what lies below it */
	FOLDER_REDIRECT = 2,  /* its lower parts lie elsewhere, or so it says: see redirect.h */
	FOLDER_WHITEOUTS = 4, /* regular files in it may be whiteouts */
};
int folder_marks(const struct overlay *ov, int dir_fd, const char *name);

/*
 * Attributes by folder and name, no symlink followed. Linux has no such calls before 6.13: the
 * thread's own working directory goes there first (unshare(CLONE_FS), see channel.c). name NULL: of
 * what fd itself is, which is then no folder's but an open file. Negative errnos.
 */
struct spot {
	int fd;
	const char *name;
};
ssize_t xattr_get(int fd, const char *name, const char *key, void *value, size_t size);
ssize_t xattr_list(int fd, const char *name, char *list, size_t size);
int xattr_set(int fd, const char *name, const char *key, const void *value, size_t size, int flags);
int xattr_remove(int fd, const char *name, const char *key);
