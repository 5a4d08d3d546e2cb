/* SPDX-License-Identifier: Apache-2.0 */
/* Deletions: how the upper layer says that something below is not there. */
#pragma once

struct node;
struct overlay;

enum whiteout_kind {
	WHITEOUT_DEVICE, /* a 0/0 character device */
	WHITEOUT_MARK,	 /* a file ".wh.NAME" beside it */
	WHITEOUT_XATTR,	 /* an empty file with an attribute, in a folder with another */
};

/* Finds out what this file system lets us make; once, before the first request. */
void whiteout_init(struct overlay *ov);

/*
 * Before one comes to parent's upper part dir_fd: the folder says that there may be some, where
 * that is needed. These all do it, too; the tree is held.
 */
int whiteout_expect(struct overlay *ov, struct node *parent, int dir_fd);
/* Marks name in parent's upper part dir_fd, which has no such name, as deleted. */
int whiteout_make(struct overlay *ov, struct node *parent, int dir_fd, const char *name);
/* The same over a file (not a folder) that is there, in one step. */
int whiteout_replace(struct overlay *ov, struct node *parent, int dir_fd, const char *name);
/* The same over a folder, which is removed with all that is in it. */
int whiteout_replace_folder(struct overlay *ov, struct node *parent, int dir_fd, const char *name);
/* Takes a ".wh.NAME" away; fine when there is none. */
int whiteout_forget_mark(int dir_fd, const char *name);
/* Makes the folder hide all below it. */
int whiteout_make_opaque(int dir_fd, const char *name);
