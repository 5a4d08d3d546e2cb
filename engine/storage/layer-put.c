/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a layer in: see layer.h. Runs in bryo-image. The stream goes into a private folder in tmp/
 * under a lock; then all is synced and one rename publishes it, so that layers/ never shows a part
 * of a layer, to whoever is killed or loses power.
 *
 * Synced by syncfs(2): one wait for the disk, where fsync of ten thousand files would be ten
 * thousand. It also writes what others have not written yet; that is the smaller harm.
 */
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
#include "engine/base/time.h"
#include "engine/storage/layer-internal.h"
#include "engine/storage/storage-internal.h"

/* A layer's place in tmp/ while it is made. */
struct making {
	const struct storage *storage;
	int tmp_fd;
	int lock_fd;
	int layer_fd;
	char name[STORAGE_DIGEST_SIZE];
	char lock_name[STORAGE_DIGEST_SIZE + 8];
};

/* What was not published goes; the lock last, so that nobody starts on the remains. */
static void making_done(struct making *m)
{
	fd_close(&m->layer_fd);
	if (m->lock_fd >= 0) {
		(void)file_remove_tree(m->tmp_fd, m->name); /* else the next sweep does it */
		(void)unlinkat(m->tmp_fd, m->lock_name, 0);
	}
	fd_close(&m->lock_fd);
	fd_close(&m->tmp_fd);
}

/*
 * Takes the lock, waiting for another maker of the same layer. The file may have been unlinked by
 * its owner between our open and our lock: then the lock is worth nothing, and we start over.
 */
