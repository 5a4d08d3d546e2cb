/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an image comes from, behind one table of functions: a registry, a folder, an archive.
 * One file per transport in transports/. For bryo-image.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/base/err.h"
#include "engine/base/str.h"

struct descriptor;
struct folder;
struct registry_repo_args;
struct source;

/* A layer's bytes: through read(), or size bytes at offset of fd (then read is NULL). */
struct source_blob {
	ssize_t (*read)(void *ctx, void *data, size_t size);
	void *ctx;
	const struct err *(*error)(const void *ctx); /* why read() failed; NULL: ask errno */
	void (*close)(void *ctx);
	int fd; /* the source's: not to be closed */
	int64_t offset;
	uint64_t size;
};

struct source_ops {
	/* The manifest or index itself (digest NULL) or one that it lists. Caller owns. */
	int (*manifest)(struct source *source, const char *digest, char **ret_data,
			size_t *ret_size, char **ret_type, struct err *err);
	/* A configuration: IMAGE_CONFIG_MAX bytes at most, digest checked. Caller owns. */
	int (*config)(struct source *source, const struct descriptor *descriptor, char **ret_data,
		      struct err *err);
	/* A layer, to be read once; from several threads for several layers. */
	int (*blob)(struct source *source, const struct descriptor *descriptor,
		    struct source_blob *ret_blob, struct err *err);
	void (*close)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	const char *transport;	/* "docker", "oci-archive", ... for policy.json and messages */
	bool digest_is_diff_id; /* the manifest is made up: layers' digests are their diff ids */
};

/* source->ops->close(), for NULL too. */
void source_close(struct source *source);

/* transports/docker.c: TAG_OR_DIGEST of a registry's repository. */
int source_docker(const struct registry_repo_args *args, const char *tag_or_digest,
		  struct source **ret_source, struct err *err);

/*
 * transports/oci.c: an OCI image layout (image-spec, image-layout.md). name is the value of
 * org.opencontainers.image.ref.name to choose by; NULL where there is only one image. The folder
 * stays the caller's. ret_name (may be NULL) gets the chosen one's name, or NULL.
 */
int source_oci(struct folder *folder, const char *name, struct source **ret_source, char **ret_name,
	       struct err *err);

/* transports/dir.c: skopeo's dir: format, manifest.json beside blobs named by their digest. */
int source_dir(struct folder *folder, struct source **ret_source, struct err *err);

/*
 * transports/docker-archive.c: what `docker save` writes. An archive holds several images;
 * docker_archive_open() reads its manifest.json.
 */
struct docker_archive;
int docker_archive_open(struct folder *folder, struct docker_archive **ret_archive,
			struct err *err);
void docker_archive_close(struct docker_archive *archive); /* NULL is fine */
size_t docker_archive_count(const struct docker_archive *archive);
/* The names (RepoTags) of image number index; owned by the archive. */
const struct strv *docker_archive_names(const struct docker_archive *archive, size_t index);
int source_docker_archive(struct docker_archive *archive, size_t index, struct source **ret_source,
			  struct err *err);

/* manifest.json's bytes alone, for fuzzing. */
int docker_archive_parse(const char *data, size_t size, struct docker_archive **ret_archive,
			 struct err *err);
