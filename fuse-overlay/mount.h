/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting by bryo-overlay itself: as root of a mount namespace, or with fusermount3's help. */
#pragma once

struct err;
struct options;

/* Mounts at the options' mount point. *ret_fd: the first channel, the caller's. */
int mount_at(const struct options *options, int *ret_fd, struct err *err);
