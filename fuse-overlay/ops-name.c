/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on names and on what is found by them. Runs in bryo-overlay, in every thread. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuse-overlay/attr.h"
#include "fuse-overlay/change.h"
#include "fuse-overlay/copyup.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"

struct overlay *ops_overlay(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct node *ops_node(fuse_req_t req, fuse_ino_t ino)
{
	/* The kernel gives back what it was given; the root's number is its own. */
	return ino == FUSE_ROOT_ID ? ops_overlay(req)->nodes.root : (struct node *)(uintptr_t)ino;
}

struct asker ops_asker(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct asker){ .uid = ctx->uid, .gid = ctx->gid, .umask = ctx->umask };
}

void ops_reply(fuse_req_t req, int r)
{
	/* What was open when its last name went, and could not be kept. */
	(void)fuse_reply_err(req, r == -ENOMEM ? ENOMEM : -r); /* a broken channel ends the loop */
}

/* ---- Entries ---- */

int entry_take(struct overlay *ov, struct node *parent, const char *name, struct found *found,
	       struct fuse_entry_param *ret_entry)
{
	struct stat st = found->st;
	struct node *node = NULL;
	int r = node_intern(ov, parent, name, found, &node);

	found_done(found);
	if (r < 0)
		return r;
	attr_show(ov, node, &st);
	*ret_entry = (struct fuse_entry_param){ .ino = (uintptr_t)node,
						.attr = st,
						.attr_timeout = ov->options.timeout,
						.entry_timeout = ov->options.timeout };
	return 0;
}

int entry_find(struct overlay *ov, struct node *parent, const char *name,
	       struct fuse_entry_param *ret_entry)
{
	int r = -EAGAIN;

	while (r == -EAGAIN) { /* something was copied up meanwhile */
		struct found found;

		r = union_find(ov, parent, name, &found);
		if (r == 0)
			r = entry_take(ov, parent, name, &found, ret_entry);
	}
	return r;
}

static void reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
	/* An answer that nobody took is a lookup that nobody will forget. */
	if (fuse_reply_entry(req, entry) == -ENOENT)
		node_forget(ops_overlay(req), (struct node *)(uintptr_t)entry->ino, 1);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct overlay *ov = ops_overlay(req);
	struct fuse_entry_param entry;
	int r = entry_find(ov, ops_node(req, parent), name, &entry);

	if (r == -ENOENT) { /* the kernel may remember that, too */
		entry = (struct fuse_entry_param){ .entry_timeout = ov->options.timeout };
		(void)fuse_reply_entry(req, &entry); /* a broken channel ends the loop */
	} else if (r < 0) {
		ops_reply(req, r);
	} else {
		reply_entry(req, &entry);
	}
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	node_forget(ops_overlay(req), ops_node(req, ino), count);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(ops_overlay(req), ops_node(req, forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}

/* ---- New names ---- */

static int make(fuse_req_t req, fuse_ino_t parent, const char *name, const struct make_args *args,
		struct fuse_entry_param *ret_entry)
{
	struct overlay *ov = ops_overlay(req);
	struct node *folder = ops_node(req, parent);
	struct found found;
	int r = make_name(ov, folder, name, args, &found);

	if (r == 0)
		r = entry_take(ov, folder, name, &found, ret_entry);
	/* Made, and then something else was copied up: it is there all the same. */
	if (r == -EAGAIN)
		r = entry_find(ov, folder, name, ret_entry);
	if (r == 0 && S_ISREG(args->mode))
		((struct node *)(uintptr_t)ret_entry->ino)->flags |= NODE_NO_CAPS;
	return r;
}

static void make_and_reply(fuse_req_t req, fuse_ino_t parent, const char *name,
			   const struct make_args *args)
{
	struct fuse_entry_param entry = { 0 };
	int r = make(req, parent, name, args, &entry);

	if (r < 0)
		ops_reply(req, r);
	else
		reply_entry(req, &entry);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	make_and_reply(req, parent, name,
		       &(struct make_args){ .asker = ops_asker(req), .mode = mode, .rdev = rdev });
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	make_and_reply(
		req, parent, name,
		&(struct make_args){ .asker = ops_asker(req), .mode = S_IFDIR | (mode & 07777) });
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	make_and_reply(req, parent, name,
		       &(struct make_args){
			       .asker = ops_asker(req), .mode = S_IFLNK | 0777, .target = target });
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	struct fuse_entry_param entry = { 0 };
	struct make_args args = { .asker = ops_asker(req), .mode = S_IFREG | (mode & 07777) };
	int r = make(req, parent, name, &args, &entry);

	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	r = ops_open_file(ops_overlay(req), (struct node *)(uintptr_t)entry.ino, fi);
	if (r < 0) {
		node_forget(ops_overlay(req), (struct node *)(uintptr_t)entry.ino, 1);
		ops_reply(req, r);
		return;
	}
	if (fuse_reply_create(req, &entry, fi) == -ENOENT)
		node_forget(ops_overlay(req), (struct node *)(uintptr_t)entry.ino, 1);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct overlay *ov = ops_overlay(req);
	struct node *node = ops_node(req, ino);
	struct fuse_entry_param entry = { .ino = ino,
					  .attr_timeout = ov->options.timeout,
					  .entry_timeout = ov->options.timeout };
	int r = link_name(ov, node, ops_node(req, parent), name);

	if (r == 0)
		r = attr_get(ov, node, &entry.attr);
	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	node_ref(ov, node);
	reply_entry(req, &entry);
}

int op_tmpfile(struct overlay *ov, struct node *folder, const struct asker *asker, mode_t mode,
	       struct fuse_entry_param *ret_entry)
{
	struct node *node = NULL;
	int r = make_nameless(
		ov, folder, &(struct make_args){ .asker = *asker, .mode = S_IFREG | mode }, &node);

	if (r < 0)
		return r;
	node->flags |= NODE_NO_CAPS;
	*ret_entry = (struct fuse_entry_param){ .ino = (uintptr_t)node,
						.attr_timeout = ov->options.timeout,
						.entry_timeout = ov->options.timeout };
	r = attr_get(ov, node, &ret_entry->attr);
	if (r < 0)
		node_forget(ov, node, 1);
	return r;
}

/* ---- Names that go or move ---- */

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	ops_reply(req, remove_file(ops_overlay(req), ops_node(req, parent), name));
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	ops_reply(req, remove_folder(ops_overlay(req), ops_node(req, parent), name));
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	ops_reply(req, rename_name(ops_overlay(req), ops_node(req, parent), name,
				   ops_node(req, new_parent), new_name, flags));
}

