/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command as a table entry: what it is called, what it takes, what it needs of the launcher,
 * and the function that does it. Each lives in a file of its own (cli/container/run.c, ...);
 * cli/table.c lists them by the names under which they can be called.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/options/option.h"
#include "engine/base/buf.h"
#include "engine/ops/ops.h"

/* Options that stand before the command or among its own; strings point into argv. */
struct cli_global {
	const char *root;
	const char *runroot;
	const char *runtime;
	const char *storage_driver;
	const char *cgroup_manager;
	const char *log_level;
	const char *out;
	struct strv runtime_flags;
	struct strv storage_opts;
	bool version;
	bool help;
};

struct cli_launcher;

/* One command as it runs. */
struct cli {
	const struct cli_command *command;
	const char *path; /* "run" or "container run": as it is shown in texts */
	struct cli_global *global;
	const struct cli_parse *parse; /* for cli_was_set() */
	void *options;		       /* the command's struct, filled by its tables */
	char **args;		       /* positionals */
	size_t arg_count;
	const struct cli_launcher *launcher;
	struct ops *ops; /* open where the command needs more than OPS_NEED_NOTHING */
	struct buf out;	 /* standard output: written when the command ends, or by cli_flush() */
};

#define CLI_ANY SIZE_MAX

struct cli_command {
	const char *summary;	 /* one line, no full stop */
	const char *description; /* may hold several paragraphs */
	const char *usage;	 /* what follows "bryo NAME": "[options] CONTAINER" */
	const char *examples;	 /* lines without "bryo "; NULL: none */
	const char *notes;	 /* further markdown of the manual page; NULL: none */
	const char *complete;	 /* what positionals are: see struct cli_option */
	const struct cli_group *const *groups;
	size_t group_count;
	size_t options_size;		 /* of the struct that the groups fill */
	void (*defaults)(void *options); /* sets what is not zero; NULL: nothing is */
	void (*done)(void *options);	 /* frees all; NULL: what parsing filled is freed */
	bool stop_at_first;		 /* the first positional ends options */
	size_t args_min;		 /* checked in cobra's words; CLI_ANY as maximum and 0 */
	size_t args_max;		 /*   where the command has its own */
	enum ops_need need;
	/* Returns the exit status (0-255) or a negative errno with err set. */
	int (*run)(struct cli *cli, struct err *err);
};

/* One name under which something can be called. */
struct cli_entry {
	const char *path;		   /* "run", "container run", "container" */
	const struct cli_command *command; /* NULL: a family, or a command that bryo lacks */
	const char *alias_of;		   /* the path it is shown as; NULL: itself */
	const char *summary;		   /* where it differs from the command's; families */
	const char *description;	   /* families only */
};

/* The table, sorted by path. */
extern const struct cli_entry cli_table[];
extern const size_t cli_table_count;

/* The entry of exactly this path, or NULL. */
const struct cli_entry *cli_lookup(const char *path);
static inline bool cli_is_family(const struct cli_entry *entry)
{
	return entry->description != NULL;
}
/* How the command is called in --help and errors. */
static inline const char *cli_shown_path(const struct cli_entry *entry)
{
	return entry->alias_of ? entry->alias_of : entry->path;
}
/* NULL for a command of Podman's that bryo lacks. */
static inline const char *cli_summary(const struct cli_entry *entry)
{
	if (entry->summary || !entry->command)
		return entry->summary;
	return entry->command->summary;
}

/* Does the entry have a manual page of its own? */
bool cli_has_page(const struct cli_entry *entry);

/* Options into a struct cli_global: those that every command takes too, and those that only
   bryo itself takes. */
extern const struct cli_group cli_global_group;
extern const struct cli_group cli_top_group;

/* The whole --help text of an entry; NULL: of bryo itself. */
void cli_help(struct buf *out, const struct cli_entry *entry);
/* The sentences for a word that is no command below family (NULL: top level). */
void cli_unknown_command(struct buf *out, const struct cli_entry *family, const char *word);
/* The manual page of an entry, NULL: of bryo itself; as roff for man(1) or as markdown. */
void cli_manual(struct buf *out, const struct cli_entry *entry, bool markdown);

/* Writes what is in cli->out now: before an operation that writes to descriptor 1 itself. */
int cli_flush(struct cli *cli, struct err *err);
/* "Error: SENTENCE" on descriptor 2, in one write. */
void cli_print_error(const char *sentence);
/* "WARN: SENTENCE"-like lines: the text and a newline on descriptor 2. */
void cli_print_line(const char *line);
