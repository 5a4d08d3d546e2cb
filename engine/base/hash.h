/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fast hash for names and tables. It is not cryptographic: never for digests or for
 * anything that another party could choose to collide with. Digests live in bryo-image.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_START 14695981039346656037ULL

/* FNV-1a, 64 bits; start with HASH_START and chain. */
static inline uint64_t hash_add(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 1099511628211ULL;
	return hash;
}
