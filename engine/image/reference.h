/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references: [DOMAIN/]PATH[:TAG][@DIGEST], by the grammar of distribution/reference (the
 * Go package that Docker, Podman and skopeo share). Pure text: no file, no network, no locks.
 *
 * A reference without a domain is "short": it names no registry yet. Who resolves it decides
 * what it means: Docker's rule (docker.io, and library/ before a single word) is
 * reference_normalize(); Podman's (registries.conf) is config/shortname.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
	REFERENCE_NAME_MAX = 255, /* bytes of DOMAIN/PATH, distribution/reference's limit */
	REFERENCE_TAG_MAX = 128,
	REFERENCE_TEXT_MAX = 1024, /* longer input is refused unread */
};

struct reference {
	char *domain; /* "docker.io", "localhost:5000"; NULL: short */
	char *path;   /* "library/alpine" */
	char *tag;    /* NULL: none given */
	char *digest; /* "sha256:64 hex"; NULL: none given */
};
#define REFERENCE_INIT ((struct reference){ 0 })

void reference_done(struct reference *ref);

/*
 * Parses text; the domain stays NULL where the text has none. "index.docker.io" becomes
 * "docker.io", and a single word behind docker.io gets its "library/". Errors are ERR_USAGE and
 * read like Podman's ("invalid reference format").
 */
int reference_parse(const char *text, struct reference *ret_ref, struct err *err);

/* Docker's rule for short names: docker.io, library/ before a single word. Others stay. */
void reference_normalize(struct reference *ref);

/* Gives a short reference a domain, which may bring a path prefix ("quay.io/podman"). */
void reference_set_domain(struct reference *ref, const char *domain);

/* ":latest" where there is neither tag nor digest. */
void reference_add_latest(struct reference *ref);

void reference_copy(const struct reference *ref, struct reference *ret_ref);

/* "DOMAIN/PATH", without tag and digest; and all of it. The caller owns the text. */
char *reference_name(const struct reference *ref);
char *reference_text(const struct reference *ref);

/* True for "sha256:" and 64 lower-case hexadecimal digits: the one algorithm we verify. */
bool reference_is_digest(const char *text);

/* True for a tag alone, as the registry's tag list gives them. */
bool reference_is_tag(const char *text);
