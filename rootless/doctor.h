/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host allows, tried for real, with the exact fix for what is missing. Findings are
 * JSON objects {"layer", "what", "state": "ok"|"limited"|"missing", "how", "fix"}, so that
 * front ends can print or send them.
 */
#pragma once

#include "engine/base/json.h"

struct rootless_options;

/* Appends one finding; how and fix may be NULL. */
void doctor_add(json_t *findings, const char *layer, const char *what, const char *state,
		const char *how, const char *fix);

/*
 * The launcher's part: folders, user namespace, subordinate ids and their helpers, devices.
 * Works where nothing else does; makes nothing that stays.
 */
void rootless_doctor(const struct rootless_options *options, json_t *findings);
