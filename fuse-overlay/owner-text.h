/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered owners as text: the values of override.h's attributes, which strangers may have
 * written. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fuse-overlay/fuse-overlay.h"

/*
 * Lays a value ("UID:GID:MODE[:TYPE]") over st, the file's own attributes. -EIO: it is none, or
 * cannot be one of such a file: only a regular file may stand for another type, and for no folder.
 */
int owner_text_parse(const char *text, size_t size, struct stat *st);

/* The number at *text, which goes behind its digits; of that base and at most max. -EIO */
int owner_text_number(const char **text, int base, uint64_t max, uint64_t *ret);
