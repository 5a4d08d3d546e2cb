/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by OpenSSL: see sha256.h. Runs in bryo-image only. */
#include "engine/archive/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/str.h"

/* OpenSSL fails here only for want of memory, or without SHA-256: either ends the command. */
static void must(int ok)
{
	if (!ok)
		abort();
}

void sha256_init(struct sha256 *hash)
{
	hash->ctx = EVP_MD_CTX_new();
	must(hash->ctx && EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL));
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
	must(EVP_DigestUpdate(hash->ctx, data, size));
}

void sha256_finish(struct sha256 *hash, char ret_text[SHA256_TEXT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	must(EVP_DigestFinal_ex(hash->ctx, digest, &size) && size == 32);
	(void)snprintf(ret_text, SHA256_TEXT_SIZE, "sha256:"); /* fits */
	str_hex(digest, size, ret_text + strlen("sha256:"));
	sha256_done(hash);
}

void sha256_done(struct sha256 *hash)
{
	EVP_MD_CTX_free(hash->ctx);
	hash->ctx = NULL;
}

void sha256_text(const void *data, size_t size, char ret_text[SHA256_TEXT_SIZE])
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, data, size);
	sha256_finish(&hash, ret_text);
}
