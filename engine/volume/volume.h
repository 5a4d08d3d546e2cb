/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: named folders that outlive containers. ROOT/volumes/NAME/_data holds the files,
 * volume.json beside it the record (docs/formats/volume.md). A volume appears and disappears
 * by one rename. Locks: a volume being filled (copy-up) holds a lock on its record's folder;
 * whoever makes or deletes one holds a shared lock on volumes/ meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/json.h"
#include "engine/base/str.h"

struct err;

struct volume_store {
	char *root; /* the data root, absolute */
	int fd;	    /* ROOT/volumes */
};
#define VOLUME_STORE_INIT ((struct volume_store){ .fd = -1 })

int volume_store_open(const char *data_root, struct volume_store *ret_store, struct err *err);
void volume_store_done(struct volume_store *store);

struct volume_args {
	const char *name; /* NULL: 64 random digits */
	bool anonymous;
	const struct strv *labels;  /* may be NULL */
	const struct strv *options; /* driver options; only none are supported */
	bool ignore_existing;
};

/* Makes a volume. ERR_EXISTS unless ignore_existing. *ret_name is the caller's. */
int volume_create(const struct volume_store *store, const struct volume_args *args, char **ret_name,
		  struct err *err);

/* Names, sorted. */
int volume_list(const struct volume_store *store, struct strv *ret_names, struct err *err);

/* Full name for a name or an unambiguous beginning of one. ERR_NOT_FOUND. */
int volume_find(const struct volume_store *store, const char *text, char **ret_name,
		struct err *err);

/* The object of `podman volume inspect`. */
int volume_inspect(const struct volume_store *store, const char *name, json_t **ret_object,
		   struct err *err);

/* True when it was made for a container without a name for it. */
bool volume_is_anonymous(const struct volume_store *store, const char *name);

/* Path of its files; the caller's. */
char *volume_path(const struct volume_store *store, const char *name);

/* Removes it with its files; whether somebody uses it is the caller's question. */
int volume_remove(const struct volume_store *store, const char *name, struct err *err);

/* Deletes what killed commands left half-made or half-removed. For commands that write. */
void volume_sweep(const struct volume_store *store);

/*
 * Fills a volume that was never used with what lies at path below root_fd (the image's files):
 * contents, and owner and mode of the folder itself. A volume that has files, or was filled
 * before, is left alone. Safe when two containers start at once.
 */
int volume_copy_up(const struct volume_store *store, const char *name, int root_fd,
		   const char *path, struct err *err);
