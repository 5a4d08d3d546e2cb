/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containers.conf(5): the file of the distribution, of the administrator and of the user, with
 * their drop-ins, merged key by key. Light enough for the hot path: files that do not exist
 * cost one failed open.
 */
#pragma once

#include <jansson.h>

struct err;

/*
 * Reads /usr/share/containers/containers.conf, /etc/containers/containers.conf and .conf.d, and
 * the same below $HOME/.config; $CONTAINERS_CONF stands for all of them, and
 * $CONTAINERS_CONF_OVERRIDE comes last. The caller owns *ret_conf, an object of tables
 * ("containers", "engine", "network", ...).
 */
int containers_conf_load(json_t **ret_conf, struct err *err);

/* conf[table][key], or NULL. */
const json_t *containers_conf_get(const json_t *conf, const char *table, const char *key);
