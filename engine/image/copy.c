/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying an image in: see copy.h. Runs in bryo-image. Layers are fetched and unpacked by a few
 * threads, each taking the next layer that nobody has; layer_put() hashes, inflates and unpacks
 * while the socket is read. The first failure stops them all.
 */
#include "engine/image/copy.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/config/policy.h"
#include "engine/image/manifest.h"
#include "engine/image/progress.h"
#include "engine/image/reference.h"
#include "engine/image/session.h"
#include "engine/image/source.h"
#include "engine/storage/layer.h"

enum { PARALLEL_MAX = 16 };

/* One image under way. */
struct job {
	const struct copy_args *args;
	struct manifest manifest;
	char *manifest_data;
	size_t manifest_size;
	char manifest_digest[SHA256_TEXT_SIZE];
	char index_digest[SHA256_TEXT_SIZE]; /* "": it came through no index */
	char *config;
	struct strv diff_ids;
	atomic_size_t next; /* layer */
	atomic_bool stop;
	atomic_ullong layers_size;
	pthread_mutex_t lock; /* err */
	struct err err;
};

/* One layer under way. */
struct part {
	struct job *job;
	struct source_blob blob;
	size_t row;
};

static void job_done(struct job *job)
{
	manifest_done(&job->manifest);
	free(job->manifest_data);
	free(job->config);
	strv_done(&job->diff_ids);
	(void)pthread_mutex_destroy(&job->lock); /* nobody holds it */
}

/* ---- Manifest and configuration ---- */

static int read_manifest(struct job *job, const char *digest, struct err *err)
{
	struct source *source = job->args->source;
	auto_free char *type = NULL;
	int r = 0;

	free(job->manifest_data);
	job->manifest_data = NULL;
	manifest_done(&job->manifest);
	r = source->ops->manifest(source, digest, &job->manifest_data, &job->manifest_size, &type,
				  err);
	if (r < 0)
		return r;
	sha256_text(job->manifest_data, job->manifest_size, job->manifest_digest);
	return manifest_parse(job->manifest_data, job->manifest_size, type, &job->manifest, err);
}

/* Indexes may nest; ours ends at two levels, as all that are pushed do. */
static int find_manifest(struct job *job, struct err *err)
{
	const struct platform *want = job->args->platform;
	int r = read_manifest(job, NULL, err);

	for (int level = 0; r == 0 && job->manifest.kind == MANIFEST_INDEX; level++) {
		const struct manifest_entry *entry = manifest_choose(&job->manifest, want);
		auto_free char *digest = NULL;

		if (level > 1)
			return err_say(err, ERR_UNSUPPORTED, "indexes in indexes in indexes");
		/* An archive's single entry names no platform; its image tells its own. */
		if (!entry && job->manifest.entry_count == 1 &&
		    !job->manifest.entries[0].architecture)
			entry = &job->manifest.entries[0];
		if (!entry)
			return err_say(err, ERR_NOT_FOUND,
				       "no image found in image index for architecture \"%s\", "
				       "variant \"%s\", OS \"%s\"",
				       want->architecture, str_or(want->variant, ""), want->os);
		memcpy(job->index_digest, job->manifest_digest, sizeof(job->index_digest));
		digest = xstrdup(entry->descriptor.digest);
		r = read_manifest(job, digest, err);
	}
	return r;
}

static int read_config(struct job *job, struct err *err)
{
	auto_json json_t *config = NULL;
	const json_t *rootfs = NULL;
	int r = 0;

	if ((r = job->args->source->ops->config(job->args->source, &job->manifest.config,
						&job->config, err)) < 0 ||
	    (r = json_parse(job->config, job->manifest.config.size, "image configuration", &config,
			    err)) < 0 ||
	    (r = json_get_object(config, "rootfs", &rootfs, err)) < 0 ||
	    (rootfs && (r = json_get_strv(rootfs, "diff_ids", &job->diff_ids, err)) < 0))
		return r;
	if (job->diff_ids.count != job->manifest.layer_count)
		return err_say(err, ERR_USAGE,
			       "the manifest lists %zu layers, but the image configuration %zu",
			       job->manifest.layer_count, job->diff_ids.count);
	for (size_t i = 0; i < job->diff_ids.count; i++)
		if (!reference_is_digest(job->diff_ids.v[i]))
			return err_say(err, ERR_USAGE,
				       "the image configuration has a bad diff id \"%.100s\"",
				       job->diff_ids.v[i]);
	return 0;
}

/* ---- Layers ---- */

/* The blob's bytes, until somebody else has failed. */
static ssize_t read_part(void *ctx, void *data, size_t size)
{
	struct part *part = ctx;

	if (atomic_load(&part->job->stop))
		return -ECANCELED;
	return part->blob.read(part->blob.ctx, data, size);
}

static void on_progress(void *ctx, uint64_t bytes)
{
	struct part *part = ctx;

	progress_set(part->job->args->progress, part->row, bytes);
}

