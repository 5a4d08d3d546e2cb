/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-image hello: the image that is built into the program. Its one layer holds one static
 * program, /hello, and the folders a container mounts on; nothing in it depends on this machine,
 * so the image's id is the same wherever the same program was built in.
 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/archive/sha256.h"
#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/image/builtin.h"
#include "engine/image/manifest.h"
#include "engine/image/session.h"
#include "engine/storage/layer.h"

#define HELLO_NAME "localhost/hello:latest"

static int add_bytes(void *ctx, const void *data, size_t size)
{
	return buf_add(ctx, data, size);
}

static int add_entry(struct tar_writer *tar, enum tar_kind kind, const char *path, size_t size,
		     struct err *err)
{
	struct tar_entry entry = {
		.kind = kind,
		.type = kind == TAR_DIR ? '5' : '0',
		.path = path,
		.link = "",
		.mode = 0755,
		.user = "",
		.group = "",
		.size = size,
		.stored_size = size,
	};

	return tar_writer_entry(tar, &entry, err);
}

static int make_layer(struct buf *layer, struct err *err)
{
	static const char *const folders[] = { "dev/", "etc/", "proc/", "sys/", "tmp/" };
	struct tar_writer tar = { .write = add_bytes, .ctx = layer };
	size_t size = 0;
	const void *program = builtin_image_bytes(&size);
	int r = 0;

	if (!program)
		return err_say(err, ERR_UNSUPPORTED, "no image is built into this bryo-image");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(folders); i++)
		r = add_entry(&tar, TAR_DIR, folders[i], 0, err);
	if (r == 0)
		r = add_entry(&tar, TAR_FILE, "hello", size, err);
	if (r < 0)
		return r;
	if ((r = tar_writer_data(&tar, program, size)) < 0 || (r = tar_writer_end(&tar)) < 0)
		return err_set(err, r, "cannot make the built-in image");
	return 0;
}

struct reader {
	const struct buf *bytes;
	size_t used;
};

static ssize_t read_bytes(void *ctx, void *data, size_t size)
{
	struct reader *reader = ctx;
	size_t left = reader->bytes->size - reader->used;

	size = size < left ? size : left;
	memcpy(data, reader->bytes->data + reader->used, size);
	reader->used += size;
	return (ssize_t)size;
}

static char *make_config(const struct layer_info *layer, const char *architecture)
{
	return xasprintf(
		"{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Entrypoint\":[\"/hello\"],"
		"\"Env\":[\"PATH=/\"],\"WorkingDir\":\"/\"},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]},"
		"\"history\":[{\"created_by\":\"bryo hello\"}]}",
		architecture, layer->diff_id);
}

static char *make_manifest(const struct layer_info *layer, const char *config_digest, size_t size)
{
	return xasprintf(
		"{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_OCI "\","
		"\"config\":{\"mediaType\":\"" CONFIG_OCI "\",\"digest\":\"%s\",\"size\":%zu},"
		"\"layers\":[{\"mediaType\":\"" LAYER_OCI "\",\"digest\":\"%s\",\"size\":%llu}]}",
		config_digest, size, layer->diff_id, (unsigned long long)layer->tar_size);
}

static int publish(struct session *session, const struct layer_info *layer, json_t *answer,
		   struct err *err)
{
	struct platform platform auto_done(platform) = PLATFORM_INIT;
	struct strv layers auto_done(strv) = STRV_INIT;
	struct strv names auto_done(strv) = STRV_INIT;
	char config_digest[SHA256_TEXT_SIZE];
	char manifest_digest[SHA256_TEXT_SIZE];
	auto_free char *config = NULL;
	auto_free char *manifest = NULL;
	int r = platform_parse(NULL, &platform, err);

	if (r < 0)
		return r;
	config = make_config(layer, platform.architecture);
	sha256_text(config, strlen(config), config_digest);
	manifest = make_manifest(layer, config_digest, strlen(config));
	sha256_text(manifest, strlen(manifest), manifest_digest);
	strv_add(&layers, layer->diff_id);
	strv_add(&names, HELLO_NAME);
	r = image_put(&session->store,
		      &(struct image_new){ .id = config_digest + strlen("sha256:"),
					   .config = config,
					   .config_size = strlen(config),
					   .manifest = manifest,
					   .manifest_size = strlen(manifest),
					   .manifest_digest = manifest_digest,
					   .layers = &layers,
					   .layers_size = layer->tar_size,
					   .names = &names },
		      err);
	if (r == 0)
		json_set_str(answer, "id", config_digest + strlen("sha256:"));
	return r;
}

int verb_hello(struct session *session, json_t *answer, struct err *err)
{
	struct buf bytes auto_done(buf) = BUF_INIT;
	struct reader reader = { .bytes = &bytes };
	struct layer_info layer;
	int r = make_layer(&bytes, err);

	if (r < 0)
		return r;
	r = layer_put(&(struct layer_put_args){ .storage = &session->storage,
						.read = read_bytes,
						.ctx = &reader,
						.fd = -1,
						.one_id = session->one_id,
						.workers = session->workers },
		      &layer, err);
	return r < 0 ? r : publish(session, &layer, answer, err);
}
