/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The union file system for those who use it: a mount, and the daemon that serves it (program
 * bryo-overlay), which lives as long as the mount does. All that other folders see of this one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct stat;

struct fuse_overlay_range {
	uint32_t stored; /* ids that files bear, from this one on ... */
	uint32_t shown;	 /* ... are shown as these */
	uint32_t count;
};

struct fuse_overlay_args {
	const int *lower_fds; /* folders, highest first */
	size_t lower_count;
	int upper_fd; /* -1: read-only, without a work folder */
	int work_fd;  /* on the upper folder's file system, for its own use */
	bool read_only;
	bool is_volatile;	   /* never syncs */
	const char *selinux_label; /* of all files (context=), or NULL */
	const struct fuse_overlay_range *uids, *gids;
	size_t uid_count, gid_count;
	uint64_t size_limit, inode_limit; /* quota of the upper folder; 0: none */
	bool ignores_owners; /* all files are as they are, whatever layers remember: for a namespace
			      * that has no other ids */
};

/*
 * Gives a detached mount of the layers in *ret_mount_fd (fsmount(2)) when its daemon serves it.
 * When the last place where it is mounted and the descriptor are gone, the daemon ends. For root of
 * the user namespace that owns the caller's mount namespace (fuse(4); Linux 4.18).
 *
 * -EOPNOTSUPP (ERR_UNSUPPORTED): no /dev/fuse for us, or no bryo-overlay. Else what the daemon
 * said.
 */
int fuse_overlay_mount(const struct fuse_overlay_args *args, int *ret_mount_fd, struct err *err);

/*
 * The same by another program with fuse-overlayfs' command line (overlay.mount_program of
 * storage.conf(5)). place_fd: a folder in a mount namespace of the caller's own, where it is
 * mounted for a moment.
 */
int fuse_overlay_mount_by(const char *program, const struct fuse_overlay_args *args, int place_fd,
			  int *ret_mount_fd, struct err *err);

/* In the work folder: only this file system can show the upper folder as it is meant (".wh." files,
 * remembered owners, redirects of folders), or nothing else keeps its quota. */
#define FUSE_OVERLAY_MARK "fuse-overlay-only"

/*
 * Remembered owners, for who unpacks layers: an attribute of files and folders, as
 * containers/storage has it: "UID:GID:MODE:TYPE", MODE in octal, TYPE file, dir, symlink, pipe,
 * socket, block-MAJOR-MINOR or char-MAJOR-MINOR. A layer is read so if its root has the attribute.
 */
#define FUSE_OVERLAY_OWNER_XATTR "user.containers.override_stat"
enum { FUSE_OVERLAY_OWNER_MAX = 512 }; /* bytes of a value */
void fuse_overlay_owner(const struct stat *st, char ret_text[FUSE_OVERLAY_OWNER_MAX]);
/*
 * Lays a value ("UID:GID:MODE[:TYPE]") over st, the file's own attributes. -EIO: it is none, or
 * cannot be one of such a file: only a regular file may stand for another type, and for no folder.
 */
int fuse_overlay_owner_parse(const char *text, size_t size, struct stat *st);

/* A symlink can bear none: its owner is an attribute of its folder, "UID:GID:NAME", by the hash of
 * its name. */
#define FUSE_OVERLAY_LINK_XATTR "user.containers.override_link."
struct fuse_overlay_link_owner {
	char key[sizeof(FUSE_OVERLAY_LINK_XATTR) + 16];
	char value[FUSE_OVERLAY_OWNER_MAX];
};
void fuse_overlay_link_owner(const struct stat *st, const char *name,
			     struct fuse_overlay_link_owner *ret);
/* Lays such a value over st, if it is name's. -EIO: it is none. */
int fuse_overlay_link_owner_parse(const char *text, size_t size, const char *name, struct stat *st);

/* Hides what lies below a folder, as "user.overlay.opaque" does when that says something else. */
#define FUSE_OVERLAY_OPAQUE_XATTR "user.overlay.bryo.opaque"
/* True for what may say in "user.overlay.redirect" where a folder's lower parts are, as the kernel
 * has it: a name, or a path from the layers' root beginning with "/", without "..". */
bool fuse_overlay_redirect_is_valid(const char *value, size_t size);
