/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's record: what `run` and `images` need, in one small file, so that neither parses
 * the (far larger) image configuration. Runs in bryo and bryo-image. The bytes it reads are
 * ours; the config it is made from is foreign and checked here once and for all.
 */
#include "engine/image/record-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/image/reference.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 8 * 1024 * 1024 };

/* The last history entry's comment is what inspect calls the image's. */
static const char *last_comment(const json_t *config)
{
	const json_t *history = json_object_get(config, "history");
	size_t n = json_array_size(history);

	return n ? json_str(json_array_get(history, n - 1), "comment", NULL) : NULL;
}

static int check_layers(const json_t *config, const struct strv *layers, struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	const json_t *rootfs = NULL;
	int r = 0;

	if ((r = json_get_object(config, "rootfs", &rootfs, err)) < 0 ||
	    (rootfs && (r = json_get_strv(rootfs, "diff_ids", &ids, err)) < 0))
		return err_prefix(err, "image configuration");
	if (ids.count != layers->count)
		return err_say(err, ERR_USAGE,
			       "image configuration lists %zu layers, but the manifest has %zu",
			       ids.count, layers->count);
	for (size_t i = 0; i < ids.count; i++)
		if (!str_eq(ids.v[i], layers->v[i]))
			return err_say(
				err, ERR_USAGE,
				"layer %zu has diff id %s, but the image configuration says %.80s",
				i + 1, layers->v[i], ids.v[i]);
	return 0;
}

bool image_record_add_digests(json_t *record, const struct image_new *image)
{
	struct strv digests auto_done(strv) = STRV_INIT;
	const char *const more[] = { image->manifest_digest, image->index_digest };
	bool changed = false;

	(void)json_get_strv(record, "digests", &digests, NULL); /* none or ill-formed: begin anew */
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		if (!more[i] || strv_has(&digests, more[i]))
			continue;
		strv_add(&digests, more[i]);
		changed = true;
	}
	json_set_strv(record, "digests", &digests);
	return changed;
}

/* Copies a text field of the config where it is one; another type is an error. */
static int copy_text(const json_t *config, const char *key, json_t *record, struct err *err)
{
	const char *value = NULL;
	int r = json_get_str(config, key, &value, err);

	if (r < 0)
		return err_prefix(err, "image configuration");
	if (!str_empty(value))
		json_set_str(record, key, value);
	return 0;
}

int image_record_make(const struct image_new *image, json_t **ret_record, struct err *err)
{
	struct image_config parsed auto_done(image_config) = IMAGE_CONFIG_INIT;
	auto_json json_t *config = NULL;
	auto_json json_t *record = json_object();
	const char *created = NULL;
	int64_t created_ns = 0;
	int r = json_parse(image->config, image->config_size, "image configuration", &config, err);

	if (r < 0)
		return r;
	if (!json_is_object(config))
		return err_say(err, ERR_USAGE, "image configuration is not a JSON object");
	if ((r = check_layers(config, image->layers, err)) < 0 ||
	    (r = image_config_parse(json_object_get(config, "config"), &parsed, err)) < 0 ||
	    (r = json_get_str(config, "created", &created, err)) < 0)
		return r;
	if (created && time_parse(created, &created_ns) < 0)
		created_ns = 0; /* shown as unknown; years before 1970 are no reason to refuse */
	json_set_int(record, "version", RECORD_VERSION);
	json_set_int(record, "created", created_ns);
	if ((r = copy_text(config, "os", record, err)) < 0 ||
	    (r = copy_text(config, "architecture", record, err)) < 0 ||
	    (r = copy_text(config, "variant", record, err)) < 0 ||
	    (r = copy_text(config, "author", record, err)) < 0)
		return r;
	json_set_str(record, "comment", last_comment(config));
	(void)image_record_add_digests(record, image); /* always news to an empty record */
	json_set_strv(record, "layers", image->layers);
	/* As Podman counts: it keeps the manifest under two names. */
	json_set_int(record, "size",
		     (int64_t)(image->layers_size + image->config_size + 2 * image->manifest_size));
	(void)json_object_set_new(record, "config", image_config_json(&parsed));
	*ret_record = take(record);
	return 0;
}

int image_record_parse(const char *data, size_t size, const char *id, struct image *ret_image,
		       struct err *err)
{
	struct image image auto_done(image) = IMAGE_INIT;
	auto_json json_t *record = NULL;
	int r = json_parse(data, size, "record.json", &record, err);

	if (r < 0)
		return err_prefix(err, "image %.12s", id);
	if (json_int(record, "version", 0) != RECORD_VERSION)
		return err_say(err, ERR_UNSUPPORTED,
			       "image %.12s: its record has version %lld, this bryo knows only %d",
			       id, (long long)json_int(record, "version", 0), RECORD_VERSION);
	snprintf(image.id, sizeof(image.id), "%s", id);
	image.created = json_int(record, "created", 0);
	image.size = (uint64_t)json_int(record, "size", 0);
	image.os = xstrdup(json_str(record, "os", "linux"));
	image.architecture = xstrdup(json_str(record, "architecture", ""));
	image.variant = xstrdup(json_str(record, "variant", NULL));
	image.author = xstrdup(json_str(record, "author", NULL));
	image.comment = xstrdup(json_str(record, "comment", NULL));
	if ((r = json_get_strv(record, "digests", &image.digests, err)) < 0 ||
	    (r = json_get_strv(record, "layers", &image.layers, err)) < 0 ||
	    (r = image_config_parse(json_object_get(record, "config"), &image.config, err)) < 0)
		return err_prefix(err, "image %.12s", id);
	*ret_image = image;
	image = IMAGE_INIT;
	return 0;
}

int image_record_read(int store_fd, const char *id, struct image *ret_image, struct err *err)
{
	auto_free char *data = NULL;
	char path[IMAGE_ID_LEN + 16];
	size_t size = 0;
	int r = 0;

	snprintf(path, sizeof(path), "%s/record.json", id);
	r = file_read_at(store_fd, path, RECORD_MAX, &data, &size);
	if (r < 0)
		return err_set(err, r, "cannot read the record of image %.12s", id);
	return image_record_parse(data, size, id, ret_image, err);
}
