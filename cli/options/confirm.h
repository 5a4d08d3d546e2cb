/* SPDX-License-Identifier: Apache-2.0 */
/* The question that prune commands ask before they remove. */
#pragma once

#include <stdbool.h>

struct cli;
struct err;

/*
 * Prints the warning and "Are you sure you want to continue? [y/N] " and reads one line of
 * standard input. 0 with *ret_yes, or an error.
 */
int cli_confirm(struct cli *cli, const char *warning, bool *ret_yes, struct err *err);
