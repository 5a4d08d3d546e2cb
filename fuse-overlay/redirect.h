/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirects: an attribute of a folder that says where the layers below have its lower parts, which
 * then do not lie under its name (Documentation/filesystems/overlayfs.rst, "redirect_dir"). It is
 * a name in the parent's part, or a path from the layers' root beginning with "/". Renaming a
 * folder of lower layers makes one, instead of copying all that is in it.
 *
 * What lies in a layer is foreign: names are looked up one by one, never "..", no symlink.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct node;
struct overlay;

/* The redirect of the folder name of dir_fd. -ENODATA: none; -EINVAL: what is there is none. */
int redirect_read(const struct overlay *ov, int dir_fd, const char *name, char value[PATH_MAX]);

/* Goes on in path by a name, or by a redirect that is found there. -ENAMETOOLONG */
int redirect_append(char path[PATH_MAX], const char *value);

/*
 * Before a merged folder of the upper layer is renamed: says on the disk, then in its node, where
 * its lower parts lie. stays: in the same parent. Until it is renamed that changes nothing. dir_fd:
 * its parent's upper part. ov->tree is held exclusively. -EXDEV where it cannot be said.
 */
int redirect_set(struct overlay *ov, struct node *node, int dir_fd, bool stays);
