/* SPDX-License-Identifier: Apache-2.0 */
/* Which OCI runtime a container runs with: our own, or another program. */
#pragma once

#include <jansson.h>

#include "engine/spec/request.h"

struct err;

/*
 * Finds the program that request->runtime names, or [engine] runtime of containers.conf (conf,
 * NULL: none) where it names nothing, and stores its absolute path in request->runtime_path. A
 * name is looked up in [engine.runtimes], then in PATH, then in the system's folders, since a
 * user's PATH seldom has /usr/sbin. NULL stays there for our own ("bryo-runtime").
 *
 * 0, or ERR_USAGE: no such program (exit status 125, as Podman's).
 */
int spec_runtime_find(const json_t *conf, struct request *request, struct err *err);
