/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of an OCI mount (runtime-spec config.md, "Linux mount options"; mount(8)) sorted
 * into what the new mount calls take: attributes for mount_setattr(2), propagation, our own
 * verbs, and data for the file system.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/str.h"

struct err;

struct mount_options {
	/* MOUNT_ATTR_* for the mount itself, and (the r* options) for all below it too. */
	uint64_t set;
	uint64_t clear;
	uint64_t set_all;
	uint64_t clear_all;
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE; 0: not given */
	bool propagation_all;
	bool bind;
	bool bind_all; /* rbind */
	bool remount;
	bool copy_up;	/* tmpcopyup */
	bool idmap;	/* with the mount's own mappings, or the container's */
	bool idmap_all; /* ridmap */
	bool source_nofollow;
	bool target_nofollow;
	bool copy_symlink;
	const char **data; /* "size=64m", "sync": borrowed from the list; the array is owned */
	size_t data_count;
};
void mount_options_done(struct mount_options *options);

/* Never fails: what is not an option of mount(8) is data, and the file system has its say. */
void mount_options_parse(const struct strv *list, struct mount_options *ret_options);

/* All names that are understood, for `features`; NULL beyond the last. */
const char *mount_option_name(size_t index);

/* "rslave" gives MS_SLAVE | MS_REC; 0 for an unknown one. */
unsigned long mount_propagation_flags(const char *name);
