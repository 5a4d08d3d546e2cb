/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-image import: a tar archive of a root file system (file, standard input, URL) becomes an
 * image of one layer. The configuration and manifest are byte for byte what podman import
 * writes for the same archive, so that both give it the same id.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/http/http.h"
#include "engine/image/config.h"
#include "engine/image/manifest.h"
#include "engine/image/progress.h"
#include "engine/image/session.h"
#include "engine/storage/layer.h"

struct import {
	struct session *session;
	const char *source;
	int fd;
	struct http_client *client;
	struct http_stream *stream;
	struct err stream_err;
	int64_t created; /* the archive's time, as Podman has it */
	struct progress *progress;
	struct layer_info layer;
	size_t row;
};

static void import_done(struct import *import)
{
	http_close(import->stream);
	http_client_free(import->client);
	progress_free(import->progress);
	fd_close(&import->fd);
}

static bool is_url(const char *source)
{
	return str_starts(source, "http://") || str_starts(source, "https://");
}

static int open_url(struct import *import, struct err *err)
{
	struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
	int r = 0;

	if (!import->session->quiet)
		fprintf(stderr, "Downloading from \"%s\"\n", import->source);
	if ((r = http_client_new(&(struct http_client_args){ 0 }, &import->client, err)) < 0 ||
	    (r = http_open(import->client, &(struct http_request){ .url = import->source },
			   &response, &import->stream, err)) < 0)
		return err_prefix(err, "downloading %.200s", import->source);
	if (response.status != 200)
		return err_say(err, ERR_FAILED,
			       "downloading %.200s: the server answered with status %ld",
			       import->source, response.status);
	import->created = time_now();
	return 0;
}

