/* SPDX-License-Identifier: Apache-2.0 */
/* Reading through all of a layer, as it lies on the disk. */
#pragma once

struct dirent;

struct walk_entry {
	int dir_fd;	    /* the folder that it is in */
	const char *folder; /* its path from the layer's root; "" for the root itself */
	const struct dirent *entry;
	void *ctx;
};

/*
 * Calls use() for everything below root_fd but "." and "..", a folder before what it holds, each
 * folder to its end before the next. Follows no symlink; a folder that has gone meanwhile is passed
 * over. However deep the tree is, one folder is open at a time. Stops at the first error, use()'s
 * or reading's: a negative errno.
 */
int walk_layer(int root_fd, int (*use)(const struct walk_entry *at), void *ctx);

/* "FOLDER/NAME" in fresh memory, or NULL. */
char *walk_path(const char *folder, const char *name);
