/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of bryo-runtime: a folder per container below --root, holding
 *
 *   state.json   id, pid, its start time and boot, bundle, creation, cgroup
 *   config.json  the spec as it was at create
 *   start        the socket that the first process waits on; gone once started
 *
 * The folder is made first and removed last: its name is the lock on the id. Format:
 * docs/formats/runtime-state.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/runtime/oci.h"

struct err;

struct rt_state {
	char *id;
	char *bundle;
	char *rootfs;
	char *created;	 /* RFC 3339 */
	char *cgroup;	 /* below the cgroup2 mount; NULL: none */
	char *cgroup_v1; /* below each v1 hierarchy; NULL: none */
	pid_t pid;
	uint64_t start_time;
	char boot_id[37];
	int folder; /* the record's folder, open */
};
#define STATE_INIT ((struct rt_state){ .folder = -1 })
void rt_state_done(struct rt_state *state);

enum rt_state_status { STATE_CREATING, STATE_CREATED, STATE_RUNNING, STATE_PAUSED, STATE_STOPPED };
const char *rt_state_status_name(enum rt_state_status status);

/* Names that can be a folder: letters, digits and "_+-.", not "." or "..". */
bool rt_state_is_id(const char *id);

/* The default root: /run/bryo-runtime, or in the user's runtime folder. The caller owns it. */
char *rt_state_default_root(void);

/* Makes the folder; ERR_EXISTS where the id is taken. */
int rt_state_create(const char *root, const char *id, struct rt_state *ret_state, struct err *err);
int rt_state_save(const struct rt_state *state, struct err *err);
int rt_state_save_config(const struct rt_state *state, const struct oci_spec *spec,
			 struct err *err);

/* ERR_NOT_FOUND for an unknown id. */
int rt_state_load(const char *root, const char *id, struct rt_state *ret_state, struct err *err);
int rt_state_load_config(const struct rt_state *state, struct oci_spec *ret_spec, struct err *err);
int rt_state_remove(const char *root, const struct rt_state *state, struct err *err);

enum rt_state_status rt_state_status(const struct rt_state *state);
/* A pidfd of the living first process that cannot be another's. ERR_STATE when it has ended. */
int rt_state_pidfd(const struct rt_state *state, int *ret_pidfd, struct err *err);

/* All ids, sorted. */
int rt_state_list(const char *root, struct strv *ret_ids, struct err *err);

/* A private folder for compiled filters below root; -1 where it cannot be had. */
int rt_state_seccomp_cache(const char *root);
