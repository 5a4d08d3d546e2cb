/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store on disk: open, read, list, publish. See image.h for the contract and
 * docs/formats/image.md for the format. Runs in bryo and bryo-image.
 */
#include "engine/image/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/path.h"
#include "engine/image/names-internal.h"
#include "engine/image/record-internal.h"
#include "engine/image/store-internal.h"

void image_store_done(struct image_store *store)
{
	free(store->root);
	fd_close(&store->fd);
	*store = IMAGE_STORE_INIT;
}

int image_store_open(const char *data_root, struct image_store *ret_store, struct err *err)
{
	auto_free char *path = path_join(data_root, "images");
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0 && errno == ENOENT) {
		r = path_mkdir_all(path, 0700);
		if (r < 0)
			return err_set(err, r, "cannot make the image store %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set(err, -errno, "cannot open the image store %s", path);
	*ret_store = (struct image_store){ .root = xstrdup(data_root), .fd = fd_take(&fd) };
	return 0;
}

void image_done(struct image *image)
{
	strv_done(&image->names);
	strv_done(&image->digests);
	strv_done(&image->layers);
	free(image->os);
	free(image->architecture);
	free(image->variant);
	free(image->author);
	free(image->comment);
	image_config_done(&image->config);
	fd_close(&image->lock_fd);
	*image = IMAGE_INIT;
}

void image_list_done(struct image_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		image_done(&list->v[i]);
	free(list->v);
	*list = IMAGE_LIST_INIT;
}

int image_store_lock_image(const struct image_store *store, const char *id, bool exclusive,
			   struct err *err)
{
	char path[IMAGE_ID_LEN + 8];
	auto_close int fd = -1;
	struct stat held;
	struct stat there;

	snprintf(path, sizeof(path), "%s/lock", id);
	fd = openat(store->fd, path, (exclusive ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_say(err, ERR_NOT_FOUND, "%s: image not known", id);
	if (fd < 0)
		return err_set(err, -errno, "cannot open the lock of image %.12s", id);
	while (flock(fd, exclusive ? LOCK_EX : LOCK_SH) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "cannot lock image %.12s", id);
	/* Whoever removed the image held the lock while we waited: is it still the same? */
	if (fstat(fd, &held) < 0 || fstatat(store->fd, path, &there, 0) < 0 ||
	    held.st_ino != there.st_ino || held.st_dev != there.st_dev)
		return err_say(err, ERR_NOT_FOUND, "%s: image not known", id);
	return fd_take(&fd);
}

int image_open(const struct image_store *store, const char *name, struct image *ret_image,
	       struct err *err)
{
	struct image image auto_done(image) = IMAGE_INIT;
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	auto_close int lock = -1;
	char id[IMAGE_ID_LEN + 1];
	int r = image_resolve(store, name, id, NULL, err);

	if (r < 0)
		return r;
	lock = image_store_lock_image(store, id, false, err);
	if (lock < 0)
		return lock;
	if ((r = image_record_read(store->fd, id, &image, err)) < 0 ||
	    (r = image_names_load(store->fd, &names, err)) < 0)
		return r;
	image_names_of(&names, id, &image.names);
	image.lock_fd = fd_take(&lock);
	*ret_image = image;
	image = IMAGE_INIT;
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct image *x = a;
	const struct image *y = b;

	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	return strcmp(x->id, y->id);
}

int image_store_ids(const struct image_store *store, struct strv *ret_ids, struct err *err)
{
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;

	if (!dir) {
		int r = -errno;

		fd_close(&fd);
		return err_set(err, r, "cannot read the image store %s/images", store->root);
	}
	while ((e = readdir(dir)))
		if (str_is_hex(e->d_name, IMAGE_ID_LEN))
			strv_add(ret_ids, e->d_name);
	(void)closedir(dir); /* reading only */
	return 0;
}

int image_list(const struct image_store *store, struct image_list *ret_list, struct err *err)
{
	struct image_list list auto_done(image_list) = IMAGE_LIST_INIT;
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = 0;

	if ((r = image_names_load(store->fd, &names, err)) < 0 ||
	    (r = image_store_ids(store, &ids, err)) < 0)
		return r;
	for (size_t i = 0; i < ids.count; i++) {
		xgrow(list.v, list.count, list.capacity);
		list.v[list.count] = IMAGE_INIT;
		r = image_record_read(store->fd, ids.v[i], &list.v[list.count], err);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		image_names_of(&names, ids.v[i], &list.v[list.count].names);
		list.count++;
	}
	if (list.count > 1)
		qsort(list.v, list.count, sizeof(*list.v), by_age);
	if (err)
		*err = ERR_INIT;
	*ret_list = list;
	list = IMAGE_LIST_INIT;
	return 0;
}

static int read_file(const struct image_store *store, const char *id, const char *name, size_t max,
		     char **ret_data, size_t *ret_size, struct err *err)
{
	char path[IMAGE_ID_LEN + 16];
	int r = 0;

	snprintf(path, sizeof(path), "%s/%s", id, name);
	r = file_read_at(store->fd, path, max, ret_data, ret_size);
	if (r == -ENOENT)
		return err_say(err, ERR_NOT_FOUND, "%s: image not known", id);
	if (r < 0)
		return err_set(err, r, "cannot read the %s of image %.12s", name, id);
	return 0;
}

int image_read_config(const struct image_store *store, const char *id, char **ret_data,
		      size_t *ret_size, struct err *err)
{
	return read_file(store, id, "config", IMAGE_CONFIG_MAX, ret_data, ret_size, err);
}

int image_read_manifest(const struct image_store *store, const char *id, char **ret_data,
			size_t *ret_size, struct err *err)
{
	return read_file(store, id, "manifest", IMAGE_MANIFEST_MAX, ret_data, ret_size, err);
}

int image_lock_layers(const struct image_store *store, struct err *err)
{
	auto_close int fd = openat(store->fd, "layers.lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, -errno, "cannot open the image store's lock layers.lock");
	while (flock(fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "cannot lock the image store's layers");
	return fd_take(&fd);
}
