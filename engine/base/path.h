/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that come from images, containers or users are resolved beneath a directory
 * descriptor by the kernel (openat2(2)), never by string. The string helpers here are only for
 * paths of our own making and for showing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens path as a container rooted at root_fd sees it: absolute symlinks and ".." stay inside
 * (RESOLVE_IN_ROOT), magic links are refused. flags are open(2)'s; O_CLOEXEC is added. Returns
 * the descriptor or a negative errno.
 */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode);

/*
 * Opens path beneath dir_fd, following no symlink at all (RESOLVE_BENEATH|NO_SYMLINKS). For
 * trees of our own.
 */
int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode);

/*
 * Makes path and its parents beneath root_fd as a container sees it, symlinks inside the root
 * followed (mkdir -p in a chroot, without one). New folders get mode. Returns an O_PATH
 * descriptor of the last folder or a negative errno (-ENOTDIR where a file is in the way).
 */
int path_mkdir_in_root(int root_fd, const char *path, mode_t mode);

/*
 * Makes the parents of path like path_mkdir_in_root() and then an empty regular file, unless
 * something is there already. Returns an O_PATH descriptor of it or a negative errno.
 */
int path_touch_in_root(int root_fd, const char *path, mode_t dir_mode, mode_t file_mode);

/* mkdir -p for a path of our own; 0 or a negative errno. Existing folders are left alone. */
int path_mkdir_all(const char *path, mode_t mode);

/* "/a//b/../c/." gives "/a/c": by string alone. Relative paths stay so. Caller owns. */
char *path_clean(const char *path);
/* Base and name with one slash between; an absolute name replaces the base. Caller owns. */
char *path_join(const char *base, const char *name);
/* What follows the last slash. */
const char *path_name(const char *path);
/* True for one plain component: not empty, no slash, not "." or "..", at most 255 bytes. */
bool path_is_name(const char *name);
