/* SPDX-License-Identifier: Apache-2.0 */
/* Owners: as files bear them, and as the mount shows them. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

struct overlay;

/* Shown owners of what a file bears: the options' maps, then squashing. */
void owner_show(const struct overlay *ov, struct stat *st);
/* The ids that a file shall bear for shown ones. -EINVAL: the map has none. */
int owner_uid_stored(const struct overlay *ov, uid_t shown, uid_t *ret_stored);
int owner_gid_stored(const struct overlay *ov, gid_t shown, gid_t *ret_stored);

/*
 * Makes this thread create files as that user and group, with that umask, from now on; cheap where
 * it does already. The thread keeps its capabilities: SECBIT_NO_SETUID_FIXUP, see confine.c.
 * Ids that the map does not have are taken for root's. -EINVAL: this process cannot be that user.
 */
int owner_become(const struct overlay *ov, uid_t shown_uid, gid_t shown_gid, mode_t mask);
