/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of layers (layers/HEX/record.json) and their removal: see storage.h. Runs in every
 * command that lists or removes; never on the way of run, which asks the folders alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/storage/storage-internal.h"

enum { RECORD_MAX = 64 * 1024, RECORD_VERSION = 1 };

int layer_record_write(int layer_fd, const struct storage_layer *layer, struct err *err)
{
	auto_json json_t *json = json_object();
	auto_free char *text = NULL;
	int r = 0;

	json_set_int(json, "version", RECORD_VERSION);
	json_set_str(json, "diff_id", layer->diff_id);
	json_set_int(json, "tar_size", (int64_t)layer->tar_size);
	json_set_int(json, "disk_size", (int64_t)layer->disk_size);
	json_set_int(json, "files", (int64_t)layer->files);
	json_set_bool(json, "one_id", layer->one_id);
	json_set_int(json, "created", layer->created);
	if (layer->blob_digest[0]) {
		json_set_str(json, "blob_digest", layer->blob_digest);
		json_set_int(json, "blob_size", (int64_t)layer->blob_size);
		json_set_str(json, "blob_codec", layer->blob_codec);
	}
	text = json_text(json);
	r = file_replace_at(layer_fd, "record.json", text, strlen(text), 0644, FILE_NO_SYNC);
	return r < 0 ? err_set(err, r, "cannot write the record of layer %s", layer->diff_id) : 0;
}

/* Copies a text that must fit. */
static bool copy_text(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

int layer_record_parse(const json_t *json, const char *diff_id, struct storage_layer *ret_layer,
		       struct err *err)
{
	struct storage_layer layer = { 0 };

	if (json_int(json, "version", 0) > RECORD_VERSION)
		return err_say(err, ERR_UNSUPPORTED, "the record of layer %s is of a newer program",
			       diff_id);
	if (!copy_text(layer.diff_id, sizeof(layer.diff_id), json_str(json, "diff_id", "")) ||
	    !copy_text(layer.blob_digest, sizeof(layer.blob_digest),
		       json_str(json, "blob_digest", "")) ||
	    !copy_text(layer.blob_codec, sizeof(layer.blob_codec),
		       json_str(json, "blob_codec", "")) ||
	    !str_eq(layer.diff_id, diff_id))
		return err_say(err, ERR_FAILED, "the record of layer %s is damaged", diff_id);
	layer.tar_size = (uint64_t)json_int(json, "tar_size", 0);
	layer.disk_size = (uint64_t)json_int(json, "disk_size", 0);
	layer.files = (uint64_t)json_int(json, "files", 0);
	layer.one_id = json_bool(json, "one_id", false);
	layer.created = json_int(json, "created", 0);
	layer.blob_size = (uint64_t)json_int(json, "blob_size", 0);
	*ret_layer = layer;
	return 0;
}

int storage_layer_stat(const struct storage *s, const char *diff_id,
		       struct storage_layer *ret_layer, struct err *err)
{
	auto_json json_t *json = NULL;
	struct layer_path path;
	struct layer_path mark;
	int r = 0;

	if (!storage_digest_valid(diff_id))
		return err_say(err, ERR_USAGE, "\"%s\" is no diff id of a layer", diff_id);
	path = layer_path(diff_id, "record.json");
	mark = layer_path(diff_id, "root");
	r = json_read_at(s->layers_fd, path.text, RECORD_MAX, &json, err);
	if (r == -ENOENT)
		return err_say(err, ERR_NOT_FOUND, "the layer %s is not in the store", diff_id);
	if (r < 0)
		return err_prefix(err, "layer %s", diff_id);
	r = layer_record_parse(json, diff_id, ret_layer, err);
	if (r == 0)
		ret_layer->has_root =
			faccessat(s->layers_fd, mark.text, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return r;
}

bool storage_layer_exists(const struct storage *s, const char *diff_id)
{
	struct layer_path path;

	if (!storage_digest_valid(diff_id))
		return false;
	path = layer_path(diff_id, "");
	return faccessat(s->layers_fd, path.text, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Calls one() for each entry of a folder that the store holds open. */
static int each_entry(int dir_fd, int (*one)(void *ctx, const char *name), void *ctx)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;
	int r = 0;

	if (!dir) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	while (r == 0 && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = one(ctx, e->d_name);
	(void)closedir(dir); /* reading only */
	return r;
}

static int add_layer(void *ctx, const char *name)
{
	if (str_is_hex(name, 64))
		strv_addf(ctx, "sha256:%s", name);
	return 0;
}

int storage_layer_list(const struct storage *s, struct strv *ret_ids, struct err *err)
{
	int r = each_entry(s->layers_fd, add_layer, ret_ids);

	if (r < 0)
		return err_set(err, r, "cannot read %s/layers", s->path);
	strv_sort(ret_ids);
	return 0;
}

/* ---- Removal ---- */

struct in_use {
	const struct storage *storage;
	struct strv ids;
	struct err *err;
};

/* A container whose layers cannot be read might use any: then nothing may go. */
static int add_container(void *ctx, const char *name)
{
	struct in_use *use = ctx;
	int r = storage_container_layers(use->storage, name, &use->ids, use->err);

	return r == -ENOENT ? 0 : r;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_sorted(const struct strv *list, const char *id)
{
	return list->count > 0 &&
	       bsearch(&id, list->v, list->count, sizeof(*list->v), compare_text);
}

int storage_layers_prune(const struct storage *s, const struct strv *candidates,
			 const struct strv *keep, struct strv *ret_removed, struct err *err)
{
	struct strv all auto_done(strv) = STRV_INIT;
	struct in_use use = { .storage = s, .err = err };
	struct strv used auto_done(strv) = STRV_INIT;
	int r = each_entry(s->containers_fd, add_container, &use);

	used = use.ids;
	if (r < 0)
		return err && err->code ? r : err_set(err, r, "cannot read %s/containers", s->path);
	if (err)
		*err = ERR_INIT; /* of containers without a root file system */
	strv_add_all(&used, keep);
	strv_sort(&used);
	if (!candidates) {
		r = storage_layer_list(s, &all, err);
		if (r < 0)
			return r;
		candidates = &all;
	}
	for (size_t i = 0; i < candidates->count; i++) {
		const char *id = candidates->v[i];
		struct layer_path path;

		if (!storage_digest_valid(id) || has_sorted(&used, id) ||
		    !storage_layer_exists(s, id))
			continue;
		path = layer_path(id, "");
		r = storage_discard(s, s->layers_fd, path.text, err);
		if (r < 0)
			return r;
		if (ret_removed)
			strv_add(ret_removed, id);
	}
	return 0;
}
