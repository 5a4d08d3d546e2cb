/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources that read folders share. Stays in engine/image/transports. */
#pragma once

#include <stddef.h>

struct descriptor;
struct err;
struct folder;
struct source_blob;

/* A file that must have this digest. Caller owns. */
int folder_source_read(struct folder *folder, const char *name, const char *digest, size_t max,
		       char **ret_data, size_t *ret_size, struct err *err);

/* A layer's place in the folder; its size must be the descriptor's. */
int folder_source_blob(struct folder *folder, const char *name, const struct descriptor *descriptor,
		       struct source_blob *ret_blob, struct err *err);
