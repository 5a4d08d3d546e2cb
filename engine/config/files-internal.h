/* SPDX-License-Identifier: Apache-2.0 */
/* Where configuration lies, and reading a TOML file of it. */
#pragma once

#include <jansson.h>

#include "engine/base/str.h"

struct err;

/* $HOME/.config/NAME (or below XDG_CONFIG_HOME); NULL without a home. Caller owns. */
char *config_user_path(const char *name);

/* Adds the paths DIR/NAME.conf, sorted by name; a missing folder adds nothing. */
void config_add_drop_ins(const char *dir, struct strv *paths);

/* Reads and parses one TOML file. -ENOENT (err untouched) when it is missing. */
int config_read_toml(const char *path, json_t **ret_json, struct err *err);
