/* SPDX-License-Identifier: Apache-2.0 */
/* record.json of an image folder: built once from the config, read at every use. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "engine/image/image.h"

struct err;

/* Makes the record's JSON from what image_put() was handed. ERR_USAGE where the config is bad. */
int image_record_make(const struct image_new *image, json_t **ret_record, struct err *err);

/* Fills an image from the record's bytes; names and lock are the caller's. */
int image_record_parse(const char *data, size_t size, const char *id, struct image *ret_image,
		       struct err *err);

/* Reads and parses ROOT/images/ID/record.json. -ENOENT: no such image. */
int image_record_read(int store_fd, const char *id, struct image *ret_image, struct err *err);

/* Adds what the other way of arriving told (digests). Returns true when the record changed. */
bool image_record_add_digests(json_t *record, const struct image_new *image);
