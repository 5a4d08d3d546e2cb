/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository of one registry over the OCI distribution protocol (distribution-spec 1.1,
 * Docker's token authentication). For bryo-image; blobs may be opened from several threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct auth;
struct err;
struct registry_repo;
struct strv;

struct registry_repo_args {
	const char *domain; /* "docker.io" or "HOST[:PORT]" */
	const char *path;
	const struct auth *auth; /* copied */
	const char *cert_dir;	 /* NULL: the usual certs.d folders */
	bool insecure;		 /* no certificate checks, plain HTTP where TLS is not spoken */
	int retries;		 /* of what broke or was busy; each waits twice as long */
	int64_t retry_delay;	 /* nanoseconds before the first; 0: one second, doubling */
	void (*warn)(const char *text); /* told before each retry; may be NULL */
};

int registry_repo_open(const struct registry_repo_args *args, struct registry_repo **ret_repo,
		       struct err *err);
void registry_repo_close(struct registry_repo *repo); /* NULL is fine */

/*
 * A manifest or index by tag or digest: its bytes, at most IMAGE_MANIFEST_MAX, checked against a
 * digest that was asked for. *ret_type is the registry's Content-Type; NULL where there is none.
 * The caller owns both. ERR_AUTH, ERR_NOT_FOUND, and so on.
 */
int registry_manifest(struct registry_repo *repo, const char *tag_or_digest, char **ret_data,
		      size_t *ret_size, char **ret_type, struct err *err);

/* A small blob (an image's configuration), checked. */
int registry_small_blob(struct registry_repo *repo, const char *digest, uint64_t size,
			char **ret_data, struct err *err);

/* All tags, following pages. */
int registry_tags(struct registry_repo *repo, struct strv *ret_tags, struct err *err);

/*
 * A blob as a stream that mends itself: where the connection breaks off it waits and goes on with
 * a Range request from there. It never gives more than size bytes; one more in the answer is an
 * error, as is an end before. Hashing is the reader's business.
 */
struct registry_blob;
struct registry_blob *registry_blob_new(struct registry_repo *repo, const char *digest,
					uint64_t size);
void registry_blob_free(struct registry_blob *blob); /* NULL is fine */
/* read(2)'s way: bytes, 0 at the end, a negative errno with registry_blob_error() telling why. */
ssize_t registry_blob_read(void *blob, void *data, size_t size);
const struct err *registry_blob_error(const struct registry_blob *blob);
