/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: see manifest.h. Parses bytes of strangers; must never look at a file. */
#include "engine/image/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/image/image.h"
#include "engine/image/reference.h"

void descriptor_done(struct descriptor *descriptor)
{
	free(descriptor->media_type);
	free(descriptor->digest);
	*descriptor = (struct descriptor){ 0 };
}

void manifest_done(struct manifest *manifest)
{
	descriptor_done(&manifest->config);
	for (size_t i = 0; i < manifest->layer_count; i++)
		descriptor_done(&manifest->layers[i]);
	free(manifest->layers);
	for (size_t i = 0; i < manifest->entry_count; i++) {
		struct manifest_entry *e = &manifest->entries[i];

		descriptor_done(&e->descriptor);
		free(e->os);
		free(e->architecture);
		free(e->variant);
		free(e->name);
	}
	free(manifest->entries);
	*manifest = MANIFEST_INIT;
}

static int read_descriptor(const json_t *object, struct descriptor *ret_descriptor, struct err *err)
{
	const char *type = NULL;
	const char *digest = NULL;
	int64_t size = -1;
	int r = 0;

	if (!json_is_object(object))
		return err_say(err, ERR_USAGE, "a descriptor is missing or no object");
	if ((r = json_get_str(object, "mediaType", &type, err)) < 0 ||
	    (r = json_get_str(object, "digest", &digest, err)) < 0 ||
	    (r = json_get_i64(object, "size", &size, err)) < 0)
		return r;
	if (!digest || size < 0)
		return err_say(err, ERR_USAGE, "a descriptor lacks \"digest\" or \"size\"");
	if (!reference_is_digest(digest)) {
		if (str_starts(digest, "sha512:") || str_starts(digest, "sha384:"))
			return err_say(err, ERR_UNSUPPORTED,
				       "digest %.20s...: only SHA-256 is supported", digest);
		return err_say(err, ERR_USAGE, "\"%.100s\" is not a digest", digest);
	}
	*ret_descriptor = (struct descriptor){
		.media_type = xstrdup(str_or(type, "")),
		.digest = xstrdup(digest),
		.size = (uint64_t)size,
	};
	return 0;
}

static int check_layer(const struct descriptor *layer, struct err *err)
{
	const char *type = layer->media_type;

	if (strstr(type, "foreign") || strstr(type, "nondistributable"))
		return err_say(err, ERR_UNSUPPORTED,
			       "layer %.19s is of type %.120s: layers that are kept elsewhere are "
			       "not supported",
			       layer->digest, type);
	if (strstr(type, "encrypted"))
		return err_say(err, ERR_UNSUPPORTED,
			       "layer %.19s is encrypted (%.120s), which is not supported",
			       layer->digest, type);
	return 0;
}

static bool is_artifact_config(const char *type)
{
	return !str_eq(type, CONFIG_DOCKER) && !str_eq(type, CONFIG_OCI) && !str_empty(type);
}

