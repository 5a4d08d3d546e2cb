/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers on disk and root file systems made of them: what run, create, start and rm need.
 * Knows layers by their diff id ("sha256:" and 64 hex digits: the digest of the uncompressed
 * tar, as in rootfs.diff_ids of an image's config), containers by their id, and no image and no
 * reference. Linked into bryo: libc and jansson only. How layers come in and go out is layer.h.
 *
 * Below the data root (docs/formats/layer.md):
 *	version			format of the store, refused by name when it is newer
 *	lock			see storage_lock()
 *	layers/HEX/		diff/ record.json tar.zst [root] [blob-HEX] [kept/] [shift-HASH/]
 *	containers/ID/rootfs/	made-of, and upper/ work/ (overlay) or root/ (copy)
 *	tmp/			layers being made, each with a lock held by its maker
 *	trash/			what is being deleted
 *
 * All functions must run as root of the user namespace that owns the store (or as real root),
 * those that mount also in a mount namespace of that user namespace. Nothing here is kept in
 * memory between calls, so several threads and processes may use one store.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct strv;

struct storage {
	int root_fd;
	int layers_fd;
	int containers_fd;
	char *path; /* of the data root, for messages */
	/* Mounts the FUSE overlay in place of bryo-overlay, with fuse-overlayfs' command line
	 * (overlay.mount_program); NULL, or the opener's to set and keep. */
	const char *mount_program;
};
#define STORAGE_INIT ((struct storage){ .root_fd = -1, .layers_fd = -1, .containers_fd = -1 })

/*
 * Opens the store below data_root, making its folders where they are missing (mode 0700).
 * ERR_UNSUPPORTED for a store of a newer format. storage_done() closes it.
 */
int storage_open(struct storage *ret_storage, const char *data_root, struct err *err);
void storage_done(struct storage *storage);

/* ---- Drivers ---- */

enum storage_driver {
	STORAGE_AUTO,	 /* the best that works: tried in the order below */
	STORAGE_OVERLAY, /* the kernel's overlay, in a user namespace since Linux 5.11 */
	STORAGE_FUSE,	 /* our own overlay, in user space */
	STORAGE_COPY,	 /* a plain copy per container (reflinks where the file system can) */
};
enum { STORAGE_DRIVER_COUNT = 4 };

const char *
storage_driver_name(enum storage_driver driver); /* "auto", "overlay", "fuse-overlay", "copy" */
int storage_driver_parse(const char *name, enum storage_driver *ret_driver); /* 0 or -EINVAL */

struct storage_probe {
	enum storage_driver best;
	struct {
		bool works;
		char why_not[256]; /* one sentence; empty when it works */
	} drivers[STORAGE_DRIVER_COUNT];
	char fs_type[32]; /* of the data root: "ext4", "nfs", ... */
	bool reflinks;
};

/*
 * Tries each driver for real in a scratch folder of the store. The answer is remembered for this
 * boot, kernel and machine; again tries anew (`bryo doctor`). run never calls this: mounting with
 * STORAGE_AUTO simply tries overlay first.
 */
int storage_probe(const struct storage *storage, bool again, struct storage_probe *ret_probe,
		  struct err *err);

/* ---- Id maps ---- */

/* One line of uid_map or gid_map, user_namespaces(7): inside the container, and as the process
 * that calls us names the same id. */
struct storage_range {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

/*
 * For a container whose user namespace maps ids otherwise than the store's own (keep-id, auto):
 * the layers' owners are ids inside, and the container must find them there. The FUSE overlay
 * shows them so; for the other drivers layers are copied once per map ("shifted").
 */
struct storage_idmap {
	const struct storage_range *uids;
	size_t uid_count;
	const struct storage_range *gids;
	size_t gid_count;
};

/* ---- Containers' root file systems ---- */

struct storage_container_args {
	const char *id;
	const struct strv *layers;	   /* diff ids, lowest first as in an image's config */
	enum storage_driver driver;	   /* STORAGE_AUTO: decided at the first mount */
	const struct storage_idmap *idmap; /* NULL: the store's own ids */
	/* Quota of the container's own files; 0: none. The FUSE overlay enforces it, so it is what
	 * such a container is on: ERR_UNSUPPORTED with another driver, or where there is none. */
	uint64_t size_limit, inode_limit;
	/*
	 * The namespace has the ids that layers unpacked with a single one remember: the container
	 * is on the FUSE overlay, which shows them, if there are such layers and the driver is
	 * open. Else all files of those layers are root's.
	 */
	bool shows_owners;
};

/*
 * Makes containers/ID/rootfs (containers/ID must exist and be the caller's). ERR_NOT_FOUND where a
 * layer is missing, ERR_EXISTS where rootfs is there. Makes the shifted layers that idmap wants.
 * What a failure leaves behind is swept by storage_container_remove().
 */
int storage_container_create(const struct storage *storage,
			     const struct storage_container_args *args, struct err *err);

struct storage_mount_args {
	const struct storage *storage;
	const char *id; /* a container made by storage_container_create() */
	/* Or, for --mount type=image, the layers themselves, lowest first: read-only, no container.
	 */
	const struct strv *layers;
	const struct storage_idmap *idmap; /* with layers only: a container remembers its own */
	bool shows_owners;		   /* with layers only: as in storage_container_args */
	bool read_only; /* the mount is; the container's upper folder is used all the same */
	/*
	 * Nothing of the container needs to outlive a crash of the machine (--rm): the overlay is
	 * mounted "volatile", and unmounting it does not sync the host's file system.
	 */
	bool is_volatile;
	const char *selinux_label; /* of all files in it (context=), or NULL */
};

/*
 * Gives a detached mount of the root file system in *ret_mount_fd, for move_mount(2): no mount
 * point exists anywhere, so a kill -9 leaves nothing to clean. Call it in the container's new
 * mount namespace, as root of the user namespace that owns that. 0 or a negative errno with err
 * set.
 */
int storage_mount(const struct storage_mount_args *args, int *ret_mount_fd, struct err *err);

/* The same, attached at path: for external runtimes (--runtime), which want config.json's
 * root.path. */
int storage_mount_at(const struct storage_mount_args *args, const char *path, struct err *err);

/*
 * The driver that this container's root file system is on. One made with STORAGE_AUTO says overlay
 * until a mount finds that the kernel refuses that.
 */
int storage_container_driver(const struct storage *storage, const char *id,
			     enum storage_driver *ret_driver, struct err *err);

/* The layers that it was made of (diff ids, lowest first), added to ret_layers. */
int storage_container_layers(const struct storage *storage, const char *id, struct strv *ret_layers,
			     struct err *err);

/*
 * Removes containers/ID/rootfs, by way of trash/, so that a kill -9 leaves only what
 * storage_sweep() removes. A missing one is fine. It must not be mounted any more.
 */
int storage_container_remove(const struct storage *storage, const char *id, struct err *err);

/*
 * Moves name of dir_fd (on the data root's file system) into trash/, one rename, and leaves it
 * there for storage_sweep(). For whoever has somebody waiting: where each freed block is discarded
 * at once, deleting the few folders of an empty container takes longer than making and running it.
 * A monitor tells the exit status of a --rm container between the two. A missing name is fine.
 */
int storage_set_aside(const struct storage *storage, int dir_fd, const char *name, struct err *err);

/*
 * The same, and deletes it. Where a sweeper comes in between, the deleting is left to that one: the
 * name is gone all the same when this returns.
 */
int storage_discard(const struct storage *storage, int dir_fd, const char *name, struct err *err);

enum storage_change {
	STORAGE_CHANGED = 'C',
	STORAGE_ADDED = 'A',
	STORAGE_DELETED = 'D',
};

/*
 * Calls found() for each path ("/etc/x") in which the container differs from its layers, sorted by
 * path. A negative return of found() ends it.
 */
int storage_container_diff(const struct storage *storage, const char *id,
			   int (*found)(void *ctx, enum storage_change change, const char *path),
			   void *ctx, struct err *err);

/* Bytes in files that the container added or changed, and those plus its layers' tar streams, as
 * Podman counts them (ps --size). */
int storage_container_size(const struct storage *storage, const char *id, uint64_t *ret_written,
			   uint64_t *ret_all, struct err *err);

/* ---- Layers ---- */

enum { STORAGE_DIGEST_SIZE = 72 }; /* "sha256:", 64 hex digits, NUL */

struct storage_layer {
	char diff_id[STORAGE_DIGEST_SIZE];
	uint64_t tar_size;  /* of the uncompressed stream */
	uint64_t disk_size; /* of the unpacked files, measured once at unpacking */
	uint64_t files;	    /* entries in it */
	bool one_id;	    /* unpacked with all files the caller's */
	bool has_root;	    /* the archive said what "/" is like */
	int64_t created;    /* nanoseconds since 1970 */
	/* How it first came in: digest and size of the compressed stream ("" for a plain tar). */
	char blob_digest[STORAGE_DIGEST_SIZE];
	uint64_t blob_size;
	char blob_codec[8];
};

/* True for "sha256:" and 64 lower-case hex digits. */
bool storage_digest_valid(const char *digest);

bool storage_layer_exists(const struct storage *storage, const char *diff_id);
/* ERR_NOT_FOUND where there is none. */
int storage_layer_stat(const struct storage *storage, const char *diff_id,
		       struct storage_layer *ret_layer, struct err *err);
/* Adds the diff ids of all layers, sorted, to ret_ids. */
int storage_layer_list(const struct storage *storage, struct strv *ret_ids, struct err *err);

/*
 * The store's lock. Shared: from before a layer is put or found until an image's record names it
 * (storage_container_create() takes it by itself). Exclusive: from before the records are read
 * until storage_layers_prune() is done. Waits; *ret_fd is close-on-exec, closing it unlocks (so do
 * not fork while you hold it). On file systems without locks *ret_fd is -1.
 */
int storage_lock(const struct storage *storage, bool exclusive, int *ret_fd, struct err *err);

/*
 * Removes layers that neither keep (diff ids that images use) nor any container names, each by way
 * of trash/. Of candidates only, or of all when candidates is NULL. Adds what went to ret_removed
 * (may be NULL). The caller holds storage_lock() exclusively.
 */
int storage_layers_prune(const struct storage *storage, const struct strv *candidates,
			 const struct strv *keep, struct strv *ret_removed, struct err *err);

/*
 * Removes what killed commands left: trash, half-made layers without a living maker, containers'
 * half-made copies; not what somebody else is deleting this moment (flock(2) on the folder). Cheap
 * when there is nothing (two folder listings). For every command that writes.
 */
int storage_sweep(const struct storage *storage, struct err *err);
