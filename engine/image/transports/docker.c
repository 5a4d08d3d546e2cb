/* SPDX-License-Identifier: Apache-2.0 */
/* docker://: an image of a registry as a source. Runs in bryo-image. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/image/manifest.h"
#include "engine/image/registry.h"
#include "engine/image/source.h"

struct docker {
	struct source source;
	struct registry_repo *repo;
	char *tag_or_digest;
};

static int get_manifest(struct source *source, const char *digest, char **ret_data,
			size_t *ret_size, char **ret_type, struct err *err)
{
	struct docker *docker = (struct docker *)source;

	return registry_manifest(docker->repo, digest ? digest : docker->tag_or_digest, ret_data,
				 ret_size, ret_type, err);
}

static int get_config(struct source *source, const struct descriptor *descriptor, char **ret_data,
		      struct err *err)
{
	struct docker *docker = (struct docker *)source;

	return registry_small_blob(docker->repo, descriptor->digest, descriptor->size, ret_data,
				   err);
}

static const struct err *blob_error(const void *ctx)
{
	return registry_blob_error(ctx);
}

static void close_blob(void *ctx)
{
	registry_blob_free(ctx);
}

static int open_blob(struct source *source, const struct descriptor *descriptor,
		     struct source_blob *ret_blob, struct err *err)
{
	struct docker *docker = (struct docker *)source;

	(void)err; /* opened by the first read, which tells its own errors */
	*ret_blob = (struct source_blob){
		.read = registry_blob_read,
		.ctx = registry_blob_new(docker->repo, descriptor->digest, descriptor->size),
		.error = blob_error,
		.close = close_blob,
		.fd = -1,
		.size = descriptor->size,
	};
	return 0;
}

static void close_docker(struct source *source)
{
	struct docker *docker = (struct docker *)source;

	registry_repo_close(docker->repo);
	free(docker->tag_or_digest);
	free(docker);
}

int source_docker(const struct registry_repo_args *args, const char *tag_or_digest,
		  struct source **ret_source, struct err *err)
{
	static const struct source_ops ops = { get_manifest, get_config, open_blob, close_docker };
	struct docker *docker = xcalloc(1, sizeof(*docker));
	int r = registry_repo_open(args, &docker->repo, err);

	if (r < 0) {
		free(docker);
		return r;
	}
	docker->source = (struct source){ .ops = &ops, .transport = "docker" };
	docker->tag_or_digest = xstrdup(tag_or_digest);
	*ret_source = &docker->source;
	return 0;
}
