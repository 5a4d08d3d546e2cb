/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command-line options as tables. One table gives parsing, --help, shell completion and the
 * manual page's list, so that these cannot drift apart.
 *
 * Parsing follows pflag, which Podman uses: --flag=value, --flag value, -abc, -e=V, -eV, -e V;
 * booleans take a value only behind "="; "--" ends options; the wording of errors is pflag's.
 * Values are stored straight into a struct of the command's by offset, without allocation
 * except for lists, whose strings are copied.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct strv;

/* What a value looks like, and so what lies at the option's offset. */
enum cli_kind {
	CLI_BOOL,    /* bool; "=true" and "=false" as strconv.ParseBool takes them */
	CLI_STRING,  /* const char *, pointing into argv */
	CLI_CHOICE,  /* const char *, one of the comma-separated words in choices */
	CLI_ARRAY,   /* struct strv, one element each time ("stringArray") */
	CLI_STRINGS, /* struct strv, each value split as one line of CSV ("strings") */
	CLI_INT,     /* int64_t; decimal, octal behind 0, hexadecimal behind 0x */
	CLI_UINT,    /* uint64_t */
	CLI_UINTS,   /* struct strv of decimal numbers, comma-separated ("uints") */
	CLI_FLOAT,   /* double */
};

/* What becomes of an option that parses. */
enum cli_support {
	CLI_ACTS = 0,
	CLI_IGNORED, /* accepted for Podman's sake: nothing here depends on it */
	CLI_REFUSED, /* a flag of Podman's that bryo does not have yet: named in the error */
};

/* How a value lies at the option's offset; lists are struct strv either way. */
enum cli_store {
	CLI_NATIVE = 0, /* as enum cli_kind says */
	CLI_TEXT,     /* char *, a copy of the word as it was typed, after its syntax was checked */
	CLI_TRISTATE, /* unsigned: 0 not given, 1 false, 2 true (booleans only) */
};

#define CLI_NO_FIELD SIZE_MAX

struct cli_option {
	const char *name; /* long name without dashes */
	char letter;	  /* short name, or 0 */
	enum cli_kind kind;
	enum cli_support support;
	enum cli_store store;
	bool secret;	     /* a value's part behind "=" or ":" is nobody else's to see */
	bool hidden;	     /* parsed, but in no list */
	const char *metavar; /* how --help calls the value; NULL: by kind */
	const char *help;
	const char *preset;  /* the default as --help shows it; NULL: none shown. The field's own
				default is set by the command before parsing. */
	const char *choices; /* CLI_CHOICE: "a,b,c" */
	const char *aliases; /* further long names, comma-separated, never listed */
	const char *fine; /* CLI_REFUSED: comma-separated values that ask for what happens anyway */
	const char *complete; /* what the shell offers: "container", "image", "volume", "file",
				 "dir" or "a,b,c" */
	size_t offset;	      /* of the field in the group's struct; CLI_NO_FIELD: none (always so
				 for refused ones) */
};

/* An option table and where in the command's struct its offsets begin. */
struct cli_group {
	const struct cli_option *options;
	size_t count;
	size_t base;
};
#define CLI_GROUP_INIT(table, base_offset)                                                         \
	{                                                                                          \
		.options = (table), .count = sizeof(table) / sizeof((table)[0]),                   \
		.base = (base_offset)                                                              \
	}

#define CLI_GROUPS_MAX 8
#define CLI_SET_MAX 256

/* What is parsed with, and what came of it. */
struct cli_parse {
	const struct cli_group *groups[CLI_GROUPS_MAX]; /* searched in order: a command's before
							   the global ones */
	size_t group_count;
	void *fields[CLI_GROUPS_MAX]; /* the struct that each group's offsets point into */
	bool stop_at_first;	      /* the first positional ends options (run, exec) */
	char **args;		      /* out: positionals, moved to the front of argv */
	size_t arg_count;	      /* out */
	size_t dash;		      /* out: positionals before "--", SIZE_MAX without "--" */
	bool want_help;		      /* out: --help, or -h where it means nothing else */
	const void *set[CLI_SET_MAX]; /* out: the fields that were given */
	size_t set_count;
	const struct cli_option *refused; /* out: first refused option that was given */
};

/*
 * Parses argv (count words, without the command's name). 0, or -EINVAL with pflag's sentence in
 * err (the caller appends its "See '... --help'" line). Options are handled as far as they came.
 */
int cli_parse(struct cli_parse *parse, char **argv, size_t count, struct err *err);

/* Was the option of this field given? field points into one of the parse's structs. */
bool cli_was_set(const struct cli_parse *parse, const void *field);

/* Frees the lists and texts that parsing filled. */
void cli_parse_done(struct cli_parse *parse);

/* The option of this long name (aliases too) or letter, with its group's index, or NULL. */
const struct cli_option *cli_find(const struct cli_parse *parse, const char *name, size_t length,
				  size_t *ret_group);
const struct cli_option *cli_find_letter(const struct cli_parse *parse, char letter,
					 size_t *ret_group);

/* strconv.ParseBool: 1, t, T, TRUE, true, True and their opposites. 0 or -EINVAL. */
int cli_bool(const char *text, bool *ret_value);
/* One line of CSV as encoding/csv reads it: quotes may hold commas. 0 or -EINVAL with err. */
int cli_csv(const char *text, struct strv *list, struct err *err);
/* strconv.Quote: the text in double quotes, escaped. */
int cli_quote(struct buf *out, const char *text);

/* What --help shows for the value: the metavar, or the kind's name; "" for booleans. */
const char *cli_metavar(const struct cli_option *option);

/*
 * All options of the groups in order of name, hidden ones left out; the caller frees the array
 * (not the options). The number goes to ret_count.
 */
const struct cli_option **cli_sorted(const struct cli_group *const *groups, size_t count,
				     size_t *ret_count);

/* The "Options:" part of --help, laid out as pflag's FlagUsages. */
int cli_usage(struct buf *out, const struct cli_group *const *groups, size_t count);
