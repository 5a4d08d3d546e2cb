/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store: records, names, locks. Linked into bryo itself, so it must stay light: no
 * network, no compression, no digests computed here (bryo-image does that before it calls
 * image_put()). On-disk format: docs/formats/image.md.
 *
 * Crash safety: an image appears and disappears by one rename; the names file is replaced by one
 * rename. Whatever a killed process leaves half-made is swept by the next writer.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/str.h"
#include "engine/image/config.h"

struct err;
struct reference;

enum {
	IMAGE_ID_LEN = 64,		    /* hexadecimal digits of the config's SHA-256 */
	IMAGE_CONFIG_MAX = 4 * 1024 * 1024, /* bytes; containers/image's limit for both */
	IMAGE_MANIFEST_MAX = 4 * 1024 * 1024,
	IMAGE_LAYERS_MAX = 4096,
};

/* The store of one user. */
struct image_store {
	char *root; /* data root, absolute: images live in ROOT/images */
	int fd;	    /* ROOT/images */
};
#define IMAGE_STORE_INIT ((struct image_store){ .fd = -1 })

/* Opens the store below the data root (absolute), making its folder on first use. */
int image_store_open(const char *data_root, struct image_store *ret_store, struct err *err);
void image_store_done(struct image_store *store);

/* One image as its record tells it. */
struct image {
	char id[IMAGE_ID_LEN + 1];
	struct strv
		names; /* "docker.io/library/alpine:latest", "quay.io/x@sha256:..."; newest first */
	struct strv digests; /* "sha256:..." of the manifest, then of the index it came through */
	struct strv layers;  /* diff ids "sha256:...", lowest first */
	int64_t created;     /* nanoseconds since 1970, 0: unknown */
	uint64_t size;	     /* bytes: unpacked layers and config, as `images` shows it */
	char *os;
	char *architecture;
	char *variant; /* NULL: none */
	char *author;  /* NULL: none */
	char *comment; /* NULL: none */
	struct image_config config;
	int lock_fd; /* held shared while the struct lives (image_open), else -1 */
};
#define IMAGE_INIT ((struct image){ .lock_fd = -1, .config = IMAGE_CONFIG_INIT })
void image_done(struct image *image); /* releases the lock */

/*
 * Finds the image that name means, in Podman's order: full id or sha256:id, the name as given
 * (a short name as alias, localhost/, search registries, docker.io), id prefix, and last any
 * repository that ends in "/NAME". ret_name (may be NULL) gets the stored name that matched, or
 * NULL for an id; the caller owns it. No match: ERR_NOT_FOUND, "NAME: image not known".
 */
int image_resolve(const struct image_store *store, const char *name, char ret_id[IMAGE_ID_LEN + 1],
		  char **ret_name, struct err *err);

/*
 * Resolves and reads, and keeps the image from being removed until image_done(): hold it until
 * the container's record says which image it uses. The lock is on a descriptor: processes that
 * are forked meanwhile must close it (proc_stay() does).
 */
int image_open(const struct image_store *store, const char *name, struct image *ret_image,
	       struct err *err);

/* All images, newest first; without locks. An image removed meanwhile is left out. */
struct image_list {
	struct image *v;
	size_t count;
	size_t capacity;
};
#define IMAGE_LIST_INIT ((struct image_list){ 0 })
void image_list_done(struct image_list *list);
int image_list(const struct image_store *store, struct image_list *ret_list, struct err *err);

/* The verbatim bytes; id is the full one. The caller owns *ret_data. */
int image_read_config(const struct image_store *store, const char *id, char **ret_data,
		      size_t *ret_size, struct err *err);
int image_read_manifest(const struct image_store *store, const char *id, char **ret_data,
			size_t *ret_size, struct err *err);

/*
 * Gives the image of this full id a further name, taking it from the image that had it. The
 * name must be complete (see image_name_for_tag()).
 */
int image_add_name(const struct image_store *store, const char *id, const char *name,
		   struct err *err);

/*
 * What `tag SOURCE NAME` and `import NAME` make of a name: a short one is put under localhost/,
 * and ":latest" is added. A digest is refused. The caller owns *ret_name.
 */
int image_name_for_tag(const char *text, char **ret_name, struct err *err);

/* `bryo tag`: resolves source, normalises each name, adds it. */
int image_tag(const struct image_store *store, const char *source, const struct strv *names,
	      struct err *err);

/* `bryo untag`: takes these names away, or all when the list is empty. Unknown: ERR_NOT_FOUND. */
int image_untag(const struct image_store *store, const char *source, const struct strv *names,
		struct err *err);

/* How containers hang on an image: filled in by the caller, who alone knows containers. */
struct image_users {
	/* Adds the ids of the containers made from this image. */
	int (*list)(void *data, const char *image_id, struct strv *ret_containers, struct err *err);
	/* Removes one of them (rmi --force). */
	int (*remove)(void *data, const char *container, struct err *err);
	void *data;
};

struct image_remove_args {
	bool force;
	bool no_prune;			 /* accepted: images here have no parent records */
	const struct image_users *users; /* NULL: nobody uses images */
};

struct image_removed {
	struct strv untagged; /* for "Untagged: NAME" lines */
	struct strv deleted;  /* for "Deleted: ID" lines */
};
#define IMAGE_REMOVED_INIT ((struct image_removed){ 0 })
void image_removed_done(struct image_removed *removed);

/*
 * `bryo rmi NAME`: by the rules of podman rmi. A name among several is only untagged; the last
 * name, or an id, deletes the image and the layers nobody else has. An id with several names
 * wants force. In use: ERR_BUSY. Results are added to ret_removed.
 */
int image_remove(const struct image_store *store, const char *name,
		 const struct image_remove_args *args, struct image_removed *ret_removed,
		 struct err *err);

/* What bryo-image and commit hand over. Layers must be in engine/storage already. */
struct image_new {
	const char *id; /* SHA-256 of the config, hexadecimal: computed by the caller */
	const char *config;
	size_t config_size;
	const char *manifest;
	size_t manifest_size;
	const char *manifest_digest; /* "sha256:...", of the bytes above */
	const char *index_digest;    /* of the index it came through; NULL: none */
	const struct strv *layers;   /* diff ids */
	uint64_t layers_size;	     /* unpacked bytes */
	const struct strv *names;    /* complete; may be empty */
};

/*
 * Publishes an image, durably, and gives it its names. An image of this id that is there
 * already keeps its files and gains the digests and names.
 */
int image_put(const struct image_store *store, const struct image_new *image, struct err *err);

/*
 * Whoever adds layers holds this lock (shared) from before the first layer until after
 * image_put(): layers that no image refers to yet are garbage to everybody else. Returns a
 * descriptor to close, or a negative errno.
 */
int image_lock_layers(const struct image_store *store, struct err *err);
