/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of storage share. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/base/str.h"
#include "engine/storage/storage.h"

struct err;

/* Format of the store, in the file "version". */
enum { STORAGE_VERSION = 1 };

/* Overlay's mark of a folder that hides the lower ones (overlayfs.rst, "userxattr"). */
#define STORAGE_OPAQUE_XATTR "user.overlay.opaque"
#define STORAGE_WHITEOUT_XATTR "user.overlay.whiteout"
#define STORAGE_REDIRECT_XATTR "user.overlay.redirect"

/* Path of something in a layer's folder, relative to layers/: "HEX/diff". */
struct layer_path {
	char text[160];
};
struct layer_path layer_path(const char *diff_id, const char *name);

/* In a layer's folder, empty: its files remember owners that they do not bear. */
#define LAYER_OWNERS "owners"

/* A random entry name in trash/ or tmp/. */
struct scratch_name {
	char text[40];
};
struct scratch_name scratch_name(const char *prefix);

/*
 * A private folder in tmp/, with a lock that keeps sweepers away; scratch_done() removes what is
 * still there under its name.
 */
struct scratch {
	int tmp_fd;
	int lock_fd;
	int fd;
	struct scratch_name name;
};
#define SCRATCH_INIT ((struct scratch){ .tmp_fd = -1, .lock_fd = -1, .fd = -1 })
int scratch_open(const struct storage *storage, const char *prefix, struct scratch *ret_scratch,
		 struct err *err);
void scratch_done(struct scratch *scratch);

/* Opens a folder of the data root ("tmp", "trash"), making it where it is missing. */
int storage_folder(const struct storage *storage, const char *name, int *ret_fd, struct err *err);
/* The folder tmp, for trees that are being made. */
int storage_tmp(const struct storage *storage, int *ret_fd, struct err *err);

/* ---- What a container is made of: the file rootfs/made-of ---- */

struct made_of {
	struct strv layers; /* lowest first */
	enum storage_driver driver;
	struct storage_range *uids, *gids; /* NULL: the store's ids */
	size_t uid_count, gid_count, uid_capacity, gid_capacity;
	uint64_t size_limit, inode_limit; /* 0: none */
	bool shows_owners;		  /* that layers remember */
};

void made_of_done(struct made_of *made);
int made_of_write(int rootfs_fd, const struct storage_container_args *args, struct err *err);
int made_of_read(int rootfs_fd, const char *id, struct made_of *ret_made, struct err *err);
/* The id map in it; false when there is none. */
bool made_of_idmap(const struct made_of *made, struct storage_idmap *ret_map);
/* The map for which its layers must be copied, in map; NULL: none, or the FUSE overlay shows it. */
const struct storage_idmap *made_of_shift(const struct made_of *made, struct storage_idmap *map);

/* Opens containers/ID/rootfs. ERR_NOT_FOUND where there is none. */
int storage_rootfs_open(const struct storage *storage, const char *id, int *ret_fd,
			struct err *err);

/* ---- Id maps ---- */

/* The outside id, or -EINVAL where the map has none. */
int idmap_outside(const struct storage_range *ranges, size_t count, uint32_t inside,
		  uint32_t *ret_outside);

/*
 * Opens the unpacked files of each layer, highest first (overlay's order): diff/ or, with a map,
 * its shifted copy, which is made now where it is missing. ret_fds has room for all; on failure
 * none stays open. ERR_NOT_FOUND names the missing layer.
 */
int storage_layers_open(const struct storage *storage, const struct strv *layers,
			const struct storage_idmap *idmap, int *ret_fds, struct err *err);

/* Makes the shifted copy of one layer; fine when it is there. */
int storage_layer_shift(const struct storage *storage, const char *diff_id,
			const struct storage_idmap *idmap, struct err *err);
/* Name of that copy in the layer's folder. */
struct scratch_name shift_name(const struct storage_idmap *idmap);

/* ---- Copies of trees ---- */

struct tree_copy_args {
	int from_fd;
	int to_fd;			   /* an existing folder; its own attributes are set too */
	const struct storage_idmap *idmap; /* owners go through it; NULL: as they are */
	/* Lay this tree over what to_fd holds, as overlay would: whiteouts delete, opaque folders
	 * empty. Else whiteouts and opaque marks are copied as they are. */
	bool merge;
};

/* Copies owner, mode, times, attributes, holes and hard links; no data where reflinks work. */
int tree_copy(const struct tree_copy_args *args, struct err *err);

/* ---- Marks of an overlay ---- */

struct stat;
/* True for the 0/0 character device by which overlay marks a deletion. */
bool is_whiteout(const struct stat *st);

/* What a folder's attributes say (fd: not O_PATH). */
enum mark {
	MARK_OPAQUE = 1,    /* hides what lies below */
	MARK_WHITEOUTS = 2, /* empty files in it may be whiteouts, by an attribute */
};
int marks_of(int fd);
/* True where name is a whiteout of either kind; marks: its folder's. */
bool marks_hide(int marks, int dir_fd, const char *name, const struct stat *st);
/* The same of one name, where the folder's marks are not known. */
bool marks_whiteout_at(int parent_fd, const char *name, const struct stat *st);
/* Makes the folder hide what lies below. Whiteouts by attribute in it go: they would be files. */
int marks_set_opaque(int fd);
/* Makes a whiteout: a 0/0 device, or where that may not be a file. -EEXIST, other errors. */
int marks_make_whiteout(int parent_fd, const char *name);

/* Whether a layer or upper folder remembers owners (fuse-overlay.h). */
bool owners_are_kept(int root_fd);
/* Lays what is remembered of name over st. */
void owners_look_over(int dir_fd, const char *name, struct stat *st);

/* ---- Drivers ---- */

struct driver_mount_args {
	const struct storage *storage;
	int rootfs_fd;	      /* of the container, -1 for layers alone */
	const int *lower_fds; /* highest first */
	size_t lower_count;
	bool read_only;
	bool is_volatile;
	const char *selinux_label;
	const struct made_of *made; /* NULL for layers alone */
};

struct driver {
	/* Makes what the container needs below rootfs. */
	int (*create)(const struct driver_mount_args *args, struct err *err);
	/* -EOPNOTSUPP (ERR_UNSUPPORTED): this host refuses this driver, another may serve. */
	int (*mount)(const struct driver_mount_args *args, int *ret_fd, struct err *err);
};

extern const struct driver driver_overlay;
extern const struct driver driver_fuse;
extern const struct driver driver_copy;

/* True where the FUSE overlay can be tried: its device is open to us, its program installed. */
bool fuse_is_there(void);
/* True for an upper folder that only the FUSE overlay shows as it is meant. */
bool fuse_only(int rootfs_fd);

/* The overlay as mount(2) takes it, for kernels before 6.7 with long lists of layers. */
int overlay_mount_classic(const struct driver_mount_args *args, int *ret_fd, struct err *err);

/* Gives the upper or copied root its owner and mode: the highest layer's that has any. */
int storage_root_attributes(const struct driver_mount_args *args, int root_fd, struct err *err);

/* Asks a mount of its own for what containers need of one: 0, or ERR_UNSUPPORTED saying what is
 * missing. For the probe, of either overlay. */
int overlay_try(const struct driver *driver, const struct storage *storage,
		const struct scratch *scratch, struct err *err);

/* ---- Layer records ---- */

int layer_record_write(int layer_fd, const struct storage_layer *layer, struct err *err);
/* What a record of the layer diff_id tells; has_root is not in it. */
int layer_record_parse(const json_t *json, const char *diff_id, struct storage_layer *ret_layer,
		       struct err *err);
