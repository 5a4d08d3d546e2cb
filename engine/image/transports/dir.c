/* SPDX-License-Identifier: Apache-2.0 */
/* dir: manifest.json and blobs side by side, as skopeo and `save --format docker-dir` write. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/image/folder.h"
#include "engine/image/image.h"
#include "engine/image/manifest.h"
#include "engine/image/source.h"
#include "engine/image/transports/folder-internal.h"

struct dir {
	struct source source;
	struct folder *folder; /* not ours */
};

static int get_manifest(struct source *source, const char *digest, char **ret_data,
			size_t *ret_size, char **ret_type, struct err *err)
{
	struct dir *dir = (struct dir *)source;
	auto_free char *path = NULL;

	*ret_type = NULL;
	if (!digest)
		return folder_read(dir->folder, "manifest.json", IMAGE_MANIFEST_MAX, ret_data,
				   ret_size, err);
	path = xasprintf("%s.manifest.json", str_after(digest, "sha256:"));
	return folder_source_read(dir->folder, path, digest, IMAGE_MANIFEST_MAX, ret_data, ret_size,
				  err);
}

static int get_config(struct source *source, const struct descriptor *descriptor, char **ret_data,
		      struct err *err)
{
	struct dir *dir = (struct dir *)source;
	size_t size = 0;

	return folder_source_read(dir->folder, str_after(descriptor->digest, "sha256:"),
				  descriptor->digest, IMAGE_CONFIG_MAX, ret_data, &size, err);
}

static int open_blob(struct source *source, const struct descriptor *descriptor,
		     struct source_blob *ret_blob, struct err *err)
{
	struct dir *dir = (struct dir *)source;

	return folder_source_blob(dir->folder, str_after(descriptor->digest, "sha256:"), descriptor,
				  ret_blob, err);
}

static void close_dir(struct source *source)
{
	free(source);
}

int source_dir(struct folder *folder, struct source **ret_source, struct err *err)
{
	static const struct source_ops ops = { get_manifest, get_config, open_blob, close_dir };
	struct dir *dir = NULL;
	int64_t offset = 0;
	uint64_t size = 0;
	int fd = -1;
	int r = folder_locate(folder, "manifest.json", &fd, &offset, &size, err);

	if (r < 0)
		return r;
	dir = xcalloc(1, sizeof(*dir));
	dir->source = (struct source){ .ops = &ops, .transport = "dir" };
	dir->folder = folder;
	*ret_source = &dir->source;
	return 0;
}
