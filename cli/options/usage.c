/* SPDX-License-Identifier: Apache-2.0 */
/* The option list of --help, laid out as pflag's FlagUsages does it. */
#include "cli/options/option.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/str.h"

const char *cli_metavar(const struct cli_option *option)
{
	static const char *const by_kind[] = {
		[CLI_BOOL] = "",	   [CLI_STRING] = "string",
		[CLI_CHOICE] = "choice",   [CLI_ARRAY] = "stringArray",
		[CLI_STRINGS] = "strings", [CLI_INT] = "int",
		[CLI_UINT] = "uint",	   [CLI_UINTS] = "uints",
		[CLI_FLOAT] = "float",
	};

	return option->metavar ? option->metavar : by_kind[option->kind];
}

static int by_name(const void *a, const void *b)
{
	const struct cli_option *const *x = a;
	const struct cli_option *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

const struct cli_option **cli_sorted(const struct cli_group *const *groups, size_t count,
				     size_t *ret_count)
{
	const struct cli_option **list = NULL;
	size_t used = 0;
	size_t capacity = 0;

	for (size_t g = 0; g < count; g++) {
		for (size_t i = 0; i < groups[g]->count; i++) {
			if (groups[g]->options[i].hidden)
				continue;
			/* NOLINTNEXTLINE(bugprone-sizeof-expression): the elements are pointers */
			xgrow(list, used, capacity);
			list[used++] = &groups[g]->options[i];
		}
	}
	if (used)
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): the elements are pointers */
		qsort(list, used, sizeof(*list), by_name);
	*ret_count = used;
	return list;
}

/* Columns that "      --name metavar" takes; all table text is ASCII. */
static size_t left_width(const struct cli_option *option)
{
	size_t metavar = strlen(cli_metavar(option));

	return strlen("  -x, --") + strlen(option->name) + (metavar ? metavar + 1 : 0);
}

static void add_default(struct buf *out, const struct cli_option *option)
{
	if (!option->preset)
		return;
	if (option->kind == CLI_STRING) {
		(void)buf_add_str(out, " (default ");
		(void)cli_quote(out, option->preset);
		(void)buf_addc(out, ')');
	} else {
		(void)buf_addf(out, " (default %s)", option->preset);
	}
}

int cli_usage(struct buf *out, const struct cli_group *const *groups, size_t count)
{
	size_t n = 0;
	auto_free const struct cli_option **list = cli_sorted(groups, count, &n);
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		width = left_width(list[i]) > width ? left_width(list[i]) : width;
	for (size_t i = 0; i < n; i++) {
		const char *metavar = cli_metavar(list[i]);

		if (list[i]->letter)
			(void)buf_addf(out, "  -%c, --%s", list[i]->letter, list[i]->name);
		else
			(void)buf_addf(out, "      --%s", list[i]->name);
		(void)buf_addf(out, "%s%s%*s   ", *metavar ? " " : "", metavar,
			       (int)(width - left_width(list[i])), "");
		for (const char *p = str_or(list[i]->help, ""); *p; p++) {
			(void)buf_addc(out, *p);
			if (*p == '\n')
				(void)buf_addf(out, "%*s", (int)width + 3, "");
		}
		add_default(out, list[i]);
		(void)buf_addc(out, '\n');
	}
	return 0;
}
