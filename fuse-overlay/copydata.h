/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a file that is copied up. */
#pragma once

#include <sys/types.h>

/*
 * Copies the first size bytes of from_fd to to_fd, an empty file: as a reflink where the file
 * system can, by copy_file_range(2), else by reads and writes. Holes stay holes. 0 or a negative
 * errno.
 */
int copy_file_data(int from_fd, int to_fd, off_t size);
