/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users of a container, read from its own /etc/passwd and /etc/group (passwd(5), group(5)).
 * The texts are foreign: bounded, never trusted beyond the numbers in them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/str.h"

struct err;

#define SPEC_USER_GROUPS_MAX 1024

struct spec_user {
	uint32_t uid;
	uint32_t gid;
	uint32_t *gids; /* supplementary; owned */
	size_t gid_count;
	size_t gid_capacity;
	char *home;  /* "/" when unknown */
	char *name;  /* NULL when the uid has no entry */
	bool listed; /* the uid has an entry */
};
#define SPEC_USER_INIT ((struct spec_user){ 0 })
void spec_user_done(struct spec_user *user);

/* Has the text of an /etc/group an entry with this number? */
bool spec_group_listed(const char *group, uint32_t gid);

/*
 * Resolves "[name|uid][:group|gid]" (NULL or "": root) and extra group names or numbers.
 * passwd and group may be NULL (no such file). ERR_CANNOT_EXEC (126) where a name is not there,
 * in Podman's words.
 */
int spec_user_resolve(const char *user, const struct strv *groups, const char *passwd,
		      const char *group, struct spec_user *ret_user, struct err *err);