static int take_lock(struct making *m, struct err *err)
{
	for (;;) {
		struct stat st;
		auto_close int fd = openat(m->tmp_fd, m->lock_name,
					   O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int r = 0;

		if (fd < 0)
			return err_set(err, -errno, "cannot lock the new layer");
		do
			r = flock(fd, LOCK_EX);
		while (r < 0 && errno == EINTR);
		if (r < 0 && errno != ENOLCK && errno != EOPNOTSUPP)
			return err_set(err, -errno, "cannot lock the new layer");
		if (fstat(fd, &st) < 0)
			return err_set(err, -errno, "cannot lock the new layer");
		if (st.st_nlink == 0)
			continue;
		m->lock_fd = fd_take(&fd);
		return 0;
	}
}

static int begin(struct making *m, const char *diff_id, struct err *err)
{
	int r = storage_tmp(m->storage, &m->tmp_fd, err);

	if (r < 0)
		return r;
	/* Who knows the diff id meets others who make the same layer. */
	if (diff_id)
		(void)snprintf(m->name, sizeof(m->name), "%s", diff_id + strlen("sha256:"));
	else
		(void)snprintf(m->name, sizeof(m->name), "%s", scratch_name("layer-").text);
	(void)snprintf(m->lock_name, sizeof(m->lock_name), "%s.lock", m->name);
	return take_lock(m, err);
}

static int make_folder(struct making *m, struct err *err)
{
	int r = file_remove_tree(m->tmp_fd, m->name); /* a killed maker's */

	if (r < 0)
		return err_set(err, r, "cannot remove a half-made layer");
	if (mkdirat(m->tmp_fd, m->name, 0711) < 0)
		return err_set(err, -errno, "cannot make a folder for the new layer");
	m->layer_fd = openat(m->tmp_fd, m->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->layer_fd < 0 || mkdirat(m->layer_fd, "diff", 0755) < 0)
		return err_set(err, -errno, "cannot make a folder for the new layer");
	return 0;
}

/* Fills in what the record of an existing layer tells. */
static int reuse(const struct storage *s, const char *diff_id, struct layer_info *ret,
		 struct err *err)
{
	struct storage_layer layer;
	struct layer_info info = { .reused = true };
	int r = storage_layer_stat(s, diff_id, &layer, err);

	if (r < 0)
		return r;
	memcpy(info.diff_id, layer.diff_id, sizeof(info.diff_id));
	memcpy(info.digest, *layer.blob_digest ? layer.blob_digest : layer.diff_id,
	       sizeof(info.digest));
	info.size = *layer.blob_digest ? layer.blob_size : layer.tar_size;
	info.tar_size = layer.tar_size;
	(void)codec_parse(layer.blob_codec, &info.codec); /* of a plain tar: none */
	*ret = info;
	return 0;
}

static int unpack_stream(const struct layer_put_args *args, struct making *m,
			 struct layer_result *ret, struct err *err)
{
	struct fd_source from = { .fd = args->fd,
				  .offset = args->offset,
				  .left = args->size,
				  .bounded = args->size > 0 };
	struct layer_job job = { .source = { fd_source_read, &from },
				 .layer_fd = m->layer_fd,
				 .digest = args->digest,
				 .diff_id = args->diff_id,
				 .max_size =
					 args->max_size ? args->max_size : LAYER_MAX_SIZE_DEFAULT,
				 .one_id = args->one_id,
				 .keep_blob = !args->drop_blob,
				 .progress = args->progress,
				 .progress_ctx = args->progress_ctx };

	if (args->workers)
		return layer_workers_run(args, m->layer_fd, m->lock_fd, ret, err);
	if (args->read)
		job.source = (struct codec_source){ args->read, args->ctx };
	return layer_stream(&job, ret, err);
}

static int write_records(const struct layer_put_args *args, struct making *m,
			 const struct layer_result *result, struct err *err)
{
	struct storage_layer layer = { .tar_size = result->tar_size,
				       .disk_size = result->unpacked.disk_size,
				       .files = result->unpacked.files,
				       .one_id = args->one_id,
				       .created = time_now() };

	memcpy(layer.diff_id, result->diff_id, sizeof(layer.diff_id));
	if (result->codec != CODEC_NONE) {
		memcpy(layer.blob_digest, result->digest, sizeof(layer.blob_digest));
		layer.blob_size = result->size;
		(void)snprintf(layer.blob_codec, sizeof(layer.blob_codec), "%s",
			       codec_name(result->codec));
	}
	/* Empty files rather than fields: run asks for them and reads no JSON. */
	if ((result->unpacked.has_root && mknodat(m->layer_fd, "root", S_IFREG | 0644, 0) < 0) ||
	    (result->unpacked.has_owners &&
	     mknodat(m->layer_fd, LAYER_OWNERS, S_IFREG | 0644, 0) < 0))
		return err_set(err, -errno, "cannot write the record of the layer");
	return layer_record_write(m->layer_fd, &layer, err);
}

/* 1 when another maker, who did not know the diff id, was faster. */
static int publish(struct making *m, const struct layer_result *result, struct err *err)
{
	struct layer_path path = layer_path(result->diff_id, "");

	if (syncfs(m->layer_fd) < 0)
		return err_set(err, -errno, "cannot sync the new layer");
	if (renameat(m->tmp_fd, m->name, m->storage->layers_fd, path.text) < 0)
		return errno == EEXIST || errno == ENOTEMPTY
			       ? 1
			       : err_set(err, -errno, "cannot publish the new layer");
	/* The rename must not be lost after an image's record names the layer. */
	if (fsync(m->storage->layers_fd) < 0)
		return err_set(err, -errno, "cannot sync %s/layers", m->storage->path);
	return 0;
}

static int check_args(const struct layer_put_args *args, struct err *err)
{
	const char *wrong = args->digest && !storage_digest_valid(args->digest)	    ? args->digest
			    : args->diff_id && !storage_digest_valid(args->diff_id) ? args->diff_id
										    : NULL;

	return wrong ? err_say(err, ERR_USAGE,
			       "\"%s\" is no digest that bryo knows: it wants sha256", wrong)
		     : 0;
}

int layer_put(const struct layer_put_args *args, struct layer_info *ret_info, struct err *err)
{
	struct making m auto_done(
		making) = { .storage = args->storage, .tmp_fd = -1, .lock_fd = -1, .layer_fd = -1 };
	struct layer_result result = { 0 };
	int r = check_args(args, err);

	if (r < 0)
		return r;
	if (args->diff_id && storage_layer_exists(args->storage, args->diff_id))
		return reuse(args->storage, args->diff_id, ret_info, err);
	if (layer_find_twin(args, ret_info) == 1)
		return 0;
	r = begin(&m, args->diff_id, err);
	if (r < 0)
		return r;
	if (args->diff_id && storage_layer_exists(args->storage, args->diff_id))
		return reuse(args->storage, args->diff_id, ret_info, err);
	r = make_folder(&m, err);
	if (r == 0)
		r = unpack_stream(args, &m, &result, err);
	if (r == 0)
		r = write_records(args, &m, &result, err);
	if (r == 0)
		r = publish(&m, &result, err);
	if (r < 0)
		return r;
	*ret_info = (struct layer_info){ .size = result.size,
					 .tar_size = result.tar_size,
					 .codec = result.codec,
					 .reused = r == 1 };
	memcpy(ret_info->diff_id, result.diff_id, sizeof(ret_info->diff_id));
	memcpy(ret_info->digest, result.digest, sizeof(ret_info->digest));
	return 0;
}