/* ---- Opening: without a quota never asked again ---- */

enum { OPEN_PLAIN = 0, OPEN_MAPPED = 1 /* as fuse_file_info.fh: quota_close() is due */ };

int ops_open_file(struct overlay *ov, struct node *node, struct fuse_file_info *ret_fi)
{
	int r = 0;

	ret_fi->fh = OPEN_PLAIN;
	ret_fi->keep_cache = 1;
	/* mmap(2) with MAP_SHARED and PROT_WRITE wants both. */
	if (!ov->quota.is_on || (ret_fi->flags & O_ACCMODE) != O_RDWR)
		return 0;
	r = node_copy_up(ov, node, COPY_ALL);
	if (r < 0)
		return r;
	if (quota_open(ov, node)) {
		ret_fi->fh = OPEN_MAPPED;
	} else {
		ret_fi->keep_cache = 0;
		ret_fi->direct_io = 1;
	}
	return 0;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct overlay *ov = ops_overlay(req);
	/* The answer is for all files, at once and for good. */
	int r = ov->quota.is_on ? ops_open_file(ov, ops_node(req, ino), fi) : -ENOSYS;

	if (r < 0)
		ops_reply(req, r);
	else if (fuse_reply_open(req, fi) == -ENOENT && fi->fh == OPEN_MAPPED)
		quota_close(ov, ops_node(req, ino)); /* interrupted: it is not open */
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino; /* as for open, and no quota wants to know */
	(void)fi;
	ops_reply(req, -ENOSYS);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino; /* there is nothing to do at a close: as for open */
	(void)fi;
	ops_reply(req, -ENOSYS);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	/* Without a quota only of files made before the first open. */
	if (fi->fh == OPEN_MAPPED)
		quota_close(ops_overlay(req), ops_node(req, ino));
	ops_reply(req, 0);
}

const struct fuse_lowlevel_ops overlay_ops = {
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
	.open = op_open,
	.flush = op_flush,
	.release = op_release,
	.read = op_read,
	.write_buf = op_write_buf,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_release,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.fallocate = op_fallocate,
	.copy_file_range = op_copy_file_range,
	.lseek = op_lseek,
};
