/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on images: what the store knows is answered here, the heavy work by bryo-image. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/image/reference.h"
#include "engine/ops/internal.h"

#define SECOND 1000000000LL

/* ---- Coming in ---- */

int ops_image_pull(struct ops *ops, const char *name, const struct ops_pull_args *args,
		   struct strv *ret_ids, struct err *err)
{
	struct image_helper helper = ops_image_helper(ops);
	struct image_pull_args pull = { .name = name,
					.platform = args->platform,
					.authfile = args->authfile,
					.creds = args->creds,
					.cert_dir = args->cert_dir,
					.tls_verify = args->tls_verify,
					.signature_policy = args->signature_policy,
					.retry_delay = args->retry_delay,
					.retry = args->retry,
					.quiet = args->quiet,
					.all_tags = args->all_tags };
	const json_t *conf = NULL;
	int r = image_pull_policy_parse(str_or(args->policy, "always"), &pull.policy, err);

	/* A file that makes no sense is told before the network is asked. */
	if (r == 0)
		r = ops_conf(ops, &conf, err);
	return r < 0 ? r : image_pull(&helper, &pull, ret_ids, err);
}

/* The one image that needs no registry: `bryo run hello`. */
static bool is_hello(const char *name)
{
	return str_eq(name, "hello") || str_eq(name, "localhost/hello") ||
	       str_eq(name, "localhost/hello:latest");
}

int ops_ensure_image(struct ops *ops, const struct request *request, struct err *err)
{
	char id[IMAGE_ID_LEN + 1];
	enum image_pull_policy policy = IMAGE_PULL_MISSING;
	struct ops_pull_args args = { .policy = "missing", .retry = -1 };
	struct strv ids auto_done(strv) = STRV_INIT;
	struct image_helper helper = ops_image_helper(ops);
	auto_free char *id_of_hello = NULL;
	bool here = false;
	int r = image_pull_policy_parse(str_or(request->pull, "missing"), &policy, err);

	if (r < 0 || request->rootfs)
		return r;
	if (str_empty(request->image))
		return err_say(err, ERR_USAGE, "an image is needed");
	here = image_resolve(&ops->engine.images, request->image, id, NULL, NULL) == 0;
	if (here &&
	    (policy == IMAGE_PULL_NEVER || (policy == IMAGE_PULL_MISSING && !request->platform)))
		return 0;
	if (policy == IMAGE_PULL_NEVER)
		return err_say(err, ERR_NOT_FOUND, "%s: image not known", request->image);
	if (!here && is_hello(request->image))
		return image_hello(&helper, &id_of_hello, err);
	args.policy = str_or(request->pull, "missing");
	args.platform = request->platform;
	args.authfile = request->authfile;
	args.tls_verify = request->tls_verify;
	args.quiet = request->quiet;
	return ops_image_pull(ops, request->image, &args, &ids, err);
}

int ops_image_load(struct ops *ops, const char *path, bool quiet, struct strv *ret_names,
		   struct err *err)
{
	struct image_helper helper = ops_image_helper(ops);

	return image_load(&helper, path, quiet, ret_names, err);
}

int ops_image_save(struct ops *ops, const struct strv *names, const struct ops_save_args *args,
		   struct err *err)
{
	struct image_helper helper = ops_image_helper(ops);
	struct image_save_args save = { .names = names,
					.output = args->output,
					.format = args->format,
					.quiet = args->quiet,
					.multi = args->multi,
					.compress = args->compress };

	return image_save(&helper, &save, err);
}

int ops_image_import(struct ops *ops, const struct ops_import_args *args, char **ret_id,
		     struct err *err)
{
	struct image_helper helper = ops_image_helper(ops);
	struct image_import_args import = { .source = args->source,
					    .reference = args->reference,
					    .message = args->message,
					    .changes = &args->changes,
					    .os = args->os,
					    .arch = args->arch,
					    .variant = args->variant,
					    .quiet = args->quiet };

	return image_import(&helper, &import, ret_id, err);
}

/* ---- Listing ---- */

