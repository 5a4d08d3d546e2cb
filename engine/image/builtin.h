/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program inside the image that is built into bryo-image, so that a first container runs
 * offline. The Makefile links the bytes of a small static program in.
 */
#pragma once

#include <stddef.h>

/* The bytes of the static program that the image runs, and their number; NULL: none built in. */
const void *builtin_image_bytes(size_t *ret_size);
