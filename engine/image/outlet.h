/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a saved image goes: files in a folder, or in a tar archive on a file or pipe. What is not
 * finished leaves nothing behind. For bryo-image.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct outlet;

/* path NULL: standard output. An existing file that holds something is refused. */
int outlet_open_archive(const char *path, struct outlet **ret_outlet, struct err *err);
/* The folder is made where it is missing; one that holds something is refused. */
int outlet_open_folder(const char *path, struct outlet **ret_outlet, struct err *err);

/* One file: begin, size bytes of write (from any code that has a codec_sink), end. */
int outlet_begin(struct outlet *outlet, const char *name, uint64_t size, struct err *err);
int outlet_write(void *outlet, const void *data, size_t size); /* codec_sink's way */
int outlet_end(struct outlet *outlet, struct err *err);

/* All in one. */
int outlet_file(struct outlet *outlet, const char *name, const void *data, size_t size,
		struct err *err);
/* A sub-folder, parents first. */
int outlet_folder(struct outlet *outlet, const char *name, struct err *err);

/* Makes it final. Without it outlet_close() removes what was written. */
int outlet_finish(struct outlet *outlet, struct err *err);
void outlet_close(struct outlet *outlet); /* NULL is fine */