static int open_source(struct import *import, struct err *err)
{
	struct stat st;

	if (is_url(import->source))
		return open_url(import, err);
	import->fd = str_eq(import->source, "-")
			     ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			     : open(import->source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (import->fd < 0)
		return err_set(err, -errno, "error opening \"%s\"", import->source);
	if (isatty(import->fd))
		return err_say(err, ERR_USAGE,
			       "cannot read from terminal. Use command-line redirection");
	if (fstat(import->fd, &st) < 0)
		return err_set(err, -errno, "error opening \"%s\"", import->source);
	if (S_ISDIR(st.st_mode))
		return err_say(err, ERR_USAGE, "\"%s\" is a directory, not a tar archive",
			       import->source);
	import->created = S_ISREG(st.st_mode)
				  ? (int64_t)st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec
				  : time_now();
	return 0;
}

static ssize_t read_stream(void *ctx, void *data, size_t size)
{
	struct import *import = ctx;

	return http_read(import->stream, data, size, &import->stream_err);
}

static void on_progress(void *ctx, uint64_t bytes)
{
	struct import *import = ctx;

	progress_set(import->progress, import->row, bytes);
}

static int take_layer(struct import *import, struct err *err)
{
	struct session *session = import->session;
	int r = 0;

	progress_say(import->progress, "Getting image source signatures");
	r = layer_put(&(struct layer_put_args){ .storage = &session->storage,
						.read = import->stream ? read_stream : NULL,
						.ctx = import,
						.fd = import->fd,
						.offset = -1,
						.one_id = session->one_id,
						.workers = session->workers,
						.progress_ctx = import },
		      &import->layer, err);
	if (r < 0 && import->stream_err.code < 0 && err)
		*err = import->stream_err;
	if (r < 0)
		return err_prefix(err, "importing %.200s", import->source);
	import->row =
		progress_add(import->progress, "blob", import->layer.digest, import->layer.size);
	on_progress(import, import->layer.size);
	progress_done(import->progress, import->row);
	return 0;
}

static int apply_changes(struct import *import, struct image_config *config, struct err *err)
{
	struct strv changes auto_done(strv) = STRV_INIT;
	int r = json_get_strv(import->session->request, "changes", &changes, err);

	for (size_t i = 0; r == 0 && i < changes.count; i++)
		r = image_config_change(config, changes.v[i], err);
	/* Go writes maps with sorted keys */
	if (config->volumes.count > 1)
		strv_sort(&config->volumes);
	if (config->ports.count > 1)
		strv_sort(&config->ports);
	if (config->labels.count > 1)
		strv_sort(&config->labels);
	return r;
}

static json_t *make_history(const struct import *import, const char *created)
{
	json_t *history = json_array();
	json_t *entry = json_object();
	auto_free char *by = xasprintf("/bin/sh -c #(nop) ADD file:%s in /",
				       import->layer.digest + strlen("sha256:"));

	json_set_str(entry, "created", created);
	json_set_str(entry, "created_by", by);
	json_set_str(entry, "comment",
		     json_str(import->session->request, "message", "imported from tarball"));
	(void)json_array_append_new(history, entry); /* fails with memory only, as below */
	return history;
}

static char *make_config(const struct import *import, const struct image_config *config,
			 const struct platform *platform)
{
	auto_json json_t *json = json_object();
	struct time_text created = time_utc(import->created);
	json_t *rootfs = json_object();
	json_t *diff_ids = json_array();

	json_set_str(json, "created", created.text);
	json_set_str(json, "architecture", platform->architecture);
	json_set_str(json, "variant", platform->variant);
	json_set_str(json, "os", platform->os);
	(void)json_object_set_new(json, "config", image_config_json(config));
	json_set_str(rootfs, "type", "layers");
	(void)json_array_append_new(diff_ids, json_string(import->layer.diff_id));
	(void)json_object_set_new(rootfs, "diff_ids", diff_ids);
	(void)json_object_set_new(json, "rootfs", rootfs);
	(void)json_object_set_new(json, "history", make_history(import, created.text));
	return json_text(json);
}

/* The layer stands in it uncompressed, whatever the archive was: so Podman keeps it. */
static char *make_manifest(const struct import *import, const char *config,
			   const char *config_digest)
{
	return xasprintf(
		"{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_OCI "\","
		"\"config\":{\"mediaType\":\"" CONFIG_OCI "\",\"digest\":\"%s\",\"size\":%zu},"
		"\"layers\":[{\"mediaType\":\"" LAYER_OCI "\",\"digest\":\"%s\",\"size\":%llu}]}",
		config_digest, strlen(config), import->layer.diff_id,
		(unsigned long long)import->layer.tar_size);
}

static int publish(struct import *import, const char *config, char ret_digest[SHA256_TEXT_SIZE],
		   struct err *err)
{
	struct strv layers auto_done(strv) = STRV_INIT;
	struct strv names auto_done(strv) = STRV_INIT;
	const char *reference = json_str(import->session->request, "reference", NULL);
	auto_free char *manifest = NULL;
	char manifest_digest[SHA256_TEXT_SIZE];
	char *name = NULL;
	int r = 0;

	if (!str_empty(reference)) {
		r = image_name_for_tag(reference, &name, err);
		if (r < 0)
			return r;
		strv_add_own(&names, name);
	}
	sha256_text(config, strlen(config), ret_digest);
	manifest = make_manifest(import, config, ret_digest);
	sha256_text(manifest, strlen(manifest), manifest_digest);
	strv_add(&layers, import->layer.diff_id);
	progress_done(import->progress,
		      progress_add(import->progress, "config", ret_digest, strlen(config)));
	progress_say(import->progress, "Writing manifest to image destination");
	return image_put(&import->session->store,
			 &(struct image_new){ .id = ret_digest + strlen("sha256:"),
					      .config = config,
					      .config_size = strlen(config),
					      .manifest = manifest,
					      .manifest_size = strlen(manifest),
					      .manifest_digest = manifest_digest,
					      .layers = &layers,
					      .layers_size = import->layer.tar_size,
					      .names = &names },
			 err);
}

static int read_platform(const json_t *request, struct platform *ret_platform, struct err *err)
{
	auto_free char *text =
		xasprintf("%s/%s/%s", json_str(request, "os", ""), json_str(request, "arch", ""),
			  json_str(request, "variant", ""));

	return platform_parse(text, ret_platform, err);
}

int verb_import(struct session *session, json_t *answer, struct err *err)
{
	struct import import auto_done(import) = {
		.session = session,
		.source = json_str(session->request, "source", "-"),
		.fd = -1,
	};
	struct image_config config auto_done(image_config) = IMAGE_CONFIG_INIT;
	struct platform platform auto_done(platform) = PLATFORM_INIT;
	const char *reference = json_str(session->request, "reference", NULL);
	auto_free char *checked = NULL;
	auto_free char *text = NULL;
	char digest[SHA256_TEXT_SIZE];
	int r = 0;

	/* what can be refused is refused before the long work */
	if ((r = apply_changes(&import, &config, err)) < 0 ||
	    (r = read_platform(session->request, &platform, err)) < 0 ||
	    (!str_empty(reference) && (r = image_name_for_tag(reference, &checked, err)) < 0) ||
	    (r = open_source(&import, err)) < 0)
		return r;
	session_lock_up(false);
	import.progress = progress_new(session->quiet);
	r = take_layer(&import, err);
	if (r < 0)
		return r;
	text = make_config(&import, &config, &platform);
	r = publish(&import, text, digest, err);
	if (r == 0)
		json_set_str(answer, "id", digest + strlen("sha256:"));
	return r;
}
