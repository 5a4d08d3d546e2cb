/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manual pages made of the command table, as markdown for reading in docs/man and as roff for
 * man(1). One walk writes both; small functions know how each marks a thing.
 */
#include <ctype.h>
#include <string.h>

#include "cli/command.h"
#include "engine/base/alloc.h"
#include "engine/base/str.h"

struct page {
	struct buf *out;
	bool markdown;
};

/* Plain text; signs that mean something to the format are kept from doing so. */
static void add_text(const struct page *page, const char *text)
{
	for (const char *p = text; *p; p++) {
		bool line_start = p == text || p[-1] == '\n';

		if (page->markdown && strchr("*_<>`\\", *p))
			(void)buf_addc(page->out, '\\');
		else if (!page->markdown && *p == '\\')
			(void)buf_add_str(page->out, "\\e"), p++;
		else if (!page->markdown && line_start && (*p == '.' || *p == '\''))
			(void)buf_add_str(page->out, "\\&");
		if (!page->markdown && *p == '-')
			(void)buf_add_str(page->out, "\\-");
		else if (*p)
			(void)buf_addc(page->out, *p);
		else
			break;
	}
}

static void add_heading(const struct page *page, const char *title)
{
	(void)buf_addf(page->out, page->markdown ? "\n## %s\n\n" : ".SH %s\n", title);
}

static void add_bold(const struct page *page, const char *text)
{
	(void)buf_add_str(page->out, page->markdown ? "**" : "\\fB");
	add_text(page, text);
	(void)buf_add_str(page->out, page->markdown ? "**" : "\\fR");
}

static void add_italic(const struct page *page, const char *text)
{
	(void)buf_add_str(page->out, page->markdown ? "*" : "\\fI");
	add_text(page, text);
	(void)buf_add_str(page->out, page->markdown ? "*" : "\\fR");
}

/* Paragraphs are parted by an empty line, in roff by .PP. */
static void add_paragraphs(const struct page *page, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		auto_free char *part = xstrndup(text, n);

		if (!page->markdown)
			(void)buf_add_str(page->out, ".PP\n");
		add_text(page, part);
		(void)buf_add_str(page->out, end && page->markdown ? "\n\n" : "\n");
		text += n + (end ? 2 : 0);
	}
}

static void add_verbatim(const struct page *page, const char *lines)
{
	(void)buf_add_str(page->out, page->markdown ? "```\n" : ".nf\n");
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		auto_free char *line = xasprintf("$ bryo %.*s", (int)n, lines);

		if (page->markdown)
			(void)buf_add_str(page->out, line);
		else
			add_text(page, line);
		(void)buf_addc(page->out, '\n');
		lines += n + (lines[n] == '\n');
	}
	(void)buf_add_str(page->out, page->markdown ? "```\n" : ".fi\n");
}

static void add_option(const struct page *page, const struct cli_option *option)
{
	const char *metavar = cli_metavar(option);
	auto_free char *name = xasprintf("--%s", option->name);
	char letter[] = { '-', option->letter, '\0' };

	if (page->markdown)
		(void)buf_add_str(page->out, "#### ");
	else
		(void)buf_add_str(page->out, ".TP\n");
	add_bold(page, name);
	if (option->letter) {
		(void)buf_add_str(page->out, ", ");
		add_bold(page, letter);
	}
	if (*metavar) {
		(void)buf_addc(page->out, '=');
		add_italic(page, metavar);
	}
	(void)buf_add_str(page->out, page->markdown ? "\n\n" : "\n");
	add_text(page, str_or(option->help, ""));
	if (option->support == CLI_REFUSED)
		add_text(page, " (not supported yet)");
	if (option->preset) {
		add_text(page, " (default ");
		add_bold(page, option->preset);
		add_text(page, ")");
	}
	(void)buf_add_str(page->out, page->markdown ? "\n\n" : "\n");
}

static void add_options(const struct page *page, const struct cli_group *const *groups,
			size_t count)
{
	size_t n = 0;
	auto_free const struct cli_option **list = cli_sorted(groups, count, &n);

	if (n == 0)
		return;
	add_heading(page, "OPTIONS");
	for (size_t i = 0; i < n; i++)
		add_option(page, list[i]);
	/* One empty line is enough before what follows. */
	if (page->markdown)
		page->out->data[--page->out->size] = '\0';
}

