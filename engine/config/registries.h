/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registries.conf and its drop-ins as containers-registries.conf(5) tells: short names, search
 * registries, mirrors, insecure and blocked registries. Names are plain text here
 * ("docker.io/library/alpine"); engine/image takes references apart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/str.h"

struct err;

enum registries_mode {
	REGISTRIES_ENFORCING,  /* an ambiguous short name needs a terminal to ask on */
	REGISTRIES_PERMISSIVE, /* as enforcing, but without a terminal all are tried */
	REGISTRIES_DISABLED,   /* no aliases: all search registries are tried */
};

enum registries_pull {
	REGISTRIES_PULL_ALL,
	REGISTRIES_PULL_DIGEST, /* this mirror only for references by digest */
	REGISTRIES_PULL_TAG,
};

struct registry_mirror {
	char *location;
	bool insecure;
	enum registries_pull pull;
};

struct registry {
	char *prefix;	/* "docker.io", "quay.io/team", "*.example.com" */
	char *location; /* NULL: the prefix itself */
	bool insecure;
	bool blocked;
	bool mirror_by_digest_only;
	struct registry_mirror *mirrors;
	size_t mirror_count;
	size_t mirror_capacity;
};

struct registries {
	char *path;	    /* the main file, for messages */
	struct strv search; /* unqualified-search-registries */
	struct strv credential_helpers;
	enum registries_mode mode;
	struct strv aliases; /* "NAME=DOMAIN/PATH" */
	struct registry *v;
	size_t count;
	size_t capacity;
};
#define REGISTRIES_INIT ((struct registries){ 0 })
void registries_done(struct registries *registries);

/*
 * Reads the file that counts here ($CONTAINERS_REGISTRIES_CONF, else the user's, else
 * /etc/containers/registries.conf) with its drop-ins and short-name-aliases.conf. Missing files are
 * fine. Errors are ERR_USAGE, naming file, line and key.
 */
int registries_load(struct registries *ret_registries, struct err *err);

/* Adds the contents of one file to what is there, a later one winning. For tests and fuzzing. */
int registries_add(struct registries *registries, const char *data, size_t size, const char *what,
		   struct err *err);

/* "DOMAIN/PATH" that the short name (without tag) is an alias of, or NULL. */
const char *registries_alias(const struct registries *registries, const char *name);

/* The entry with the longest prefix that covers "DOMAIN/PATH[:TAG][@DIGEST]", or NULL. */
const struct registry *registries_find(const struct registries *registries, const char *reference);

/* One place to pull from, in the order to try. */
struct registry_source {
	char *reference; /* rewritten */
	bool insecure;
	bool mirror;
};
struct registry_sources {
	struct registry_source *v;
	size_t count;
	size_t capacity;
};
#define REGISTRY_SOURCES_INIT ((struct registry_sources){ 0 })
void registry_sources_done(struct registry_sources *sources);

/*
 * Where to pull a complete reference from: its mirrors, then itself. ERR_USAGE when the registry
 * is blocked, worded as Podman does.
 */
int registries_sources(const struct registries *registries, const char *reference,
		       struct registry_sources *ret_sources, struct err *err);
