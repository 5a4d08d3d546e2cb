/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-archive: what `docker save` and `podman save` write. manifest.json lists images: a
 * configuration, layer files, names. There is no registry manifest in it: one is made up, byte for
 * byte as containers/image makes it, with the layers' diff ids as their digests, so that the
 * image gets the digest Podman gives it. Runs in bryo-image.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/image/folder.h"
#include "engine/image/image.h"
#include "engine/image/manifest.h"
#include "engine/image/reference.h"
#include "engine/image/source.h"

enum { IMAGES_MAX = 10000 };

struct item {
	char *config;
	struct strv names;
	struct strv layers; /* files */
};

struct docker_archive {
	struct folder *folder; /* not ours */
	struct item *v;
	size_t count;
};

struct archived {
	struct source source;
	struct folder *folder;
	const struct item *item;
	char *config;
	size_t config_size;
	struct strv diff_ids;
	char *manifest;
};

void docker_archive_close(struct docker_archive *archive)
{
	if (!archive)
		return;
	for (size_t i = 0; i < archive->count; i++) {
		free(archive->v[i].config);
		strv_done(&archive->v[i].names);
		strv_done(&archive->v[i].layers);
	}
	free(archive->v);
	free(archive);
}

static void close_p(struct docker_archive **archive)
{
	docker_archive_close(*archive);
}

static int read_item(const json_t *object, struct item *item, struct err *err)
{
	const char *config = NULL;
	int r = 0;

	if (!json_is_object(object))
		return err_say(err, ERR_USAGE, "an entry is no object");
	if ((r = json_get_str(object, "Config", &config, err)) < 0 ||
	    (r = json_get_strv(object, "RepoTags", &item->names, err)) < 0 ||
	    (r = json_get_strv(object, "Layers", &item->layers, err)) < 0)
		return r;
	if (str_empty(config))
		return err_say(err, ERR_USAGE, "an entry has no \"Config\"");
	item->config = xstrdup(config);
	return 0;
}

int docker_archive_parse(const char *data, size_t size, struct docker_archive **ret_archive,
			 struct err *err)
{
	__attribute__((cleanup(close_p))) struct docker_archive *archive =
		xcalloc(1, sizeof(*archive));
	auto_json json_t *json = NULL;
	size_t i = 0;
	json_t *object = NULL;
	int r = json_parse(data, size, "manifest.json", &json, err);

	if (r < 0)
		return r;
	if (!json_is_array(json) || json_array_size(json) == 0 ||
	    json_array_size(json) > IMAGES_MAX)
		return err_say(err, ERR_USAGE, "manifest.json is not a list of images");
	archive->v = xcalloc(json_array_size(json), sizeof(*archive->v));
	json_array_foreach (json, i, object) {
		archive->count++;
		r = read_item(object, &archive->v[i], err);
		if (r < 0)
			return err_prefix(err, "manifest.json");
	}
	*ret_archive = take(archive);
	return 0;
}

int docker_archive_open(struct folder *folder, struct docker_archive **ret_archive, struct err *err)
{
	auto_free char *data = NULL;
	size_t size = 0;
	int r = folder_read(folder, "manifest.json", IMAGE_MANIFEST_MAX, &data, &size, err);

	if (r < 0 || (r = docker_archive_parse(data, size, ret_archive, err)) < 0)
		return r;
	(*ret_archive)->folder = folder;
	return 0;
}

size_t docker_archive_count(const struct docker_archive *archive)
{
	return archive->count;
}

const struct strv *docker_archive_names(const struct docker_archive *archive, size_t index)
{
	return &archive->v[index].names;
}

/* ---- One image as a source ---- */

static int get_manifest(struct source *source, const char *digest, char **ret_data,
			size_t *ret_size, char **ret_type, struct err *err)
{
	struct archived *a = (struct archived *)source;

	if (digest)
		return err_say(err, ERR_USAGE, "an archive of Docker's holds no manifest %s",
			       digest);
	*ret_data = xstrdup(a->manifest);
	*ret_size = strlen(a->manifest);
	*ret_type = xstrdup(MANIFEST_DOCKER);
	return 0;
}

static int get_config(struct source *source, const struct descriptor *descriptor, char **ret_data,
		      struct err *err)
{
	struct archived *a = (struct archived *)source;

