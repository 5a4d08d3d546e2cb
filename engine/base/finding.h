/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `bryo doctor` finds. Findings are JSON objects {"layer", "what", "state":
 * "ok"|"limited"|"missing", "how", "fix"}, so that front ends can print or send them. Each layer
 * tells its own: rootless/doctor.c, engine/ops/doctor.c.
 */
#pragma once

#include "engine/base/json.h"

/* Appends one to the array findings; how and fix may be NULL. */
void finding_add(json_t *findings, const char *layer, const char *what, const char *state,
		 const char *how, const char *fix);