static json_t *labels_of(const struct image *image)
{
	json_t *object = NULL;

	if (image->config.labels.count == 0)
		return json_null();
	object = json_object();
	for (size_t i = 0; i < image->config.labels.count; i++) {
		const char *label = image->config.labels.v[i];
		const char *equals = strchr(label, '=');
		auto_free char *key =
			xstrndup(label, equals ? (size_t)(equals - label) : strlen(label));

		json_set_str(object, key, equals ? equals + 1 : "");
	}
	return object;
}

/* "NAME@DIGEST" for each repository that the image is known under. */
static json_t *repo_digests(const struct image *image)
{
	json_t *array = json_array();
	struct strv seen auto_done(strv) = STRV_INIT;

	for (size_t i = 0; i < image->names.count; i++) {
		struct reference ref auto_done(reference) = REFERENCE_INIT;
		auto_free char *name = NULL;

		if (reference_parse(image->names.v[i], &ref, NULL) < 0)
			continue;
		name = reference_name(&ref);
		if (strv_has(&seen, name))
			continue;
		strv_add(&seen, name);
		for (size_t j = 0; j < image->digests.count; j++) {
			auto_free char *text = xasprintf("%s@%s", name, image->digests.v[j]);

			(void)json_array_append_new(array, json_string(text));
		}
	}
	return array;
}

/* Names with a tag; those by digest alone are not shown as tags. */
static json_t *repo_tags(const struct image *image)
{
	json_t *array = json_array();

	for (size_t i = 0; i < image->names.count; i++)
		if (!strchr(image->names.v[i], '@'))
			(void)json_array_append_new(array, json_string(image->names.v[i]));
	return array;
}

static int count_users(struct ops *ops, const char *id)
{
	struct strv users auto_done(strv) = STRV_INIT;

	return container_users_of_image(&ops->engine, id, &users, NULL) < 0 ? 0 : (int)users.count;
}

static json_t *list_entry(const struct image *image, int containers)
{
	json_t *o = json_object();

	json_set_str(o, "Id", image->id);
	json_set_str(o, "ParentId", "");
	(void)json_object_set_new(o, "RepoTags", json_null());
	(void)json_object_set_new(o, "RepoDigests", repo_digests(image));
	json_set_int(o, "Size", (int64_t)image->size);
	json_set_int(o, "SharedSize", 0);
	json_set_int(o, "VirtualSize", (int64_t)image->size);
	(void)json_object_set_new(o, "Labels", labels_of(image));
	json_set_int(o, "Containers", containers);
	json_set_str(o, "Arch", image->architecture);
	json_set_str(o, "Digest", image->digests.count ? image->digests.v[0] : "");
	(void)json_object_set_new(o, "History", json_from_strv(&image->names));
	if (image->names.count)
		(void)json_object_set_new(o, "Names", json_from_strv(&image->names));
	else
		json_set_bool(o, "Dangling", true);
	json_set_str(o, "Os", image->os);
	json_set_int(o, "Created", image->created / SECOND);
	json_set_str(o, "CreatedAt", time_utc(image->created / SECOND * SECOND).text);
	return o;
}

/* Does a stored name match what a user typed: repository, or repository and tag, with wildcards. */
static bool name_matches(const char *stored, const char *pattern)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	auto_free char *name = NULL;
	const char *tail = NULL;

	if (reference_parse(stored, &ref, NULL) < 0)
		return false;
	name = reference_name(&ref);
	/* "a/b/c:tag", "b/c:tag", "c:tag", and each without its tag */
	for (tail = stored; tail; tail = strchr(tail, '/') ? strchr(tail, '/') + 1 : NULL)
		if (fnmatch(pattern, tail, 0) == 0)
			return true;
	for (tail = name; tail; tail = strchr(tail, '/') ? strchr(tail, '/') + 1 : NULL)
		if (fnmatch(pattern, tail, 0) == 0)
			return true;
	return false;
}

