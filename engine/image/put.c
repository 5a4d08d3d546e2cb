/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing an image: its folder is filled under a scratch name, synced, and renamed. A kill at
 * any point leaves either no image or a whole one; a second step, the names file, then names it.
 * Runs in bryo-image and in commit's helper.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/image/image.h"
#include "engine/image/names-internal.h"
#include "engine/image/record-internal.h"
#include "engine/image/store-internal.h"

void image_store_scratch_name(char ret_name[24])
{
	char hex[17];

	str_random_hex(hex, 16);
	snprintf(ret_name, 24, ".new-%s", hex);
}

/* A scratch folder belongs to whoever holds the lock on its file: free means its maker died. */
static void sweep_one(const struct image_store *store, const char *name)
{
	auto_close int fd = -1;
	char path[300];

	snprintf(path, sizeof(path), "%s/lock", name);
	fd = openat(store->fd, path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (fd < 0 && errno != ENOENT)
		return;
	(void)file_remove_tree(store->fd, name); /* best effort: tried again by the next writer */
}

void image_store_sweep(const struct image_store *store)
{
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((e = readdir(dir)))
		if (str_starts(e->d_name, ".new-"))
			sweep_one(store, e->d_name);
	(void)closedir(dir); /* reading only */
}

static int write_file(int dir_fd, const char *name, const void *data, size_t size)
{
	auto_close int fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, size);

	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

/* Writes all files of the image into its scratch folder. */
static int fill(int dir_fd, const struct image_new *image, const json_t *record)
{
	auto_free char *text = json_text(record);
	int r = 0;

	if ((r = write_file(dir_fd, "config", image->config, image->config_size)) < 0 ||
	    (r = write_file(dir_fd, "manifest", image->manifest, image->manifest_size)) < 0 ||
	    (r = write_file(dir_fd, "record.json", text, strlen(text))) < 0)
		return r;
	return fsync(dir_fd) < 0 ? -errno : 0;
}

/*
 * The scratch folder with its lock held, so that no sweep takes it for garbage: the folder is
 * made and its lock file taken while the names lock keeps sweepers out.
 */
static int make_scratch(const struct image_store *store, const char *name, int *ret_dir,
			int *ret_lock)
{
	auto_close int dir = -1;
	auto_close int lock = -1;

	if (mkdirat(store->fd, name, 0700) < 0)
		return -errno;
	dir = openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	lock = openat(dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return -errno;
	*ret_dir = fd_take(&dir);
	*ret_lock = fd_take(&lock);
	return 0;
}

/* Makes the folder ID, or finds that it is there already (then the record gains the digests). */
static int publish(const struct image_store *store, const struct image_new *image,
		   const json_t *record, struct err *err)
{
	auto_close int dir = -1;
	auto_close int lock = -1;
	char scratch[24];
	int r = 0;

	image_store_scratch_name(scratch);
	r = make_scratch(store, scratch, &dir, &lock);
	if (r == 0)
		r = fill(dir, image, record);
	if (r == 0 && renameat(store->fd, scratch, store->fd, image->id) < 0)
		r = -errno;
	if (r == 0 && fsync(store->fd) < 0 && errno != EINVAL)
		r = -errno;
	if (r < 0) {
		(void)file_remove_tree(store->fd, scratch); /* the first error is the one to tell */
		return err_set(err, r, "cannot store image %.12s in %s/images", image->id,
			       store->root);
	}
	return 0;
}

static int add_digests(const struct image_store *store, const struct image_new *image,
		       struct err *err)
{
	auto_json json_t *record = NULL;
	auto_free char *text = NULL;
	auto_close int dir = openat(store->fd, image->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (dir < 0)
		return err_set(err, -errno, "cannot open image %.12s", image->id);
	r = json_read_at(dir, "record.json", IMAGE_CONFIG_MAX * 2, &record, err);
	if (r < 0 || !image_record_add_digests(record, image))
		return r;
	text = json_text(record);
	r = file_replace_at(dir, "record.json", text, strlen(text), 0600, FILE_SYNC);
	if (r < 0)
		return err_set(err, r, "cannot write the record of image %.12s", image->id);
	return 0;
}

/* Under the names lock: nobody else publishes, names, or removes a folder now. */
static int put_locked(const struct image_store *store, const struct image_new *image,
		      const json_t *record, struct err *err)
{
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	struct stat st;
	int r = 0;

	image_store_sweep(store);
	if (fstatat(store->fd, image->id, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = add_digests(store, image, err);
	else
		r = publish(store, image, record, err);
	if (r < 0 || image->names->count == 0)
		return r;
	r = image_names_load(store->fd, &names, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < image->names->count; i++)
		image_names_set(&names, image->id, image->names->v[i]);
	return image_names_save(store->fd, &names, err);
}

int image_put(const struct image_store *store, const struct image_new *image, struct err *err)
{
	auto_json json_t *record = NULL;
	auto_close int lock = -1;
	int r = 0;

	if (image->layers->count > IMAGE_LAYERS_MAX)
		return err_say(err, ERR_USAGE, "the image has %zu layers, more than %d",
			       image->layers->count, IMAGE_LAYERS_MAX);
	r = image_record_make(image, &record, err);
	if (r < 0)
		return r;
	lock = image_names_lock(store->fd, err);
	if (lock < 0)
		return lock;
	return put_locked(store, image, record, err);
}
