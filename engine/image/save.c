/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-image save: images of the store into an archive or folder. A layer goes out as it came
 * in: uncompressed from its record, or the compressed stream that was kept. Where all of them do,
 * the manifest goes out verbatim, and the image keeps its digest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/archive/codec.h"
#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/image/manifest.h"
#include "engine/image/outlet.h"
#include "engine/image/progress.h"
#include "engine/image/reference.h"
#include "engine/image/session.h"
#include "engine/storage/layer.h"

enum { COPY_CHUNK = 1024 * 1024 };

enum format { FORMAT_DOCKER_ARCHIVE, FORMAT_OCI_ARCHIVE, FORMAT_OCI_DIR, FORMAT_DOCKER_DIR };

struct save {
	struct session *session;
	struct outlet *outlet;
	struct progress *progress;
	enum format format;
	bool compress;
	struct strv written; /* names in the outlet that are there already */
};

/* A layer as it goes out. */
struct outgoing {
	const char *diff_id;
	char digest[STORAGE_DIGEST_SIZE];
	uint64_t size;
	const char *media_type;
	int fd; /* the compressed stream; -1: layer_get() */
};

/* One image being saved. */
struct saved {
	struct image image;
	struct strv names; /* that go with it */
	char *config;
	size_t config_size;
	char *manifest_data;
	size_t manifest_size;
	struct manifest manifest;
	struct outgoing *layers;
};

static void saved_done(struct saved *saved)
{
	for (size_t i = 0; saved->layers && i < saved->image.layers.count; i++)
		fd_close(&saved->layers[i].fd);
	free(saved->layers);
	image_done(&saved->image);
	strv_done(&saved->names);
	free(saved->config);
	free(saved->manifest_data);
	manifest_done(&saved->manifest);
}

static void save_done(struct save *save)
{
	progress_free(save->progress);
	outlet_close(save->outlet);
	strv_done(&save->written);
}

/* ---- What goes out ---- */

struct squeeze {
	int fd;
	struct sha256 hash;
	uint64_t size;
};

static int squeeze_out(void *ctx, const void *data, size_t size)
{
	struct squeeze *s = ctx;

	sha256_add(&s->hash, data, size);
	s->size += size;
	return fd_write_all(s->fd, data, size);
}

static int feed(void *ctx, const void *data, size_t size)
{
	return encoder_write(ctx, data, size);
}

/* Compresses a layer into an unnamed file: an archive wants to know the size first. */
static int squeeze(struct save *save, struct outgoing *out, struct err *err)
{
	struct squeeze s = { .fd = open(save->session->scratch, O_TMPFILE | O_RDWR | O_CLOEXEC,
					0600) };
	auto_encoder struct encoder *encoder = NULL;
	int r = 0;

	if (s.fd < 0)
		return err_set(err, -errno, "cannot make a scratch file in %s",
			       save->session->scratch);
	out->fd = s.fd;
	sha256_init(&s.hash);
	r = encoder_new(CODEC_GZIP, CODEC_LEVEL_DEFAULT, (struct codec_sink){ squeeze_out, &s },
			&encoder, err);
	if (r == 0)
		r = layer_get(&save->session->storage, out->diff_id,
			      (struct codec_sink){ feed, encoder }, err);
	if (r == 0) {
		r = encoder_finish(encoder);
		if (r < 0)
			r = err_set(err, r, "cannot compress layer %.19s", out->diff_id);
	}
	if (r < 0) {
		sha256_done(&s.hash);
		return r;
	}
	sha256_finish(&s.hash, out->digest);
	out->size = s.size;
	return 0;
}

static bool to_oci(const struct save *save)
{
	return save->format == FORMAT_OCI_ARCHIVE || save->format == FORMAT_OCI_DIR;
}