static bool any_name_matches(const struct image *image, const char *pattern)
{
	for (size_t i = 0; i < image->names.count; i++)
		if (name_matches(image->names.v[i], pattern))
			return true;
	return false;
}

static bool has_label(const struct image *image, const char *value)
{
	const char *equals = strchr(value, '=');
	auto_free char *key = xstrndup(value, equals ? (size_t)(equals - value) : strlen(value));
	const char *found = strv_env_get(&image->config.labels, key);

	return found && (!equals || str_eq(found, equals + 1));
}

/* The moment that before=, since=, until= speak of. */
static int filter_moment(struct ops *ops, const char *key, const char *value, int64_t *ret_point,
			 struct err *err)
{
	struct image other auto_done(image) = IMAGE_INIT;
	int r = 0;

	if (str_eq(key, "until"))
		return time_parse_point(value, ret_point) < 0
			       ? err_say(err, ERR_USAGE, "invalid value \"%s\" for filter until",
					 value)
			       : 0;
	r = image_open(&ops->engine.images, value, &other, err);
	if (r == 0)
		*ret_point = other.created;
	return r;
}

static int pass(struct ops *ops, const struct image *image, const char *filter, bool *ret_pass,
		struct err *err)
{
	const char *equals = strchr(filter, '=');
	auto_free char *key = xstrndup(filter, equals ? (size_t)(equals - filter) : strlen(filter));
	const char *value = equals ? equals + 1 : "";
	bool truth = str_eq(value, "true") || str_eq(value, "1");
	int64_t point = 0;
	int r = 0;

	if (!equals)
		return err_say(
			err, ERR_USAGE,
			"invalid image filter \"%s\": must be in the format \"filter=value\"",
			filter);
	if (str_eq(key, "dangling"))
		*ret_pass = (image->names.count == 0) == truth;
	else if (str_eq(key, "label"))
		*ret_pass = has_label(image, value);
	else if (str_eq(key, "reference"))
		*ret_pass = any_name_matches(image, value);
	else if (str_eq(key, "id"))
		*ret_pass = str_starts(image->id, value);
	else if (str_eq(key, "digest"))
		*ret_pass = image->digests.count && str_starts(image->digests.v[0], value);
	else if (str_eq(key, "intermediate"))
		*ret_pass = !truth;
	else if (str_eq(key, "readonly") || str_eq(key, "manifest"))
		*ret_pass = !truth;
	else if (str_eq(key, "containers"))
		*ret_pass = (count_users(ops, image->id) > 0) == truth;
	else if (str_eq(key, "before") || str_eq(key, "until")) {
		r = filter_moment(ops, key, value, &point, err);
		*ret_pass = image->created < point;
	} else if (str_eq(key, "since") || str_eq(key, "after")) {
		r = filter_moment(ops, key, value, &point, err);
		*ret_pass = image->created > point;
	} else
		return err_say(err, ERR_USAGE, "unsupported image filter \"%s\"", key);
	return r;
}

int ops_image_list(struct ops *ops, const struct ops_images_args *args, json_t **ret_list,
		   struct err *err)
{
	struct image_list images auto_done(image_list) = IMAGE_LIST_INIT;
	auto_json json_t *list = json_array();
	int r = image_list(&ops->engine.images, &images, err);

	for (size_t i = 0; i < images.count && r == 0; i++) {
		const struct image *image = &images.v[i];
		bool wanted = !args->reference || any_name_matches(image, args->reference);

		for (size_t j = 0; j < args->filters.count && wanted && r == 0; j++)
			r = pass(ops, image, args->filters.v[j], &wanted, err);
		if (r == 0 && wanted)
			(void)json_array_append_new(list,
						    list_entry(image, count_users(ops, image->id)));
	}
	if (r < 0)
		return r;
	*ret_list = take(list);
	return 0;
}

/* ---- One image ---- */

static json_t *parsed_or_null(const char *data, size_t size)
{
	json_t *json = NULL;

	return json_parse(data, size, "the image's record", &json, NULL) < 0 ? NULL : json;
}

