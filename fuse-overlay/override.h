/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remembered ownership: owner, mode and device of a file in an attribute of it, where the file
 * system, or a user namespace with a single id, cannot give them to the file itself. The attribute
 * is containers/storage's and fuse-overlayfs' (fuse-overlay.h, docs/formats/layer.md). A layer is
 * read so if its root bears one.
 *
 * Attributes of users are refused on symlinks, fifos, sockets and devices (xattr(7)). In an upper
 * folder these are marked regular files, a symlink's content its target. In layers, which the
 * kernel's overlay shall show as well, symlinks are symlinks, and their owners stand in an
 * attribute of the folder.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

struct overlay;
struct spot;

/* The attribute that the layer's root bears, and so its files; NULL: none. */
const char *override_key(int root_fd);
/* Makes an upper folder's root bear it. 0, or a negative errno. */
int override_begin(int root_fd);

/* True for what is never shown, where a layer bears such attributes. */
bool override_is_key(const char *key);

/*
 * What is remembered of the file at spot of a layer over st, its own attributes; nothing where the
 * layer bears none. -EIO for what is no such value, errors of reading.
 */
int override_read(const struct overlay *ov, unsigned layer, const struct spot *spot,
		  struct stat *st);
/* Remembers owner, mode, type and device of an upper file. */
int override_write(const struct spot *spot, const struct stat *st);
/* The mode that such a file itself has: enough for who keeps it, nothing special. */
mode_t override_disk_mode(mode_t mode);
