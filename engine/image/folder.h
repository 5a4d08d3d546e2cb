/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of files that may as well lie in a tar archive: what image layouts are made of.
 * Reading never follows a symbolic link out of it. For bryo-image.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct folder;

/* A real folder. */
int folder_open_dir(const char *path, struct folder **ret_folder, struct err *err);

/*
 * An archive from an open file or pipe, compressed or not. fd is taken over, also on failure. What
 * is not a plain tar in a regular file is unpacked into an unnamed file below scratch_dir first.
 */
int folder_open_archive(int fd, const char *scratch_dir, struct folder **ret_folder,
			struct err *err);
void folder_close(struct folder *folder); /* NULL is fine */

/* "a/b" as offset and size within *ret_fd, which stays the folder's. -ENOENT: no such file. */
int folder_locate(struct folder *folder, const char *name, int *ret_fd, int64_t *ret_offset,
		  uint64_t *ret_size, struct err *err);

/* A whole file of at most max bytes, NUL-terminated, owned by the caller. */
int folder_read(struct folder *folder, const char *name, size_t max, char **ret_data,
		size_t *ret_size, struct err *err);