static int put(struct part *part, size_t index, struct layer_info *ret_info, struct err *err)
{
	struct job *job = part->job;
	const struct session *session = job->args->session;
	const struct source *source = job->args->source;
	const struct err *why = NULL;
	int r = layer_put(
		&(struct layer_put_args){
			.storage = &session->storage,
			.read = part->blob.read ? read_part : NULL,
			.ctx = part,
			.fd = part->blob.fd,
			.offset = part->blob.offset,
			.size = part->blob.size,
			.digest = source->digest_is_diff_id ? NULL
							    : job->manifest.layers[index].digest,
			.diff_id = job->diff_ids.v[index],
			.one_id = session->one_id,
			.workers = session->workers,
			.progress = on_progress,
			.progress_ctx = part,
		},
		ret_info, err);

	/* The connection's own words say more than what the unpacker made of them. */
	why = r < 0 && part->blob.error ? part->blob.error(part->blob.ctx) : NULL;
	if (why && why->code < 0)
		*err = *why;
	return r;
}

static int copy_layer(struct job *job, size_t index, struct err *err)
{
	const struct descriptor *layer = &job->manifest.layers[index];
	struct progress *progress = job->args->progress;
	struct storage_layer known;
	struct part part = { .job = job };
	struct layer_info info;
	int r = 0;

	part.row = progress_add(progress, "blob", layer->digest, layer->size);
	if (storage_layer_exists(&job->args->session->storage, job->diff_ids.v[index])) {
		r = storage_layer_stat(&job->args->session->storage, job->diff_ids.v[index], &known,
				       err);
		if (r < 0)
			return r;
		atomic_fetch_add(&job->layers_size, known.tar_size);
		progress_skipped(progress, part.row);
		return 0;
	}
	r = job->args->source->ops->blob(job->args->source, layer, &part.blob, err);
	if (r == 0)
		r = put(&part, index, &info, err);
	if (part.blob.close)
		part.blob.close(part.blob.ctx);
	if (r < 0)
		return err_prefix(err, "copying layer %.19s", layer->digest);
	atomic_fetch_add(&job->layers_size, info.tar_size);
	progress_done(progress, part.row);
	return 0;
}

static void *copy_some(void *ctx)
{
	struct job *job = ctx;

	for (;;) {
		size_t index = atomic_fetch_add(&job->next, 1);
		struct err err = ERR_INIT;

		if (index >= job->manifest.layer_count || atomic_load(&job->stop))
			return NULL;
		if (copy_layer(job, index, &err) >= 0)
			continue;
		(void)pthread_mutex_lock(&job->lock);
		if (job->err.code == 0)
			job->err = err;
		(void)pthread_mutex_unlock(&job->lock);
		atomic_store(&job->stop, true);
	}
}

static int copy_layers(struct job *job, struct err *err)
{
	pthread_t threads[PARALLEL_MAX];
	size_t wanted = job->args->parallel;
	size_t started = 0;

	if (wanted > job->manifest.layer_count)
		wanted = job->manifest.layer_count;
	if (wanted > PARALLEL_MAX)
		wanted = PARALLEL_MAX;
	/* this thread is one of them: there is always one that works */
	while (started + 1 < wanted && pthread_create(&threads[started], NULL, copy_some, job) == 0)
		started++;
	(void)copy_some(job);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	if (job->err.code == 0)
		return 0;
	if (err)
		*err = job->err;
	return job->err.code;
}

/* ---- All of it ---- */

/* Is it the very image that is here (by manifest or index)? */
static bool is_known(const struct job *job)
{
	struct image image auto_done(image) = IMAGE_INIT;

	if (!job->args->known_id ||
	    image_open(&job->args->session->store, job->args->known_id, &image, NULL) < 0)
		return false;
	return strv_has(&image.digests, job->manifest_digest) &&
	       (!*job->index_digest || strv_has(&image.digests, job->index_digest));
}

static int store(struct job *job, const char *id, struct err *err)
{
	return image_put(&job->args->session->store,
			 &(struct image_new){
				 .id = id,
				 .config = job->config,
				 .config_size = job->manifest.config.size,
				 .manifest = job->manifest_data,
				 .manifest_size = job->manifest_size,
				 .manifest_digest = job->manifest_digest,
				 .index_digest = *job->index_digest ? job->index_digest : NULL,
				 .layers = &job->diff_ids,
				 .layers_size = atomic_load(&job->layers_size),
				 .names = job->args->names,
			 },
			 err);
}

int copy_in(const struct copy_args *args, char ret_id[IMAGE_ID_LEN + 1], struct err *err)
{
	struct job job auto_done(job) = { .args = args, .manifest = MANIFEST_INIT };
	size_t row = 0;
	int r = 0;

	(void)pthread_mutex_init(&job.lock, NULL); /* cannot fail on Linux */
	if (args->policy_scope) {
		r = policy_check(args->policy_file, args->source->transport, args->policy_scope,
				 err);
		if (r < 0)
			return r;
	}
	r = find_manifest(&job, err);
	if (r < 0)
		return r;
	memcpy(ret_id, job.manifest.config.digest + strlen("sha256:"), IMAGE_ID_LEN + 1);
	if (is_known(&job))
		return 0;
	progress_say(args->progress, "Getting image source signatures");
	if ((r = read_config(&job, err)) < 0 || (r = copy_layers(&job, err)) < 0)
		return r;
	row = progress_add(args->progress, "config", job.manifest.config.digest,
			   job.manifest.config.size);
	progress_done(args->progress, row);
	progress_say(args->progress, "Writing manifest to image destination");
	return store(&job, ret_id, err);
}
