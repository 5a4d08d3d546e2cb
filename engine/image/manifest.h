/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests and indexes: Docker's schema 2 with its manifest list, and OCI's (image-spec,
 * manifest.md and image-index.md). Bytes from strangers into plain structs; everything is bounded
 * by the size of the bytes (IMAGE_MANIFEST_MAX). Used by bryo-image.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define MANIFEST_DOCKER "application/vnd.docker.distribution.manifest.v2+json"
#define MANIFEST_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MANIFEST_DOCKER_V1 "application/vnd.docker.distribution.manifest.v1+json"
#define MANIFEST_DOCKER_V1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"
#define MANIFEST_OCI "application/vnd.oci.image.manifest.v1+json"
#define MANIFEST_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define CONFIG_DOCKER "application/vnd.docker.container.image.v1+json"
#define CONFIG_OCI "application/vnd.oci.image.config.v1+json"
#define LAYER_DOCKER "application/vnd.docker.image.rootfs.diff.tar"
#define LAYER_DOCKER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define LAYER_OCI "application/vnd.oci.image.layer.v1.tar"
#define LAYER_OCI_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"

struct descriptor {
	char *media_type;
	char *digest; /* always "sha256:..." */
	uint64_t size;
};
void descriptor_done(struct descriptor *descriptor);

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

/* One entry of an index. */
struct manifest_entry {
	struct descriptor descriptor;
	char *os; /* NULL: not told, as for the others */
	char *architecture;
	char *variant;
	char *name; /* annotation org.opencontainers.image.ref.name */
};

struct manifest {
	enum manifest_kind kind;
	bool oci;
	struct descriptor config; /* of an image */
	struct descriptor *layers;
	size_t layer_count;
	struct manifest_entry *entries; /* of an index */
	size_t entry_count;
};
#define MANIFEST_INIT ((struct manifest){ 0 })
void manifest_done(struct manifest *manifest);

/*
 * media_type is what the registry said (NULL: nothing); the bytes' own word counts more.
 * ERR_USAGE for what is ill-formed; ERR_UNSUPPORTED for schema 1, artifacts, foreign and
 * encrypted layers and other digests than SHA-256, each by name.
 */
int manifest_parse(const char *data, size_t size, const char *media_type,
		   struct manifest *ret_manifest, struct err *err);

struct platform {
	char *os;
	char *architecture;
	char *variant; /* NULL: the best this machine can */
};
#define PLATFORM_INIT ((struct platform){ 0 })
void platform_done(struct platform *platform);

/* "OS/ARCH[/VARIANT]" or "ARCH"; NULL and empty parts: this machine's. Names as Go spells them. */
int platform_parse(const char *text, struct platform *ret_platform, struct err *err);

/* The entry of an index for this platform; NULL when there is none. */
const struct manifest_entry *manifest_choose(const struct manifest *index,
					     const struct platform *platform);
