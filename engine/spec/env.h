/* SPDX-License-Identifier: Apache-2.0 */
/* Environment lists as -e and --env-file fill them. */
#pragma once

struct err;
struct strv;

/* "NAME=value", "NAME" (the caller's value; nothing when unset) or "PREFIX*". */
int spec_env_add(struct strv *env, const char *text, struct err *err);
/* The same for each line of a file that is neither empty nor a comment. */
int spec_env_file(struct strv *env, const char *path, struct err *err);
/*
 * --env-merge "NAME=word", with $VAR and ${VAR} of what env has: env-merge.c. The word comes from
 * the caller, the values may come from an image: they are put in as they are.
 */
int spec_env_merge(struct strv *env, const char *text, struct err *err);
