/* SPDX-License-Identifier: Apache-2.0 */
/* oci: and oci-archive: an OCI image layout as a source. Runs in bryo-image. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/image/folder.h"
#include "engine/image/image.h"
#include "engine/image/manifest.h"
#include "engine/image/source.h"
#include "engine/image/transports/folder-internal.h"

struct oci {
	struct source source;
	struct folder *folder; /* not ours */
	char *digest;
	char *media_type;
};

static char *blob_path(const char *digest)
{
	return xasprintf("blobs/sha256/%s", str_after(digest, "sha256:"));
}

static int get_manifest(struct source *source, const char *digest, char **ret_data,
			size_t *ret_size, char **ret_type, struct err *err)
{
	struct oci *oci = (struct oci *)source;
	const char *want = digest ? digest : oci->digest;
	auto_free char *path = blob_path(want);
	int r = folder_source_read(oci->folder, path, want, IMAGE_MANIFEST_MAX, ret_data, ret_size,
				   err);

	if (r == 0)
		*ret_type = digest ? NULL : xstrdup(oci->media_type);
	return r;
}

static int get_config(struct source *source, const struct descriptor *descriptor, char **ret_data,
		      struct err *err)
{
	struct oci *oci = (struct oci *)source;
	auto_free char *path = blob_path(descriptor->digest);
	size_t size = 0;

	return folder_source_read(oci->folder, path, descriptor->digest, IMAGE_CONFIG_MAX, ret_data,
				  &size, err);
}

static int open_blob(struct source *source, const struct descriptor *descriptor,
		     struct source_blob *ret_blob, struct err *err)
{
	struct oci *oci = (struct oci *)source;
	auto_free char *path = blob_path(descriptor->digest);

	return folder_source_blob(oci->folder, path, descriptor, ret_blob, err);
}

static void close_oci(struct source *source)
{
	struct oci *oci = (struct oci *)source;

	free(oci->digest);
	free(oci->media_type);
	free(oci);
}

static int choose(const struct manifest *index, const char *name,
		  const struct manifest_entry **ret_entry, struct err *err)
{
	const struct manifest_entry *found = NULL;

	if (!name && index->entry_count > 1)
		return err_say(err, ERR_USAGE, "more than one image in oci, choose an image");
	for (size_t i = 0; i < index->entry_count && !found; i++)
		if (!name || str_eq(index->entries[i].name, name))
			found = &index->entries[i];
	if (!found)
		return err_say(err, ERR_NOT_FOUND, "no descriptor found for reference \"%.200s\"",
			       str_or(name, ""));
	*ret_entry = found;
	return 0;
}

int source_oci(struct folder *folder, const char *name, struct source **ret_source, char **ret_name,
	       struct err *err)
{
	static const struct source_ops ops = { get_manifest, get_config, open_blob, close_oci };
	struct manifest index auto_done(manifest) = MANIFEST_INIT;
	const struct manifest_entry *entry = NULL;
	auto_free char *data = NULL;
	size_t size = 0;
	struct oci *oci = NULL;
	int r = folder_read(folder, "index.json", IMAGE_MANIFEST_MAX, &data, &size, err);

	if (r < 0 || (r = manifest_parse(data, size, MANIFEST_OCI_INDEX, &index, err)) < 0)
		return err_prefix(err, "loading index");
	r = choose(&index, name, &entry, err);
	if (r < 0)
		return r;
	assert(entry); /* choose() found one */
	oci = xcalloc(1, sizeof(*oci));
	oci->source = (struct source){ .ops = &ops, .transport = "oci" };
	oci->folder = folder;
	oci->digest = xstrdup(entry->descriptor.digest);
	oci->media_type = xstrdup(entry->descriptor.media_type);
	if (ret_name)
		*ret_name = xstrdup(entry->name);
	*ret_source = &oci->source;
	return 0;
}
