/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a folder as manifests, configurations and layers. Runs in bryo-image. */
#include <errno.h>

#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/image/folder.h"
#include "engine/image/manifest.h"
#include "engine/image/source.h"
#include "engine/image/transports/folder-internal.h"

void source_close(struct source *source)
{
	if (source)
		source->ops->close(source);
}

int folder_source_read(struct folder *folder, const char *name, const char *digest, size_t max,
		       char **ret_data, size_t *ret_size, struct err *err)
{
	auto_free char *data = NULL;
	char real[SHA256_TEXT_SIZE];
	size_t size = 0;
	int r = folder_read(folder, name, max, &data, &size, err);

	if (r < 0)
		return r;
	sha256_text(data, size, real);
	if (!str_eq(real, digest))
		return err_say(err, ERR_USAGE,
			       "\"%.100s\" does not match its digest: wanted %s, got %s", name,
			       digest, real);
	*ret_data = take(data);
	*ret_size = size;
	return 0;
}

int folder_source_blob(struct folder *folder, const char *name, const struct descriptor *descriptor,
		       struct source_blob *ret_blob, struct err *err)
{
	struct source_blob blob = { .fd = -1 };
	int r = folder_locate(folder, name, &blob.fd, &blob.offset, &blob.size, err);

	if (r < 0)
		return r;
	if (blob.size != descriptor->size)
		return err_say(err, ERR_USAGE, "\"%.100s\" has %llu bytes, its manifest says %llu",
			       name, (unsigned long long)blob.size,
			       (unsigned long long)descriptor->size);
	*ret_blob = blob;
	return 0;
}
