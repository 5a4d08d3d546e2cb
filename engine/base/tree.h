/* SPDX-License-Identifier: Apache-2.0 */
/* Whole trees: copying them with all that belongs to their files, and a step on each file. */
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
 * Calls use() for all below fd, a folder after what it holds, and for fd itself last. use() gets an
 * O_PATH descriptor, for a folder a readable one; symlinks are not followed. What is removed
 * meanwhile is passed over. 0 or the first error.
 */
int tree_walk(int fd, int (*use)(int fd, void *data), void *data);

/*
 * Changes the owner of a whole tree below fd, of the folder itself too; symlinks themselves.
 * 0 or the first error.
 */
int tree_chown(int fd, unsigned int uid, unsigned int gid);
