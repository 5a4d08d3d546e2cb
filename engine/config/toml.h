/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML 1.0 (toml.io) into JSON values: tables become objects, dates become strings as they
 * stand, infinities and "nan" are refused. For the configuration files that Podman and its kin
 * share; Debian has no TOML reader for C. Bounded: size, nesting, number of values.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct err;

enum {
	TOML_SIZE_MAX = 4 * 1024 * 1024,
	TOML_DEPTH_MAX = 64,
};

/*
 * Parses text, naming what (a path) and the line in errors (ERR_USAGE). The caller owns
 * *ret_json, always an object.
 */
int toml_parse(const char *data, size_t size, const char *what, json_t **ret_json, struct err *err);