static const char *layer_type(const struct save *save, enum codec codec)
{
	if (!to_oci(save))
		return codec == CODEC_GZIP ? LAYER_DOCKER_GZIP : LAYER_DOCKER;
	if (codec == CODEC_ZSTD)
		return "application/vnd.oci.image.layer.v1.tar+zstd";
	return codec == CODEC_GZIP ? LAYER_OCI_GZIP : LAYER_OCI;
}

/* The compressed stream it came as, where it was kept and the format can hold it. */
static bool take_kept(struct save *save, const struct descriptor *came, struct outgoing *out)
{
	unsigned char magic[CODEC_MAGIC_SIZE];
	enum codec codec = CODEC_NONE;
	ssize_t n = 0;

	if (!came || save->format == FORMAT_DOCKER_ARCHIVE || str_eq(came->digest, out->diff_id) ||
	    layer_get_blob(&save->session->storage, out->diff_id, came->digest, &out->fd,
			   &out->size) < 0)
		return false;
	n = pread(out->fd, magic, sizeof(magic), 0);
	codec = n > 0 ? codec_detect(magic, (size_t)n) : CODEC_NONE;
	if (codec != CODEC_GZIP && !(codec == CODEC_ZSTD && to_oci(save))) {
		fd_close(&out->fd);
		return false;
	}
	snprintf(out->digest, sizeof(out->digest), "%s", came->digest);
	out->media_type = layer_type(save, codec);
	return true;
}

static int plan_layer(struct save *save, const struct descriptor *came, struct outgoing *out,
		      struct err *err)
{
	struct storage_layer layer;
	bool squeezed = false;
	int r = 0;

	if (take_kept(save, came, out))
		return 0;
	/* it came compressed and cannot go out so: compressed anew, where that is the custom */
	squeezed = (to_oci(save) && came && !str_eq(came->digest, out->diff_id)) ||
		   (save->format == FORMAT_DOCKER_DIR && save->compress);
	out->media_type = layer_type(save, squeezed ? CODEC_GZIP : CODEC_NONE);
	if (squeezed)
		return squeeze(save, out, err);
	r = storage_layer_stat(&save->session->storage, out->diff_id, &layer, err);
	if (r < 0)
		return r;
	snprintf(out->digest, sizeof(out->digest), "%s", out->diff_id);
	out->size = layer.tar_size;
	return 0;
}