	(void)descriptor; /* it is ours: made from these very bytes */
	(void)err;
	*ret_data = xmemdup(a->config, a->config_size + 1);
	return 0;
}

static int open_blob(struct source *source, const struct descriptor *descriptor,
		     struct source_blob *ret_blob, struct err *err)
{
	struct archived *a = (struct archived *)source;
	struct source_blob blob = { .fd = -1 };

	for (size_t i = 0; i < a->diff_ids.count; i++) {
		int r = 0;

		if (!str_eq(a->diff_ids.v[i], descriptor->digest))
			continue;
		r = folder_locate(a->folder, a->item->layers.v[i], &blob.fd, &blob.offset,
				  &blob.size, err);
		if (r == 0)
			*ret_blob = blob;
		return r;
	}
	return err_say(err, ERR_USAGE, "the archive holds no layer %s", descriptor->digest);
}

static void close_archived(struct source *source)
{
	struct archived *a = (struct archived *)source;

	free(a->config);
	free(a->manifest);
	strv_done(&a->diff_ids);
	free(a);
}

static int read_diff_ids(struct archived *a, struct err *err)
{
	auto_json json_t *config = NULL;
	const json_t *rootfs = NULL;
	int r = json_parse(a->config, a->config_size, a->item->config, &config, err);

	if (r < 0 || (r = json_get_object(config, "rootfs", &rootfs, err)) < 0 ||
	    (rootfs && (r = json_get_strv(rootfs, "diff_ids", &a->diff_ids, err)) < 0))
		return r;
	if (a->diff_ids.count != a->item->layers.count)
		return err_say(err, ERR_USAGE, "invalid tar file: %zu layers, but %zu diff ids",
			       a->item->layers.count, a->diff_ids.count);
	for (size_t i = 0; i < a->diff_ids.count; i++)
		if (!reference_is_digest(a->diff_ids.v[i]))
			return err_say(err, ERR_USAGE, "\"%.100s\" is not a digest",
				       a->diff_ids.v[i]);
	return 0;
}

/*
 * The manifest that describes it, in the order of keys that Go writes, and with its untruth about
 * the layers' type: the digest shall be Podman's.
 */
static int make_manifest(struct archived *a, struct err *err)
{
	struct buf text auto_done(buf) = BUF_INIT;
	char digest[SHA256_TEXT_SIZE];

	sha256_text(a->config, a->config_size, digest);
	/* no bound set on the buffer: adding to it cannot fail */
	(void)buf_addf(&text,
		       "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_DOCKER "\","
		       "\"config\":{\"mediaType\":\"" CONFIG_DOCKER
		       "\",\"size\":%zu,\"digest\":\"%s\"},"
		       "\"layers\":[",
		       a->config_size, digest);
	for (size_t i = 0; i < a->diff_ids.count; i++) {
		int64_t offset = 0;
		uint64_t size = 0;
		int fd = -1;
		int r = folder_locate(a->folder, a->item->layers.v[i], &fd, &offset, &size, err);

		if (r < 0)
			return err_prefix(err, "layer %zu", i + 1);
		(void)buf_addf(&text,
			       "%s{\"mediaType\":\"" LAYER_DOCKER_GZIP
			       "\",\"size\":%llu,\"digest\":\"%s\"}",
			       i ? "," : "", (unsigned long long)size, a->diff_ids.v[i]);
	}
	(void)buf_add_str(&text, "]}");
	a->manifest = buf_take(&text);
	return 0;
}

int source_docker_archive(struct docker_archive *archive, size_t index, struct source **ret_source,
			  struct err *err)
{
	static const struct source_ops ops = { get_manifest, get_config, open_blob,
					       close_archived };
	struct archived *a = xcalloc(1, sizeof(*a));
	int r = 0;

	a->source = (struct source){ .ops = &ops,
				     .transport = "docker-archive",
				     .digest_is_diff_id = true };
	a->folder = archive->folder;
	a->item = &archive->v[index];
	if ((r = folder_read(a->folder, a->item->config, IMAGE_CONFIG_MAX, &a->config,
			     &a->config_size, err)) < 0 ||
	    (r = read_diff_ids(a, err)) < 0 || (r = make_manifest(a, err)) < 0) {
		close_archived(&a->source);
		return r;
	}
	*ret_source = &a->source;
	return 0;
}
