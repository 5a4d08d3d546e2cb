/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a command line to a running command: finds the table entry, parses, checks the number
 * of arguments, opens the engine by way of a function of main's, runs, flushes.
 */
#pragma once

#include "cli/command.h"

/*
 * What main() knows and tests replace: takes the process to where the command needs to stand
 * (rootless.h) and opens the engine. 0 or a negative errno with err set.
 */
typedef int (*cli_open)(enum ops_need need, const struct cli_global *global, struct ops **ret_ops,
			struct err *err);

/* Runs the command line argv (argv[0] is the program's name) and returns the exit status. */
int cli_dispatch(int argc, char **argv, cli_open open);
