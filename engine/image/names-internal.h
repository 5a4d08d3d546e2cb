/* SPDX-License-Identifier: Apache-2.0 */
/* The names file of the image store (docs/formats/image.md): who is called what. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct strv;

struct image_name_entry {
	const char *id;	  /* 64 hexadecimal digits */
	const char *name; /* complete: domain, path, and tag or digest */
};

struct image_names {
	struct image_name_entry *v; /* oldest first */
	size_t count;
	size_t capacity;
	char *data; /* what the entries point into */
	char **own; /* further strings they point to */
	size_t own_count;
	size_t own_capacity;
};
#define IMAGE_NAMES_INIT ((struct image_names){ 0 })
void image_names_done(struct image_names *names);

/* Reads ROOT/images/names; a missing file is the empty map. Ill-formed lines are an error. */
int image_names_load(int store_fd, struct image_names *ret_names, struct err *err);

/* The same bytes, parsed; data is taken over (freed by image_names_done) whatever is returned. */
int image_names_parse(char *data, size_t size, struct image_names *ret_names, struct err *err);

/* Replaces the file durably. The caller holds image_names_lock(). */
int image_names_save(int store_fd, const struct image_names *names, struct err *err);

/* Waits for the exclusive lock; returns a descriptor to close, or a negative errno. */
int image_names_lock(int store_fd, struct err *err);

const char *image_names_find(const struct image_names *names, const char *name); /* id or NULL */
/* Names the image, taking the name from whoever had it. */
void image_names_set(struct image_names *names, const char *id, const char *name);
bool image_names_unset(struct image_names *names, const char *name);
/* All names of an image, newest first, added to the list. */
void image_names_of(const struct image_names *names, const char *id, struct strv *list);