static int read_image(const json_t *json, struct manifest *manifest, struct err *err)
{
	const json_t *layers = NULL;
	const char *artifact = NULL;
	size_t i = 0;
	json_t *item = NULL;
	int r = read_descriptor(json_object_get(json, "config"), &manifest->config, err);

	if (r < 0)
		return err_prefix(err, "manifest's config");
	if ((r = json_get_str(json, "artifactType", &artifact, err)) < 0)
		return err_prefix(err, "manifest");
	if (is_artifact_config(manifest->config.media_type))
		return err_say(err, ERR_UNSUPPORTED,
			       "this is no container image but an artifact of type %.150s",
			       str_empty(artifact) ? manifest->config.media_type : artifact);
	if ((r = json_get_array(json, "layers", &layers, err)) < 0)
		return err_prefix(err, "manifest");
	if (json_array_size(layers) > IMAGE_LAYERS_MAX)
		return err_say(err, ERR_USAGE, "manifest lists %zu layers, more than %d",
			       json_array_size(layers), IMAGE_LAYERS_MAX);
	manifest->layers = xcalloc(json_array_size(layers) + 1, sizeof(*manifest->layers));
	json_array_foreach (layers, i, item) {
		r = read_descriptor(item, &manifest->layers[i], err);
		if (r < 0)
			return err_prefix(err, "manifest's layer %zu", i + 1);
		manifest->layer_count++;
		r = check_layer(&manifest->layers[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_text(const json_t *object, const char *key, char **field, struct err *err)
{
	const char *value = NULL;
	int r = json_get_str(object, key, &value, err);

	if (r == 0 && !str_empty(value))
		*field = xstrdup(value);
	return r;
}

static int read_entry(const json_t *object, struct manifest_entry *entry, struct err *err)
{
	const json_t *platform = NULL;
	const json_t *notes = NULL;
	int r = read_descriptor(object, &entry->descriptor, err);

	if (r < 0 || (r = json_get_object(object, "platform", &platform, err)) < 0 ||
	    (r = json_get_object(object, "annotations", &notes, err)) < 0)
		return r;
	if (platform && ((r = copy_text(platform, "os", &entry->os, err)) < 0 ||
			 (r = copy_text(platform, "architecture", &entry->architecture, err)) < 0 ||
			 (r = copy_text(platform, "variant", &entry->variant, err)) < 0))
		return r;
	return notes ? copy_text(notes, "org.opencontainers.image.ref.name", &entry->name, err) : 0;
}

static int read_index(const json_t *json, struct manifest *manifest, struct err *err)
{
	const json_t *list = NULL;
	size_t i = 0;
	json_t *item = NULL;
	int r = json_get_array(json, "manifests", &list, err);

	if (r < 0)
		return err_prefix(err, "index");
	manifest->entries = xcalloc(json_array_size(list) + 1, sizeof(*manifest->entries));
	json_array_foreach (list, i, item) {
		manifest->entry_count++; /* first: what was read in part is freed too */
		r = read_entry(item, &manifest->entries[i], err);
		if (r < 0)
			return err_prefix(err, "index entry %zu", i + 1);
	}
	return 0;
}

static int refuse_schema1(struct err *err)
{
	return err_say(err, ERR_UNSUPPORTED,
		       "Docker's image manifest of schema version 1 is not supported: push the "
		       "image again with a tool of this decade");
}

int manifest_parse(const char *data, size_t size, const char *media_type,
		   struct manifest *ret_manifest, struct err *err)
{
	struct manifest manifest auto_done(manifest) = MANIFEST_INIT;
	auto_json json_t *json = NULL;
	const char *own_type = NULL;
	bool has_list = false;
	int r = json_parse(data, size, "manifest", &json, err);

	if (r < 0)
		return r;
	if (!json_is_object(json))
		return err_say(err, ERR_USAGE, "manifest is not a JSON object");
	if ((r = json_get_str(json, "mediaType", &own_type, err)) < 0)
		return err_prefix(err, "manifest");
	if (json_int(json, "schemaVersion", 2) == 1 || str_eq(own_type, MANIFEST_DOCKER_V1) ||
	    str_eq(own_type, MANIFEST_DOCKER_V1_SIGNED))
		return refuse_schema1(err);
	has_list = json_object_get(json, "manifests") != NULL;
	/*
	 * Bytes that are an image to one reader and an index to another would have one digest and
	 * two meanings (CVE-2021-41190): refused, as is a type that does not fit.
	 */
	if (has_list && (json_object_get(json, "layers") || json_object_get(json, "config")))
		return err_say(err, ERR_USAGE,
			       "manifest is an image and an index at the same time");
	own_type = own_type ? own_type : media_type;
	if ((has_list && (str_eq(own_type, MANIFEST_DOCKER) || str_eq(own_type, MANIFEST_OCI))) ||
	    (!has_list &&
	     (str_eq(own_type, MANIFEST_DOCKER_LIST) || str_eq(own_type, MANIFEST_OCI_INDEX))))
		return err_say(err, ERR_USAGE, "manifest is not what its type %.100s says",
			       own_type);
	if (!has_list && !json_object_get(json, "config"))
		return err_say(err, ERR_UNSUPPORTED, "manifest of type %.100s is not supported",
			       str_or(own_type, "(none)"));
	manifest.kind = has_list ? MANIFEST_INDEX : MANIFEST_IMAGE;
	manifest.oci = !str_starts(str_or(own_type, ""), "application/vnd.docker.");
	r = has_list ? read_index(json, &manifest, err) : read_image(json, &manifest, err);
	if (r < 0)
		return r;
	*ret_manifest = manifest;
	manifest = MANIFEST_INIT;
	return 0;
}

/* ---- Platforms ---- */

void platform_done(struct platform *platform)
{
	free(platform->os);
	free(platform->architecture);
	free(platform->variant);
	*platform = PLATFORM_INIT;
}

/* uname(2)'s and other spellings to Go's GOARCH (containerd's platforms package). */
static const char *normal_arch(const char *name, const char **ret_variant)
{
	static const struct {
		const char *name, *arch, *variant;
	} names[] = {
		{ "x86_64", "amd64", NULL },
		{ "x86-64", "amd64", NULL },
		{ "aarch64", "arm64", NULL },
		{ "armv8l", "arm", "v7" },
		{ "armv7l", "arm", "v7" },
		{ "armhf", "arm", "v7" },
		{ "armel", "arm", "v6" },
		{ "armv6l", "arm", "v6" },
		{ "i386", "386", NULL },
		{ "i486", "386", NULL },
		{ "i586", "386", NULL },
		{ "i686", "386", NULL },
		{ "loongarch64", "loong64", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!str_eq(name, names[i].name))
			continue;
		*ret_variant = names[i].variant;
		return names[i].arch;
	}
	return name;
}

int platform_parse(const char *text, struct platform *ret_platform, struct err *err)
{
	struct strv parts auto_done(strv) = STRV_INIT;
	const char *variant = NULL;
	const char *os = "linux";
	const char *arch = NULL;
	struct utsname host;

	if (uname(&host) < 0)
		return err_set(err, -errno, "cannot ask for this machine's architecture");
	if (!str_empty(text))
		strv_split(&parts, text, '/');
	if (parts.count > 3)
		return err_say(
			err, ERR_USAGE,
			"invalid platform syntax for --platform=\"%.100s\": use OS/ARCH[/VARIANT]",
			text);
	if (parts.count == 1)
		arch = parts.v[0];
	if (parts.count >= 2) {
		os = *parts.v[0] ? parts.v[0] : os;
		arch = parts.v[1];
	}
	arch = normal_arch(str_empty(arch) ? host.machine : arch, &variant);
	if (parts.count == 3 && *parts.v[2])
		variant = parts.v[2];
	*ret_platform = (struct platform){
		.os = xstrdup(os),
		.architecture = xstrdup(arch),
		.variant = xstrdup(variant),
	};
	return 0;
}

/*
 * How well a variant serves: exact, then none named, then older ones of the same kind ("v6" on
 * "v7"), newest first. 0: not at all.
 */
static int variant_rank(const char *have, const char *want)
{
	if (str_eq(have, want))
		return 1000;
	if (!have)
		return 500;
	if (!want)
		return 100; /* any, where this machine's is not known */
	if (have[0] == 'v' && want[0] == 'v' && strlen(have) == 2 && have[1] < want[1])
		return 600 + have[1];
	return 0;
}

const struct manifest_entry *manifest_choose(const struct manifest *index,
					     const struct platform *platform)
{
	const struct manifest_entry *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < index->entry_count; i++) {
		const struct manifest_entry *e = &index->entries[i];
		int rank = 0;

		if (!str_eq(e->os, platform->os) ||
		    !str_eq(e->architecture, platform->architecture))
			continue;
		rank = variant_rank(e->variant, platform->variant);
		if (rank > best_rank) {
			best = e;
			best_rank = rank;
		}
	}
	return best;
}
