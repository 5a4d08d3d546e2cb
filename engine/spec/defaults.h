/* SPDX-License-Identifier: Apache-2.0 */
/* What containers.conf(5), [containers], says where the user said nothing. */
#pragma once

#include <jansson.h>

#include "engine/spec/request.h"

struct err;

/*
 * Completes a request from a merged containers.conf (engine/config/containers_conf.h; NULL:
 * none). Lists come before the user's own values, so that these win. ERR_USAGE naming the key
 * where a value has the wrong type.
 */
int spec_defaults(const json_t *conf, struct request *request, struct err *err);

/*
 * The same for the network of a user without privilege, after spec_defaults(): [network]
 * default_rootless_network_cmd and pasta_options, [engine] network_cmd_options.
 */
int spec_defaults_network(const json_t *conf, struct request *request, struct err *err);
