/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a tar stream to a layer's folder, and back. For bryo-image; takes bytes from strangers.
 * What the names in an archive mean is decided here, once for both ways.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/archive/tar.h"
#include "engine/base/buf.h"

struct err;

enum { UNPACK_PATH_MAX = 4096 };

struct unpack_args {
	int layer_fd; /* the layer's folder: diff/ is filled, kept/ made where it is needed */
	bool one_id;  /* all files are the caller's; owners are remembered (fuse-overlay.h) */
};

struct unpack_result {
	uint64_t files;
	uint64_t disk_size; /* by whole blocks of 4 kB */
	bool has_root;
	bool has_owners; /* some are remembered, and the root says so */
};

/* Unpacks all entries that reader has. 0 or a negative errno with err set. */
int unpack(struct tar_reader *reader, const struct unpack_args *args, struct unpack_result *ret,
	   struct err *err);

/*
 * The name as it stands below the layer's root: no leading slash, no "." and "..", "" for the root
 * itself. -EINVAL for names that lead outside, -ENAMETOOLONG.
 */
int unpack_clean_path(const char *path, char ret_clean[UNPACK_PATH_MAX]);

/*
 * Opens the folder that holds the cleaned path and points *ret_name at the last component.
 * Symlinks among the parents are followed as inside the container (as Docker's chroot does); none
 * leads out. flags of the descriptor: O_PATH. Returns it or a negative errno.
 */
int unpack_open_parent(int diff_fd, char *clean, const char **ret_name);

/*
 * Contents that the unpacked files do not hold are kept in kept/N, and why in kept/index, one
 * NUL-ended text each:
 *	"c NUMBER N"		the content of entry NUMBER
 *	"r NUMBER N PATH"	what stood at PATH until entry NUMBER replaced it
 */
#define KEPT_FOLDER "kept"
#define KEPT_INDEX "kept/index"
