/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of config.json (config.md, "POSIX-platform Hooks"). */
#pragma once

#include <sys/types.h>

#include "engine/runtime/oci.h"

struct err;

struct hooks_state {
	const struct oci_spec *spec;
	const char *id;
	const char *bundle;
	pid_t pid;	    /* as the runtime's namespace sees it; 0: none any more */
	const char *status; /* "creating", "created", "running", "stopped" */
};

/* The state object (runtime.md, "State"); the caller owns the text. */
char *hooks_state_text(const struct hooks_state *state);

/* Runs all hooks of a stage in order; the first failure ends it. */
int hooks_run(const struct hooks_state *state, enum oci_hook_stage stage, struct err *err);
/* Runs all whatever fails, and reports the first failure (poststart, poststop). */
int hooks_run_all(const struct hooks_state *state, enum oci_hook_stage stage, struct err *err);
