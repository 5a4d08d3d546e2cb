/* SPDX-License-Identifier: Apache-2.0 */
/* Deletions: how the upper layer says that something below is not there. */
#pragma once

#include <stdbool.h>

struct overlay;

/* Finds out what this file system lets us make; once, before the first request. */
void whiteout_init(struct overlay *ov);

/* Marks name in the upper folder dir_fd, which has no such name, as deleted. */
int whiteout_make(struct overlay *ov, int dir_fd, const char *name);
/* The same over a file (not a folder) that is there, in one step. */
int whiteout_replace(struct overlay *ov, int dir_fd, const char *name);
/* The same over a folder, which is removed with all that is in it. */
int whiteout_replace_folder(struct overlay *ov, int dir_fd, const char *name);
/* Takes a ".wh.NAME" away; fine when there is none. */
int whiteout_forget_mark(int dir_fd, const char *name);
/* Makes the folder hide all below it. */
int whiteout_make_opaque(int dir_fd, const char *name);
