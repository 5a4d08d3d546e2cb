/* SPDX-License-Identifier: Apache-2.0 */
/* Copying whole trees with all that belongs to their files. */
#pragma once

/*
 * Copies what the folder from_fd holds into the folder to_fd, and from_fd's own owner, mode,
 * times and xattrs onto it: files (by reflink where the file system can), folders, symlinks,
 * device nodes where the caller may make them (else left out), fifos, sockets, hard links
 * within the tree. Follows no symlink. An xattr that the target refuses is left out. 0 or the
 * first error (it stops there).
 */
int tree_clone(int from_fd, int to_fd);

/*
 * Changes the owner of a whole tree below fd, of the folder itself too; symlinks themselves.
 * 0 or the first error.
 */
int tree_chown(int fd, unsigned int uid, unsigned int gid);