static int plan_image(struct save *save, struct saved *saved, struct err *err)
{
	size_t count = saved->image.layers.count;

	saved->layers = xcalloc(count + 1, sizeof(*saved->layers));
	for (size_t i = 0; i < count; i++)
		saved->layers[i] =
			(struct outgoing){ .diff_id = saved->image.layers.v[i], .fd = -1 };
	for (size_t i = 0; i < count; i++) {
		const struct descriptor *came =
			i < saved->manifest.layer_count ? &saved->manifest.layers[i] : NULL;
		int r = plan_layer(save, came, &saved->layers[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Writing ---- */

static bool is_written(struct save *save, const char *name)
{
	if (strv_has(&save->written, name))
		return true;
	strv_add(&save->written, name);
	return false;
}

static int copy_fd(struct save *save, int fd, struct err *err)
{
	auto_free char *chunk = xmalloc(COPY_CHUNK);
	off_t offset = 0;

	for (;;) {
		ssize_t n = pread(fd, chunk, COPY_CHUNK, offset);
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_set(err, -errno, "cannot read a layer") : 0;
		r = outlet_write(save->outlet, chunk, (size_t)n);
		if (r < 0)
			return err_set(err, r, "cannot write a layer");
		offset += n;
	}
}

static int write_layer(struct save *save, const struct outgoing *out, const char *name,
		       struct err *err)
{
	size_t row = progress_add(save->progress, "blob", out->digest, out->size);
	int r = 0;

	if (is_written(save, name)) {
		progress_skipped(save->progress, row);
		return 0;
	}
	r = outlet_begin(save->outlet, name, out->size, err);
	if (r < 0)
		return r;
	if (out->fd >= 0)
		r = copy_fd(save, out->fd, err);
	else
		r = layer_get(&save->session->storage, out->diff_id,
			      (struct codec_sink){ outlet_write, save->outlet }, err);
	if (r < 0)
		return r;
	progress_done(save->progress, row);
	return outlet_end(save->outlet, err);
}

static int write_config(struct save *save, const struct saved *saved, const char *name,
			struct err *err)
{
	auto_free char *digest = xasprintf("sha256:%s", saved->image.id);
	size_t row = progress_add(save->progress, "config", digest, saved->config_size);

	progress_done(save->progress, row);
	if (is_written(save, name))
		return 0;
	return outlet_file(save->outlet, name, saved->config, saved->config_size, err);
}

/* ---- docker-archive ---- */

static int write_docker_image(struct save *save, const struct saved *saved, json_t *list,
			      struct err *err)
{
	json_t *entry = json_object();
	json_t *layers = json_array();
	auto_free char *config = xasprintf("%s.json", saved->image.id);
	int r = 0;

	json_set_str(entry, "Config", config);
	(void)json_object_set_new(entry, "RepoTags", json_from_strv(&saved->names));
	for (size_t i = 0; i < saved->image.layers.count; i++) {
		auto_free char *name =
			xasprintf("%s.tar", str_after(saved->layers[i].diff_id, "sha256:"));

		(void)json_array_append_new(layers, json_string(name));
		r = r < 0 ? r : write_layer(save, &saved->layers[i], name, err);
	}
	(void)json_object_set_new(entry, "Layers", layers);
	(void)json_array_append_new(list, entry); /* these fail with memory only */
	return r < 0 ? r : write_config(save, saved, config, err);
}

/* ---- Manifests for the other formats ---- */

static bool goes_verbatim(const struct save *save, const struct saved *saved)
{
	if (saved->manifest.kind != MANIFEST_IMAGE || saved->manifest.oci != to_oci(save) ||
	    saved->manifest.layer_count != saved->image.layers.count)
		return false;
	for (size_t i = 0; i < saved->manifest.layer_count; i++)
		if (!str_eq(saved->manifest.layers[i].digest, saved->layers[i].digest) ||
		    !str_eq(saved->manifest.layers[i].media_type, saved->layers[i].media_type))
			return false;
	return true;
}

/* In the order of keys that Go writes for either kind. */
static void add_descriptor(const struct save *save, struct buf *text, const char *type,
			   const char *digest, uint64_t size)
{
	/* no bound set on the buffer: cannot fail */
	if (to_oci(save))
		(void)buf_addf(text, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}", type,
			       digest, (unsigned long long)size);
	else
		(void)buf_addf(text, "{\"mediaType\":\"%s\",\"size\":%llu,\"digest\":\"%s\"}", type,
			       (unsigned long long)size, digest);
}

static char *make_manifest(const struct save *save, const struct saved *saved)
{
	struct buf text = BUF_INIT;
	auto_free char *config = xasprintf("sha256:%s", saved->image.id);

	(void)buf_addf(&text, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":",
		       to_oci(save) ? MANIFEST_OCI : MANIFEST_DOCKER);
	add_descriptor(save, &text, to_oci(save) ? CONFIG_OCI : CONFIG_DOCKER, config,
		       saved->config_size);
	(void)buf_add_str(&text, ",\"layers\":[");
	for (size_t i = 0; i < saved->image.layers.count; i++) {
		(void)buf_add_str(&text, i ? "," : "");
		add_descriptor(save, &text, saved->layers[i].media_type, saved->layers[i].digest,
			       saved->layers[i].size);
	}
	(void)buf_add_str(&text, "]}");
	return buf_take(&text);
}

static char *blob_name(const struct save *save, const char *digest)
{
	const char *hex = str_after(digest, "sha256:");

	return to_oci(save) ? xasprintf("blobs/sha256/%s", hex) : xstrdup(hex);
}

static int write_index(struct save *save, const struct saved *saved, const char *digest,
		       size_t size, struct err *err)
{
	auto_json json_t *index = json_object();
	json_t *list = json_array();
	json_t *entry = json_object();
	json_t *notes = json_object();
	auto_free char *text = NULL;

	json_set_int(index, "schemaVersion", 2);
	json_set_str(index, "mediaType", MANIFEST_OCI_INDEX);
	json_set_str(entry, "mediaType", MANIFEST_OCI);
	json_set_str(entry, "digest", digest);
	json_set_int(entry, "size", (int64_t)size);
	if (saved->names.count > 0)
		json_set_str(notes, "org.opencontainers.image.ref.name", saved->names.v[0]);
	if (json_object_size(notes) > 0)
		(void)json_object_set(entry, "annotations", notes); /* memory only, as below */
	json_decref(notes);
	(void)json_array_append_new(list, entry);
	(void)json_object_set_new(index, "manifests", list);
	text = json_text(index);
	return outlet_file(save->outlet, "index.json", text, strlen(text), err);
}

/* oci-archive, oci-dir, docker-dir: one image, blobs by digest. */
static int write_layout(struct save *save, struct saved *saved, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char version[] = "Directory Transport Version: 1.1\n";
	bool verbatim = goes_verbatim(save, saved);
	auto_free char *manifest =
		verbatim ? xstrdup(saved->manifest_data) : make_manifest(save, saved);
	size_t size = verbatim ? saved->manifest_size : strlen(manifest);
	auto_free char *id = xasprintf("sha256:%s", saved->image.id);
	auto_free char *config = blob_name(save, id);
	auto_free char *name = NULL;
	char digest[SHA256_TEXT_SIZE];
	int r = 0;

	sha256_text(manifest, size, digest);
	if (to_oci(save) && ((r = outlet_folder(save->outlet, "blobs", err)) < 0 ||
			     (r = outlet_folder(save->outlet, "blobs/sha256", err)) < 0))
		return r;
	for (size_t i = 0; i < saved->image.layers.count; i++) {
		auto_free char *blob = blob_name(save, saved->layers[i].digest);

		r = write_layer(save, &saved->layers[i], blob, err);
		if (r < 0)
			return r;
	}
	r = write_config(save, saved, config, err);
	if (r < 0)
		return r;
	progress_say(save->progress, "Writing manifest to image destination");
	if (!to_oci(save)) {
		r = outlet_file(save->outlet, "version", version, strlen(version), err);
		return r < 0 ? r : outlet_file(save->outlet, "manifest.json", manifest, size, err);
	}
	name = blob_name(save, digest);
	if ((r = outlet_file(save->outlet, name, manifest, size, err)) < 0 ||
	    (r = write_index(save, saved, digest, size, err)) < 0)
		return r;
	return outlet_file(save->outlet, "oci-layout", layout, strlen(layout), err);
}

/* ---- The verb ---- */

static int open_image(struct save *save, const char *name, struct saved *saved, struct err *err)
{
	const struct image_store *store = &save->session->store;
	char id[IMAGE_ID_LEN + 1];
	char *full = NULL;
	int r = image_resolve(store, name, id, &full, err);

	if (r < 0)
		return r;
	if (full)
		strv_add_own(&saved->names, full);
	if ((r = image_open(store, id, &saved->image, err)) < 0 ||
	    (r = image_read_config(store, id, &saved->config, &saved->config_size, err)) < 0 ||
	    (r = image_read_manifest(store, id, &saved->manifest_data, &saved->manifest_size,
				     err)) < 0 ||
	    (r = manifest_parse(saved->manifest_data, saved->manifest_size, NULL, &saved->manifest,
				err)) < 0)
		return r;
	/* a name by digest is none that an archive could hold */
	if (saved->names.count > 0 && strchr(saved->names.v[0], '@'))
		strv_remove(&saved->names, 0);
	return 0;
}

static int save_docker_archive(struct save *save, const struct strv *names, bool multi,
			       struct err *err)
{
	auto_json json_t *list = json_array();
	auto_free char *text = NULL;
	int r = 0;

	for (size_t i = 0; i < names->count && (i == 0 || multi); i++) {
		struct saved saved auto_done(saved) = { .image = IMAGE_INIT };

		r = open_image(save, names->v[i], &saved, err);
		for (size_t t = 1; r == 0 && !multi && t < names->count; t++) {
			char *tag = NULL;

			r = image_name_for_tag(names->v[t], &tag, err);
			if (r == 0)
				strv_add_own(&saved.names, tag);
		}
		if (r < 0 || (r = plan_image(save, &saved, err)) < 0 ||
		    (r = write_docker_image(save, &saved, list, err)) < 0)
			return r;
		progress_say(save->progress, "Writing manifest to image destination");
	}
	text = json_text(list);
	return outlet_file(save->outlet, "manifest.json", text, strlen(text), err);
}

static int save_layout(struct save *save, const char *name, struct err *err)
{
	struct saved saved auto_done(saved) = { .image = IMAGE_INIT };
	int r = open_image(save, name, &saved, err);

	if (r == 0)
		r = plan_image(save, &saved, err);
	return r < 0 ? r : write_layout(save, &saved, err);
}

static int parse_format(const char *text, enum format *ret_format, struct err *err)
{
	static const char *const names[] = {
		[FORMAT_DOCKER_ARCHIVE] = "docker-archive",
		[FORMAT_OCI_ARCHIVE] = "oci-archive",
		[FORMAT_OCI_DIR] = "oci-dir",
		[FORMAT_DOCKER_DIR] = "docker-dir",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!str_eq(text, names[i]))
			continue;
		*ret_format = (enum format)i;
		return 0;
	}
	return err_say(err, ERR_USAGE,
		       "format value must be one of oci-dir oci-archive docker-dir docker-archive");
}

static int check_names(struct save *save, const struct strv *names, bool multi, struct err *err)
{
	char id[IMAGE_ID_LEN + 1];

	if (names->count == 0)
		return err_say(err, ERR_USAGE, "save needs the name of an image");
	if (names->count > 1 && save->format != FORMAT_DOCKER_ARCHIVE)
		return err_say(err, ERR_USAGE,
			       "multi-image archives are only supported as docker-archive");
	/* before anything is written */
	for (size_t i = 0; i < names->count && (i == 0 || multi); i++) {
		int r = image_resolve(&save->session->store, names->v[i], id, NULL, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int verb_save(struct session *session, json_t *answer, struct err *err)
{
	struct save save auto_done(save) = { .session = session };
	struct strv names auto_done(strv) = STRV_INIT;
	const char *output = json_str(session->request, "output", NULL);
	bool multi = json_bool(session->request, "multi", false);
	bool folder = false;
	int r = 0;

	(void)answer; /* there is nothing to tell but success */
	save.compress = json_bool(session->request, "compress", false);
	if ((r = parse_format(json_str(session->request, "format", "docker-archive"), &save.format,
			      err)) < 0 ||
	    (r = json_get_strv(session->request, "names", &names, err)) < 0 ||
	    (r = check_names(&save, &names, multi, err)) < 0)
		return r;
	folder = save.format == FORMAT_OCI_DIR || save.format == FORMAT_DOCKER_DIR;
	if (folder && !output)
		return err_say(err, ERR_USAGE, "the formats oci-dir and docker-dir need --output");
	r = folder ? outlet_open_folder(output, &save.outlet, err)
		   : outlet_open_archive(output, &save.outlet, err);
	if (r < 0)
		return r;
	session_lock_up(true);
	save.progress = progress_new(session->quiet);
	r = save.format == FORMAT_DOCKER_ARCHIVE ? save_docker_archive(&save, &names, multi, err)
						 : save_layout(&save, names.v[0], err);
	return r < 0 ? r : outlet_finish(save.outlet, err);
}
