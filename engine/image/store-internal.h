/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the image store that its own files share. */
#pragma once

#include "engine/image/image.h"

/*
 * Takes the image's lock, waiting for it: shared against removal, exclusive to remove. A
 * descriptor to close, or ERR_NOT_FOUND when there is no such image (any more).
 */
int image_store_lock_image(const struct image_store *store, const char *id, bool exclusive,
			   struct err *err);

/* Adds the ids of all images there are. */
int image_store_ids(const struct image_store *store, struct strv *ret_ids, struct err *err);

/* Removes the folders that killed writers left behind. Best effort. */
void image_store_sweep(const struct image_store *store);

/* Makes the name of a fresh folder for half-made or half-removed things. */
void image_store_scratch_name(char ret_name[24]);

/*
 * Removes the layers that no image's record names, unless someone is adding layers just now
 * (image_lock_layers): then the next removal does it.
 */
int image_store_collect_layers(const struct image_store *store, struct err *err);
