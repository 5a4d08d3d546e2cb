/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers that no image has any more. Runs in bryo after `rmi`; must never remove a layer that
 * somebody is about to refer to: a pull holds layers.lock (shared) until its image is published,
 * so whoever cannot have it exclusively leaves the garbage to the next removal.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/image/image.h"
#include "engine/image/record-internal.h"
#include "engine/image/store-internal.h"
#include "engine/storage/storage.h"

/* The diff ids of all images. One unreadable record ends it: then nothing may be removed. */
static int used_layers(const struct image_store *store, struct strv *layers, struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = image_store_ids(store, &ids, err);

	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		struct image image auto_done(image) = IMAGE_INIT;

		r = image_record_read(store->fd, ids.v[i], &image, err);
		if (r == -ENOENT) /* removed meanwhile */
			r = 0;
		else if (r == 0)
			strv_add_all(layers, &image.layers);
	}
	return r;
}

int image_store_collect_layers(const struct image_store *store, struct err *err)
{
	struct strv keep auto_done(strv) = STRV_INIT;
	struct storage storage auto_done(storage) = STORAGE_INIT;
	auto_close int store_lock = -1;
	auto_close int lock = openat(store->fd, "layers.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = 0;

	if (lock < 0)
		return err_set(err, -errno, "cannot open the image store's lock layers.lock");
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return 0;
	/* The store's own lock holds off containers that are just being made of these layers. */
	if ((r = storage_open(&storage, store->root, err)) < 0 ||
	    (r = storage_lock(&storage, true, &store_lock, err)) < 0 ||
	    (r = used_layers(store, &keep, err)) < 0)
		return r;
	return storage_layers_prune(&storage, NULL, &keep, NULL, err);
}
