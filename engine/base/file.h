/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files and whole trees, by directory descriptor. AT_FDCWD works where a dir_fd is asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads a regular file of at most max bytes into fresh memory, NUL-terminated. The caller owns
 * *ret_data. 0, -EFBIG, or open's and read's errors. Pseudo files of /proc work too.
 */
int file_read_at(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_size);

/* How durable a replaced file is. */
enum file_sync {
	FILE_NO_SYNC, /* state that a reboot makes worthless */
	FILE_SYNC,    /* fdatasync the file before the rename, and the folder after it */
};

/*
 * Makes a new file, which must not be there (-EEXIST), with no step between empty and whole: for
 * files that nobody looks for before another one tells that they are there.
 */
int file_create_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
		   enum file_sync sync);

/*
 * Replaces name in dir_fd by data in one step (temporary file in the same folder, then
 * renameat): readers see the old or the new content, never a part.
 */
int file_replace_at(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
		    enum file_sync sync);

/*
 * For a full disk, after file_replace_at() said -ENOSPC: writes over the existing file where it
 * lies, in the blocks that it has; what is left of a longer old content becomes empty lines. A
 * crash of the machine in the midst may leave a mixture. -ENOSPC where the data does not fit.
 */
int file_overwrite_at(int dir_fd, const char *name, const void *data, size_t size,
		      enum file_sync sync);
/* The one, and where the disk or the quota is full the other. */
int file_replace_or_overwrite_at(int dir_fd, const char *name, const void *data, size_t size,
				 mode_t mode, enum file_sync sync);

/* Writes data to an existing file in one write, as /proc and cgroup files want it. */
int file_poke_at(int dir_fd, const char *name, const char *data);

/*
 * Removes name beneath dir_fd, a file or a whole tree, following no symlink and crossing no
 * mount (a mount point inside gives -EBUSY). Folders without permission bits are opened up
 * first when they are ours. A missing name is fine. 0 or the first error met; it removes what
 * it can all the same.
 */
int file_remove_tree(int dir_fd, const char *name);

/*
 * Copies the open source to the open destination from their offsets: FICLONE,
 * copy_file_range, then read and write. 0 or a negative errno.
 */
int file_copy_data(int from_fd, int to_fd);

/* Bytes (st_blocks * 512) and entries of a tree; unreadable parts are left out. */
int file_tree_usage(int dir_fd, const char *name, uint64_t *ret_bytes, uint64_t *ret_entries);
