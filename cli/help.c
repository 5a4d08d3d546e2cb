/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts made from the command table: --help in Podman's layout, and what is said about a word
 * that is no command.
 */
#include "cli/command.h"

#include <ctype.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"

/* The name below its family, or NULL where the entry is not listed there (NULL: top level). */
static const char *listed_name(const struct cli_entry *entry, const struct cli_entry *family)
{
	const char *name = entry->path;

	if (family) {
		name = str_after(name, family->path);
		if (!name || *name != ' ')
			return NULL;
		name++;
	}
	if (strchr(name, ' ') || name[0] == '_' || entry->alias_of)
		return NULL;
	return entry->command || cli_is_family(entry) ? name : NULL;
}

/* A paragraph indented by two, as cobra templates put a description. */
static void add_indented(struct buf *out, const char *text)
{
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");

		(void)buf_addf(out, n ? "  %.*s\n" : "%.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

static void add_examples(struct buf *out, const char *examples)
{
	for (const char *line = examples; *line;) {
		size_t n = strcspn(line, "\n");

		(void)buf_addf(out, "  bryo %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

static void add_commands(struct buf *out, const struct cli_entry *family)
{
	int width = 0;

	for (size_t i = 0; i < cli_table_count; i++) {
		const char *name = listed_name(&cli_table[i], family);

		if (name && (int)strlen(name) > width)
			width = (int)strlen(name);
	}
	(void)buf_add_str(out, "Available Commands:\n");
	for (size_t i = 0; i < cli_table_count; i++) {
		const char *name = listed_name(&cli_table[i], family);

		if (name)
			(void)buf_addf(out, "  %-*s %s\n", width, name, cli_summary(&cli_table[i]));
	}
	(void)buf_addc(out, '\n');
}

/* "list, ls" where other names lead here. */
static void add_aliases(struct buf *out, const struct cli_entry *entry)
{
	const char *shown = cli_shown_path(entry);
	const char *name = strrchr(shown, ' ');
	bool any = false;

	for (size_t i = 0; i < cli_table_count; i++) {
		const char *other = strrchr(cli_table[i].path, ' ');

		if (!str_eq(cli_table[i].alias_of, shown))
			continue;
		if (!any)
			(void)buf_addf(out, "Aliases:\n  %s", name ? name + 1 : shown);
		(void)buf_addf(out, ", %s", other ? other + 1 : cli_table[i].path);
		any = true;
	}
	if (any)
		(void)buf_add_str(out, "\n\n");
}

static void help_command(struct buf *out, const struct cli_entry *entry)
{
	const struct cli_command *c = entry->command;
	struct buf usage auto_done(buf) = BUF_INIT;

	(void)cli_usage(&usage, c->groups, c->group_count);
	(void)buf_addf(out, "%s\n\nDescription:\n", cli_summary(entry));
	add_indented(out, c->description);
	(void)buf_addf(out, "\nUsage:\n  bryo %s%s%s\n\n", cli_shown_path(entry),
		       *c->usage ? " " : "", c->usage);
	add_aliases(out, entry);
	if (c->examples) {
		(void)buf_add_str(out, "Examples:\n");
		add_examples(out, c->examples);
		(void)buf_addc(out, '\n');
	}
	if (usage.size)
		(void)buf_addf(out, "Options:\n%s\n", usage.data);
}

void cli_help(struct buf *out, const struct cli_entry *entry)
{
	const struct cli_group *const top[] = { &cli_global_group, &cli_top_group };

	if (!entry) {
		(void)buf_add_str(out, "Manage containers and images\n\n"
				       "Usage:\n  bryo [options] [command]\n\n");
		add_commands(out, NULL);
		(void)buf_add_str(out, "Options:\n");
		(void)cli_usage(out, top, ARRAY_SIZE(top));
	} else if (cli_is_family(entry)) {
		(void)buf_addf(out, "%s\n\nDescription:\n", entry->summary);
		add_indented(out, entry->description);
		(void)buf_addf(out, "\nUsage:\n  bryo %s [command]\n\n", entry->path);
		add_commands(out, entry);
	} else {
		help_command(out, entry);
	}
}

#define WORD_MAX 32

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein distance without regard to case; far for words too long to be a slip. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t n = strlen(b);

	if (n > WORD_MAX || strlen(a) > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t cost = tolower((unsigned char)a[i]) != tolower((unsigned char)b[j]);
			size_t next = least(row[j + 1] + 1, row[j] + 1, diagonal + cost);

			diagonal = row[j + 1];
			row[j + 1] = next;
		}
	}
	return row[n];
}

void cli_unknown_command(struct buf *out, const struct cli_entry *family, const char *word)
{
	const char *path = family ? family->path : "";
	const char *blank = family ? " " : "";
	bool any = false;

	(void)buf_addf(out, "unrecognized command `bryo %s%s%s`\n", path, blank, word);
	for (size_t i = 0; i < cli_table_count; i++) {
		const char *name = listed_name(&cli_table[i], family);

		/* Slips are looked for at the top only; below a family, Podman knows beginnings. */
		if (!name || (strncasecmp(name, word, strlen(word)) != 0 &&
			      (family || distance(word, name) > 2)))
			continue;
		(void)buf_addf(out, "%s\t%s\n", any ? "" : "\nDid you mean this?\n", name);
		any = true;
	}
	(void)buf_addf(out, "%sTry 'bryo %s%s--help' for more information", any ? "\n" : "", path,
		       blank);
}
