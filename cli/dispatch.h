/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a command line to a running command: finds the table entry, parses, checks the number
 * of arguments, opens the engine by way of the launcher, runs, flushes.
 */
#pragma once

#include "cli/command.h"

struct cli_launcher;

/* Runs the command line argv (argv[0] is the program's name) and returns the exit status. */
int cli_dispatch(int argc, char **argv, const struct cli_launcher *launcher);
