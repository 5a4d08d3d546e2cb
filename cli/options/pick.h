/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that act on several containers: which ones, and one after the other. */
#pragma once

#include "cli/command.h"

/* What --all, --latest, --cidfile and --filter said; part of such commands' options. */
struct cli_pick {
	bool all;
	bool latest;
	bool ignore; /* missing ones are no error */
	struct strv cidfiles;
	struct strv filters;
};

/*
 * The options that fill it in, for tables of commands whose options have a `pick` (and an AT(), see
 * shorthand.h).
 */
#define PICK_ALL(text)                                                                             \
	{                                                                                          \
		.name = "all", .letter = 'a', .kind = CLI_BOOL, .help = (text),                    \
		.offset = AT(pick.all)                                                             \
	}
#define PICK_CIDFILE                                                                               \
	{                                                                                          \
		.name = "cidfile", .kind = CLI_ARRAY,                                              \
		.help = "Read the container ID from the file", .complete = "file",                 \
		.offset = AT(pick.cidfiles)                                                        \
	}
/* rm has -f for --force: no letter there. */
#define PICK_FILTER(letter_or_0)                                                                   \
	{                                                                                          \
		.name = "filter", .letter = (letter_or_0), .kind = CLI_ARRAY,                      \
		.help = "Filter output based on conditions given", .offset = AT(pick.filters)      \
	}
#define PICK_IGNORE                                                                                \
	{                                                                                          \
		.name = "ignore", .letter = 'i', .kind = CLI_BOOL,                                 \
		.help = "Ignore errors when a specified container is missing",                     \
		.offset = AT(pick.ignore)                                                          \
	}
#define PICK_LATEST                                                                                \
	{                                                                                          \
		.name = "latest", .letter = 'l', .kind = CLI_BOOL,                                 \
		.help = "Act on the latest container bryo is aware of", .offset = AT(pick.latest)  \
	}

/*
 * The names to act on: positionals as typed, contents of cidfiles, or ids of those that --all
 * (all_means: every one or the running ones), --latest or --filter selects. Of several, all must
 * be there (those that --ignore forgives are left out). 0 or a negative errno; wrong
 * combinations are refused in Podman's words.
 */
int cli_pick(struct cli *cli, const struct cli_pick *pick, enum ops_select all_means,
	     struct strv *ret_names, struct err *err);

/*
 * Calls act for each name and prints those for which it succeeded; goes on after failures,
 * whose sentences are printed once all is done. Returns 0, or the last failure with err set
 * (its sentence is left to the caller).
 */
typedef int (*cli_action)(struct cli *cli, const char *name, struct err *err);
int cli_each(struct cli *cli, const struct strv *names, cli_action act, struct err *err);
