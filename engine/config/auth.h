/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials for registries: auth.json as containers-auth.json(5) tells, Docker's config.json,
 * and the credential helper programs they name (docker-credential-helpers' protocol).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct strv;

struct auth {
	char *user; /* NULL: none known */
	char *password;
	char *identity_token; /* an OAuth2 refresh token instead of a password */
};
#define AUTH_INIT ((struct auth){ 0 })
void auth_done(struct auth *auth); /* overwrites what it frees */

/* --creds USER[:PASSWORD]. */
int auth_parse_creds(const char *text, struct auth *ret_auth, struct err *err);

/*
 * Looks up "DOMAIN/PATH" in the file named (--authfile), else $REGISTRY_AUTH_FILE, else the usual
 * places in order. helpers: registries.conf's credential-helpers, may be NULL. Nothing found is
 * not an error: ret_auth->user and identity_token stay NULL. A named file that is missing is one.
 */
int auth_lookup(const char *authfile, const char *repository, const struct strv *helpers,
		struct auth *ret_auth, struct err *err);

/*
 * The same in one file's bytes. *ret_helper (caller owns) gets the name of the credential helper
 * that the file refers to instead, else NULL. For tests and fuzzing.
 */
int auth_find(const char *data, size_t size, const char *what, const char *repository,
	      struct auth *ret_auth, char **ret_helper, struct err *err);