/* Config and manifest of an image, parsed. */
static int read_image(struct ops *ops, const char *name, struct image *image, json_t **ret_config,
		      json_t **ret_manifest, struct err *err)
{
	auto_free char *config = NULL;
	auto_free char *manifest = NULL;
	size_t config_size = 0;
	size_t manifest_size = 0;
	int r = image_open(&ops->engine.images, name, image, err);

	if (r == 0)
		r = image_read_config(&ops->engine.images, image->id, &config, &config_size, err);
	if (r == 0)
		r = image_read_manifest(&ops->engine.images, image->id, &manifest, &manifest_size,
					err);
	if (r < 0)
		return r;
	*ret_config = parsed_or_null(config, config_size);
	*ret_manifest = parsed_or_null(manifest, manifest_size);
	if (!*ret_config)
		return err_say(err, ERR_FAILED, "the configuration of image %s cannot be read",
			       name);
	return 0;
}

static json_t *root_fs(const struct image *image)
{
	json_t *o = json_object();

	json_set_str(o, "Type", "layers");
	(void)json_object_set_new(o, "Layers", json_from_strv(&image->layers));
	return o;
}

static json_t *copy_or(json_t *object, const char *key, json_t *otherwise)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		return otherwise;
	json_decref(otherwise);
	return json_incref(value);
}

int ops_image_inspect(struct ops *ops, const char *name, json_t **ret_object, struct err *err)
{
	struct image image auto_done(image) = IMAGE_INIT;
	auto_json json_t *config = NULL;
	auto_json json_t *manifest = NULL;
	json_t *graph = json_object();
	json_t *o = json_object();
	int r = read_image(ops, name, &image, &config, &manifest, err);

	if (r < 0) {
		json_decref(graph);
		json_decref(o);
		return r;
	}
	json_set_str(o, "Id", image.id);
	json_set_str(o, "Digest", image.digests.count ? image.digests.v[0] : "");
	(void)json_object_set_new(o, "RepoTags", repo_tags(&image));
	(void)json_object_set_new(o, "RepoDigests", repo_digests(&image));
	json_set_str(o, "Parent", "");
	json_set_str(o, "Comment", str_or(image.comment, ""));
	json_set_str(o, "Created", json_str(config, "created", time_utc(image.created).text));
	(void)json_object_set_new(o, "Config", copy_or(config, "config", json_object()));
	json_set_str(o, "Version", json_str(config, "docker_version", ""));
	json_set_str(o, "Author", str_or(image.author, ""));
	json_set_str(o, "Architecture", str_or(image.architecture, ""));
	json_set_str(o, "Os", str_or(image.os, ""));
	json_set_int(o, "Size", (int64_t)image.size);
	json_set_int(o, "VirtualSize", (int64_t)image.size);
	json_set_str(graph, "Name", "overlay");
	(void)json_object_set_new(graph, "Data", json_object());
	(void)json_object_set_new(o, "GraphDriver", graph);
	(void)json_object_set_new(o, "RootFS", root_fs(&image));
	(void)json_object_set_new(o, "Labels", labels_of(&image));
	(void)json_object_set_new(o, "Annotations",
				  copy_or(manifest, "annotations", json_object()));
	json_set_str(o, "ManifestType",
		     json_str(manifest, "mediaType", "application/vnd.oci.image.manifest.v1+json"));
	json_set_str(o, "User", str_or(image.config.user, ""));
	(void)json_object_set_new(o, "History", copy_or(config, "history", json_array()));
	(void)json_object_set_new(o, "NamesHistory", json_from_strv(&image.names));
	*ret_object = o;
	return 0;
}

/* Bytes of the unpacked layer, by its place among those that are not empty. */
static int64_t layer_size(struct ops *ops, const struct image *image, size_t index)
{
	struct storage_layer layer;

	if (index >= image->layers.count ||
	    storage_layer_stat(&ops->engine.storage, image->layers.v[index], &layer, NULL) < 0)
		return 0;
	return (int64_t)layer.tar_size;
}

