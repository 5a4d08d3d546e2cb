/* SPDX-License-Identifier: Apache-2.0 */
/* The file system's requests, as libfuse hands them over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

struct found;
struct node;
struct overlay;

extern const struct fuse_lowlevel_ops overlay_ops;

/* What every operation starts with. */
struct overlay *ops_overlay(fuse_req_t req);
struct node *ops_node(fuse_req_t req, fuse_ino_t ino);
struct asker;
struct asker ops_asker(fuse_req_t req);
/* Answers with 0 or the errno of r. */
void ops_reply(fuse_req_t req, int r);

/*
 * What is called name in parent, for an answer that raises its lookup count. 0, -ENOENT, an error.
 */
int entry_find(struct overlay *ov, struct node *parent, const char *name,
	       struct fuse_entry_param *ret_entry);
/* The same of what was just found or made; takes found. */
int entry_take(struct overlay *ov, struct node *parent, const char *name, struct found *found,
	       struct fuse_entry_param *ret_entry);

/* Groups of operations, one file each. */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *key, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *key);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *data, off_t offset,
		  struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		  struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
			struct fuse_file_info *from_fi, fuse_ino_t to, off_t to_offset,
			struct fuse_file_info *to_fi, size_t size, int flags);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi);
/* A file is opened: tells in ret_fi how, and fi->fh is given back to op_release(). */
int ops_open_file(struct overlay *ov, struct node *node, struct fuse_file_info *ret_fi);
/* Called by the channel, which takes these requests apart itself: 0 or a negative errno. */
int op_setxattr(struct overlay *ov, struct node *node, const char *key, const char *value,
		size_t size, int flags);
int op_tmpfile(struct overlay *ov, struct node *folder, const struct asker *asker, mode_t mode,
	       struct fuse_entry_param *ret_entry);

/* ---- Names of extended attributes, as the upper layer has them and as they are shown ---- */

enum { KEY_MAX = 255 /* XATTR_NAME_MAX of <linux/limits.h> */ };

/* -ERANGE where the stored one is too long. */
int xattr_key_stored(const char *key, char stored[KEY_MAX + 1]);
/* A list as a layer gives it (llistxattr(2)) becomes what is shown, in place; its new size. */
size_t xattr_list_shown(const struct overlay *ov, char *list, size_t size);
