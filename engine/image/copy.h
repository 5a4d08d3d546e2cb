/* SPDX-License-Identifier: Apache-2.0 */
/* An image from a source into the store: manifest, configuration, layers in parallel. */
#pragma once

#include "engine/image/image.h"

struct err;
struct platform;
struct progress;
struct session;
struct source;
struct strv;

struct copy_args {
	struct session *session;
	struct source *source;
	struct progress *progress;
	const struct platform *platform; /* which entry of an index */
	const char *policy_scope;	 /* for policy.json; NULL: its check was made already */
	const char *policy_file;	 /* NULL: the usual one */
	const struct strv *names;	 /* complete names to give; may be empty */
	/*
	 * Ends early and well when the store has an image with this manifest already and it is
	 * one of this id (pull --policy newer): NULL, or the id.
	 */
	const char *known_id;
	unsigned int parallel; /* layers at the same time */
};

/*
 * Copies; an image that is here already only gains names. Everything is checked against its
 * digest. On failure nothing is left but layers that are whole, which a second try reuses.
 */
int copy_in(const struct copy_args *args, char ret_id[IMAGE_ID_LEN + 1], struct err *err);