int ops_image_history(struct ops *ops, const char *name, json_t **ret_list, struct err *err)
{
	struct image image auto_done(image) = IMAGE_INIT;
	auto_json json_t *config = NULL;
	auto_json json_t *manifest = NULL;
	json_t *list = NULL;
	json_t *step = NULL;
	size_t layer = 0;
	size_t i = 0;
	int r = read_image(ops, name, &image, &config, &manifest, err);

	if (r < 0)
		return r;
	list = json_array();
	json_array_foreach (json_object_get(config, "history"), i, step) {
		bool empty = json_bool(step, "empty_layer", false);
		json_t *o = json_object();
		int64_t created = 0;

		(void)time_parse(json_str(step, "created", ""),
				 &created); /* a missing date is 1970 */
		json_set_str(o, "id", "<missing>");
		json_set_str(o, "created", json_str(step, "created", ""));
		json_set_str(o, "CreatedBy", json_str(step, "created_by", ""));
		json_set_int(o, "size", empty ? 0 : layer_size(ops, &image, layer));
		json_set_str(o, "comment", json_str(step, "comment", ""));
		json_set_str(o, "Created", time_utc(created / SECOND * SECOND).text);
		layer += !empty;
		(void)json_array_insert_new(list, 0, o);
	}
	if (json_array_size(list) > 0) {
		json_t *top = json_array_get(list, 0);

		json_set_str(top, "id", image.id);
		(void)json_object_set_new(top, "tags", json_from_strv(&image.names));
	}
	*ret_list = list;
	return 0;
}

/* ---- Names and removal ---- */

int ops_image_tag(struct ops *ops, const char *name, const struct strv *new_names, struct err *err)
{
	return image_tag(&ops->engine.images, name, new_names, err);
}

int ops_image_untag(struct ops *ops, const char *name, const struct strv *names, struct err *err)
{
	return image_untag(&ops->engine.images, name, names, err);
}

static int list_users(void *data, const char *image_id, struct strv *ret_containers,
		      struct err *err)
{
	struct ops *ops = data;

	return container_users_of_image(&ops->engine, image_id, ret_containers, err);
}

static int remove_user(void *data, const char *container, struct err *err)
{
	struct container_remove_args args = { .force = true, .timeout = -1 };
	struct ops *ops = data;

	return container_remove(&ops->engine, container, &args, err);
}

int ops_image_rm(struct ops *ops, const char *name, const struct ops_rmi_args *args,
		 struct strv *ret_lines, struct err *err)
{
	struct image_users users = { .list = list_users, .remove = remove_user, .data = ops };
	struct image_remove_args remove = { .force = args->force,
					    .no_prune = args->no_prune,
					    .users = &users };
	struct image_removed removed auto_done(image_removed) = IMAGE_REMOVED_INIT;
	int r = image_remove(&ops->engine.images, name, &remove, &removed, err);

	for (size_t i = 0; i < removed.untagged.count; i++)
		strv_addf(ret_lines, "Untagged: %s", removed.untagged.v[i]);
	for (size_t i = 0; i < removed.deleted.count; i++)
		strv_addf(ret_lines, "Deleted: %s", removed.deleted.v[i]);
	if (r < 0 && args->ignore && err->kind == ERR_NOT_FOUND) {
		*err = ERR_INIT;
		return 0;
	}
	return r;
}

int ops_image_ids(struct ops *ops, struct strv *ret_ids, struct err *err)
{
	struct image_list images auto_done(image_list) = IMAGE_LIST_INIT;
	int r = image_list(&ops->engine.images, &images, err);

	for (size_t i = 0; i < images.count && r == 0; i++)
		strv_add(ret_ids, images.v[i].id);
	return r;
}

int ops_image_exists(struct ops *ops, const char *name, bool *ret_exists, struct err *err)
{
	char id[IMAGE_ID_LEN + 1];
	int r = image_resolve(&ops->engine.images, name, id, NULL, err);

	*ret_exists = r == 0;
	if (r < 0 && err->kind == ERR_NOT_FOUND) {
		*err = ERR_INIT;
		return 0;
	}
	return r;
}
