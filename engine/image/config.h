/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image says about running it: the "config" object of an OCI image configuration
 * (image-spec, config.md) with Docker's additions, as a plain struct. Pure data.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/str.h"

struct err;

/* Docker's HEALTHCHECK; durations in nanoseconds, 0 where the image says nothing. */
struct image_healthcheck {
	struct strv
		test; /* "NONE" | "CMD", args... | "CMD-SHELL", "line"; empty: no health check */
	int64_t interval;
	int64_t timeout;
	int64_t start_period;
	int64_t start_interval;
	int64_t retries;
};

struct image_config {
	struct strv entrypoint;
	struct strv cmd;
	struct strv env;     /* "NAME=value" */
	struct strv labels;  /* "NAME=value", in the image's order */
	struct strv volumes; /* absolute paths in the container */
	struct strv ports;   /* "80/tcp" */
	struct strv onbuild;
	struct strv shell;
	char *workdir;	      /* NULL: none */
	char *user;	      /* NULL: none */
	char *stop_signal;    /* NULL: none */
	int64_t stop_timeout; /* seconds; -1: none */
	bool args_escaped;
	struct image_healthcheck healthcheck;
};
#define IMAGE_CONFIG_INIT ((struct image_config){ .stop_timeout = -1 })

void image_config_done(struct image_config *config);

/*
 * Fills the struct from the "config" object (NULL gives the empty one). Wrong types are
 * ERR_USAGE naming the key. ret_config is written on success only.
 */
int image_config_parse(const json_t *object, struct image_config *ret_config, struct err *err);

/* The other way, in the key spelling of the specification; empty things left out. */
json_t *image_config_json(const struct image_config *config);

/*
 * One --change of import and commit, in Dockerfile words: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL,
 * ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR; "NAME value" or "NAME=value".
 */
int image_config_change(struct image_config *config, const char *change, struct err *err);
