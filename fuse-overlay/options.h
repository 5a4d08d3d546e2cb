/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: fuse-overlayfs' own, so that bryo-overlay can stand in its place
 * (overlay.mount_program in storage.conf), and what bryo adds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/str.h"

struct err;

struct id_range {
	uint32_t stored; /* what files bear */
	uint32_t shown;
	uint32_t count;
};

struct options {
	char *mountpoint;
	struct strv lower; /* highest first */
	char *upper;
	char *work;
	struct id_range *uids, *gids;
	size_t uid_count, gid_count;
	bool squash_to_root, squash_to_uid, squash_to_gid;
	uint32_t squashed_uid, squashed_gid;
	double timeout; /* seconds for which the kernel may keep what it was told */
	uint64_t size_limit, inode_limit; /* of the upper folder; 0: none */
	bool is_volatile;		  /* never sync */
	bool ignores_owners;		  /* xattr_permissions=0: as if layers remembered none */
	bool remembers_owners;		  /* xattr_permissions=2: see override.h */
	bool no_acl;
	bool static_nlink;
	bool no_writeback; /* writes go through at once */
	bool read_only;
	bool foreground;
	bool debug;
	bool want_help, want_version;
	unsigned threads;  /* 0: by processors */
	struct strv mount; /* options for the mount itself: nosuid, nodev, context=... */
	/* From bryo (fuse-overlay.h): a channel that is mounted already, or -1, and where to tell
	 * that all is ready. */
	int device_fd;
	int ready_fd;
};

/* Reads argv (argv[0] aside). ERR_USAGE names what cannot be. Unknown -o options are only warned
 * of, in *ret_ignored, as fuse-overlayfs does. */
int options_parse(struct options *ret_options, int argc, char **argv, struct strv *ret_ignored,
		  struct err *err);
/* One "-o" list; for the fuzzer too. */
int options_parse_list(struct options *options, const char *list, struct strv *ret_ignored,
		       struct err *err);
void options_done(struct options *options);
