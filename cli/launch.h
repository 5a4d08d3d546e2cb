/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands need of the launcher (rootless.h), which only main() may know: a table of
 * functions that main() fills and tests replace.
 */
#pragma once

#include "engine/ops/ops.h"

struct cli_global;

struct cli_launcher {
	/*
	 * Takes the process to where need says and opens the engine there. 0 or a negative errno
	 * with err set.
	 */
	int (*open)(enum ops_need need, const struct cli_global *global, struct ops **ret_ops,
		    struct err *err);
	/*
	 * Executes argv (NULL-terminated) as root of the user namespace, in a mount namespace of
	 * its own. Returns only an error.
	 */
	int (*unshare)(const struct cli_global *global, char *const argv[], struct err *err);
	/*
	 * Appends what this host allows: {"layer", "what", "state", "how", "fix"} each
	 * (rootless/doctor.h). What cannot be found out is a finding too.
	 */
	void (*doctor)(const struct cli_global *global, json_t *findings);
};