/* "bryo-container-exists" */
static char *page_name(const char *path)
{
	char *name = xasprintf("bryo%s%s", path ? "-" : "", str_or(path, ""));

	for (char *p = name; *p; p++)
		*p = (char)(*p == ' ' ? '-' : *p);
	return name;
}

static void add_title(const struct page *page, const char *name, const char *summary)
{
	if (page->markdown) {
		(void)buf_addf(page->out, "# %s(1)\n\n## NAME\n\n%s - ", name, name);
	} else {
		(void)buf_add_str(page->out, ".TH ");
		for (const char *p = name; *p; p++)
			(void)buf_addc(page->out, (char)toupper((unsigned char)*p));
		(void)buf_addf(page->out, " 1 \"\" \"bryo %s\" \"User Commands\"\n.SH NAME\n",
			       BRYO_VERSION);
		add_text(page, name);
		(void)buf_add_str(page->out, " \\- ");
	}
	add_text(page, summary);
	(void)buf_addc(page->out, '\n');
}

/* Notes are written as markdown: headings, bold words and paragraphs are all they hold. */
static void add_notes(const struct page *page, const char *notes)
{
	bool bold = false;

	if (page->markdown) {
		(void)buf_addf(page->out, "\n%s", notes);
		return;
	}
	for (const char *p = notes; *p; p++) {
		const char *title = str_after(p, "## ");

		if (title && (p == notes || p[-1] == '\n')) {
			size_t n = strcspn(title, "\n");

			(void)buf_addf(page->out, ".SH %.*s\n", (int)n, title);
			p = title + n;
			p += strspn(p, "\n") - 1;
		} else if (p[0] == '*' && p[1] == '*') {
			bold = !bold;
			(void)buf_add_str(page->out, bold ? "\\fB" : "\\fR");
			p++;
		} else if (p[0] == '\n' && p[1] == '\n') {
			(void)buf_add_str(page->out, "\n.PP\n");
			p++;
		} else {
			(void)buf_addc(page->out, *p);
		}
	}
}

static void manual_of_bryo(const struct page *page)
{
	const struct cli_group *const groups[] = { &cli_global_group, &cli_top_group };

	add_title(page, "bryo", "Manage containers and images without privileges");
	add_heading(page, "SYNOPSIS");
	add_bold(page, "bryo");
	add_text(page, " [options] command\n");
	add_heading(page, "DESCRIPTION");
	add_paragraphs(page,
		       "bryo runs containers for users without privileges, without a daemon and "
		       "without a setuid program of its own. Its commands, flags and output "
		       "are Podman's.\n\nEach command has a page of its own: bryo-run(1), "
		       "bryo-ps(1), bryo-pull(1) and so on.");
	add_options(page, groups, ARRAY_SIZE(groups));
	add_heading(page, "COMMANDS");
	for (size_t i = 0; i < cli_table_count; i++) {
		const struct cli_entry *entry = &cli_table[i];
		auto_free char *name = NULL;

		if (!cli_has_page(entry))
			continue;
		name = page_name(entry->path);
		(void)buf_add_str(page->out, page->markdown ? "- " : ".TP\n");
		add_bold(page, name);
		(void)buf_add_str(page->out, page->markdown ? "(1): " : "(1)\n");
		add_text(page, cli_summary(entry));
		(void)buf_addc(page->out, '\n');
	}
}

void cli_manual(struct buf *out, const struct cli_entry *entry, bool markdown)
{
	const struct page page = { .out = out, .markdown = markdown };
	const struct cli_command *c = entry ? entry->command : NULL;
	auto_free char *name = NULL;
	auto_free char *synopsis = NULL;

	if (!entry) {
		manual_of_bryo(&page);
		return;
	}
	name = page_name(cli_shown_path(entry));
	synopsis = xasprintf("bryo %s", cli_shown_path(entry));
	add_title(&page, name, cli_summary(entry));
	add_heading(&page, "SYNOPSIS");
	add_bold(&page, synopsis);
	(void)buf_addc(out, ' ');
	add_text(&page, c->usage);
	(void)buf_addc(out, '\n');
	add_heading(&page, "DESCRIPTION");
	add_paragraphs(&page, c->description);
	add_options(&page, c->groups, c->group_count);
	if (c->examples) {
		add_heading(&page, "EXAMPLES");
		add_verbatim(&page, c->examples);
	}
	if (c->notes)
		add_notes(&page, c->notes);
	add_heading(&page, "SEE ALSO");
	add_bold(&page, "bryo");
	(void)buf_add_str(out, "(1)\n");
}
