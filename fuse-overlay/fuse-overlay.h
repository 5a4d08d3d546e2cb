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
 * remembered owners, redirects of folders). */
#define FUSE_OVERLAY_MARK "fuse-overlay-only"
