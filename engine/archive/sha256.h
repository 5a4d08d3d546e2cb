/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 as images write it: "sha256:" and 64 lower-case hex digits. By OpenSSL (which uses the
 * processor's SHA instructions), so for bryo-image only.
 */
#pragma once

#include <stddef.h>

enum { SHA256_TEXT_SIZE = 72 }; /* "sha256:", 64 digits, NUL */

struct sha256 {
	void *ctx; /* EVP_MD_CTX */
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/* Writes the digest's text and frees what sha256_init() took. */
void sha256_finish(struct sha256 *hash, char ret_text[SHA256_TEXT_SIZE]);
void sha256_done(struct sha256 *hash); /* also after sha256_finish() */

/* All in one. */
void sha256_text(const void *data, size_t size, char ret_text[SHA256_TEXT_SIZE]);
