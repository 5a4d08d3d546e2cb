/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of bryo-image share: the stores, the unpacking workers, the request. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "engine/image/image.h"
#include "engine/storage/storage.h"

struct err;
struct layer_workers;

struct session {
	struct image_store store;
	struct storage storage;
	struct layer_workers *workers; /* NULL for verbs that take no layers in */
	char *scratch;		       /* folder for unnamed files, on the store's file system */
	int layers_lock;	       /* image_lock_layers(), while layers come in; else -1 */
	bool one_id;
	bool quiet;
	const json_t *request;
};

/* Each verb answers with JSON members put into answer. 0 or a negative errno with err set. */
int verb_pull(struct session *session, json_t *answer, struct err *err);
int verb_load(struct session *session, json_t *answer, struct err *err);
int verb_save(struct session *session, json_t *answer, struct err *err);
int verb_import(struct session *session, json_t *answer, struct err *err);
int verb_hello(struct session *session, json_t *answer, struct err *err);

/* Opens what session_open() opened late: capabilities are let go here, see main.c. */
void session_lock_up(bool may_read_all);
