/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners that a single id cannot give to a layer's files, kept in attributes of them as the FUSE
 * overlay reads them (fuse-overlay.h). For bryo-image, while it unpacks.
 */
#pragma once

struct tar_entry;

/*
 * Keeps the entry's owner and mode with the file fd (name ""), or with name in the folder fd. 1, or
 * 0 where that cannot be: fifos and devices take no attributes, nor do some file systems, and a
 * folder has room for those of a few symlinks only (ext4: 4 kB). All show the caller's then. Or a
 * negative errno.
 */
int owner_remember(int fd, const char *name, const struct tar_entry *entry);

/* Makes the layer's root say that there are such; its own are as they lie, if not kept already. */
int owner_mark_root(int diff_fd);
