/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses a command line against option tables, word for word as pflag does. Runs in the
 * command's own process before anything else; touches nothing but memory.
 */
#include "cli/options/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

/* Does the comma-separated list hold exactly this word? */
static bool list_has(const char *list, const char *word, size_t length)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");

		if (n == length && memcmp(list, word, n) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

const struct cli_option *cli_find(const struct cli_parse *parse, const char *name, size_t length,
				  size_t *ret_group)
{
	for (size_t g = 0; g < parse->group_count; g++) {
		const struct cli_group *group = parse->groups[g];

		for (size_t i = 0; i < group->count; i++) {
			const struct cli_option *o = &group->options[i];

			if ((strncmp(o->name, name, length) == 0 && o->name[length] == '\0') ||
			    list_has(o->aliases, name, length)) {
				*ret_group = g;
				return o;
			}
		}
	}
	return NULL;
}

const struct cli_option *cli_find_letter(const struct cli_parse *parse, char letter,
					 size_t *ret_group)
{
	for (size_t g = 0; g < parse->group_count && letter; g++) {
		const struct cli_group *group = parse->groups[g];

		for (size_t i = 0; i < group->count; i++) {
			if (group->options[i].letter != letter)
				continue;
			*ret_group = g;
			return &group->options[i];
		}
	}
	return NULL;
}

/* Marks the field as given and forgets an inherited list when it is given the first time. */
static bool mark_set(struct cli_parse *parse, const void *field)
{
	if (cli_was_set(parse, field))
		return false;
	if (parse->set_count < CLI_SET_MAX)
		parse->set[parse->set_count++] = field;
	return true;
}

static int store_number(const struct cli_option *option, void *field, const char *value,
			struct err *err)
{
	const char *function = option->kind == CLI_INT	  ? "ParseInt"
			       : option->kind == CLI_UINT ? "ParseUint"
							  : "ParseFloat";
	const char *p = value;
	char *end = NULL;
	struct buf quoted auto_done(buf) = BUF_INIT;

	errno = 0;
	if (option->kind == CLI_UINT && (*p == '-' || *p == '+'))
		p = "";
	if (*p == '\0' || strchr(" \t\n\v\f\r", *p)) {
		errno = EINVAL;
	} else if (option->kind == CLI_INT) {
		int64_t n = strtoll(p, &end, 0);

		if (!errno && !*end)
			*(int64_t *)field = n;
	} else if (option->kind == CLI_UINT) {
		uint64_t n = strtoull(p, &end, 0);

		if (!errno && !*end)
			*(uint64_t *)field = n;
	} else {
		double n = strtod(p, &end);

		if (!errno && !*end)
			*(double *)field = n;
	}
	if (!errno && end && *end == '\0')
		return 0;
	(void)cli_quote(&quoted, value);
	return err_say(err, ERR_USAGE, "strconv.%s: parsing %s: %s", function, quoted.data,
		       errno == ERANGE ? "value out of range" : "invalid syntax");
}

static int store_choice(const struct cli_option *option, void *field, const char *value,
			struct err *err)
{
	struct buf quoted auto_done(buf) = BUF_INIT;
	struct buf words auto_done(buf) = BUF_INIT;

	if (list_has(option->choices, value, strlen(value))) {
		*(const char **)field = value;
		return 0;
	}
	for (const char *p = option->choices; *p; p++) {
		(void)buf_addc(&words, *p);
		if (*p == ',')
			(void)buf_addc(&words, ' ');
	}
	(void)cli_quote(&quoted, value);
	return err_say(err, ERR_USAGE, "%s is not a valid value.  Choose from: \"%s\"", quoted.data,
		       words.data);
}

static int store_uints(struct strv *list, const char *value, struct err *err)
{
	size_t first = list->count;
	struct buf quoted auto_done(buf) = BUF_INIT;
	uint64_t n = 0;

	strv_split(list, value, ',');
	for (size_t i = first; i < list->count; i++) {
		if (str_to_u64(list->v[i], &n) == 0)
			continue;
		(void)cli_quote(&quoted, list->v[i]);
		return err_say(err, ERR_USAGE, "strconv.ParseUint: parsing %s: invalid syntax",
			       quoted.data);
	}
	return 0;
}

/* Stores one value; err gets the reason without the option's name. */
static int store(const struct cli_option *option, void *field, const char *value, struct err *err)
{
	struct buf quoted auto_done(buf) = BUF_INIT;

	switch (option->kind) {
	case CLI_BOOL:
		if (cli_bool(value, field) == 0)
			return 0;
		(void)cli_quote(&quoted, value);
		return err_say(err, ERR_USAGE, "strconv.ParseBool: parsing %s: invalid syntax",
			       quoted.data);
	case CLI_STRING:
		*(const char **)field = value;
		return 0;
	case CLI_CHOICE:
		return store_choice(option, field, value, err);
	case CLI_ARRAY:
		strv_add(field, value);
		return 0;
	case CLI_STRINGS:
		return cli_csv(value, field, err);
	case CLI_UINTS:
		return store_uints(field, value, err);
	case CLI_INT:
	case CLI_UINT:
	case CLI_FLOAT:
		return store_number(option, field, value, err);
	}
	return -EINVAL;
}

/* Checks the value in scratch memory first where the field keeps something else than it. */
static int store_in_field(const struct cli_option *option, void *field, const char *value,
			  void *scratch, struct err *err)
{
	char **text = field;
	int r = 0;

	if (option->store == CLI_NATIVE)
		return store(option, field, value, err);
	r = store(option, scratch, value, err);
	if (r < 0)
		return r;
	if (option->store == CLI_TRISTATE) {
		*(unsigned *)field = *(bool *)scratch ? 2 : 1;
		return 0;
	}
	free(*text);
	*text = xstrdup(value);
	return 0;
}

static bool is_list(enum cli_kind kind)
{
	return kind == CLI_ARRAY || kind == CLI_STRINGS || kind == CLI_UINTS;
}

/* A value for an option that has no field must be well-formed all the same. */
union scratch {
	bool b;
	const char *s;
	int64_t i;
	uint64_t u;
	double f;
	struct strv list;
};

/* "-t, --tty" or "--cpus", as pflag names an option in its errors. */
static void add_name(struct buf *out, const struct cli_option *option)
{
	if (option->letter)
		(void)buf_addf(out, "-%c, ", option->letter);
	(void)buf_addf(out, "--%s", option->name);
}

/* "--flag=false" of a flag that we lack asks for what happens anyway. */
static bool asks_nothing(const struct cli_option *option, const char *value)
{
	bool on = true;

	if (option->fine)
		return list_has(option->fine, value, strlen(value));
	return option->kind == CLI_BOOL && cli_bool(value, &on) == 0 && !on;
}

static int give(struct cli_parse *parse, const struct cli_option *option, size_t group,
		const char *value, struct err *err)
{
	char *base = (char *)parse->fields[group] + parse->groups[group]->base;
	bool has_field = option->offset != CLI_NO_FIELD;
	union scratch scratch = { 0 };
	void *field = has_field ? (void *)(base + option->offset) : NULL;
	struct buf quoted auto_done(buf) = BUF_INIT;
	struct buf name auto_done(buf) = BUF_INIT;
	struct err why = ERR_INIT;
	int r = 0;

	/* The command's own default of a list is replaced, not added to, as pflag does. */
	if (has_field && mark_set(parse, field) && is_list(option->kind))
		strv_done(field);
	r = has_field ? store_in_field(option, field, value, &scratch, &why)
		      : store(option, &scratch, value, &why);
	if (r == 0 && option->support == CLI_REFUSED && !parse->refused &&
	    !asks_nothing(option, value))
		parse->refused = option;
	if (!has_field && is_list(option->kind))
		strv_done(&scratch.list);
	if (r == 0)
		return 0;
	(void)cli_quote(&quoted, value);
	add_name(&name, option);
	return err_say(err, ERR_USAGE, "invalid argument %s for \"%s\" flag: %s", quoted.data,
		       name.data, why.text);
}

/* One "--name" word; *next is the word behind it, or NULL; returns 1 when that was taken. */
static int parse_long(struct cli_parse *parse, char *word, char *next, struct err *err)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const struct cli_option *option = NULL;
	size_t group = 0;
	int r = 0;

	if (*name == '-' || *name == '=')
		return err_say(err, ERR_USAGE, "bad flag syntax: %s", word);
	option = cli_find(parse, name, length, &group);
	if (!option && length == 4 && strncmp(name, "help", 4) == 0) {
		parse->want_help = true;
		if (name[4] != '=' || cli_bool(name + 5, &parse->want_help) == 0)
			return 0;
		return err_say(err, ERR_USAGE,
			       "invalid argument \"%s\" for \"--help\" flag: strconv.ParseBool: "
			       "parsing \"%s\": invalid syntax",
			       name + 5, name + 5);
	}
	if (!option)
		return err_say(err, ERR_USAGE, "unknown flag: --%.*s", (int)length, name);
	if (name[length] == '=')
		return give(parse, option, group, name + length + 1, err);
	if (option->kind == CLI_BOOL)
		return give(parse, option, group, "true", err);
	if (!next)
		return err_say(err, ERR_USAGE, "flag needs an argument: %s", word);
	r = give(parse, option, group, next, err);
	return r < 0 ? r : 1;
}

/* One "-abc" word, by letters; returns 1 when the next word was taken as the value. */
static int parse_short(struct cli_parse *parse, char *word, char *next, struct err *err)
{
	for (char *p = word + 1; *p; p++) {
		size_t group = 0;
		const struct cli_option *option = cli_find_letter(parse, *p, &group);
		int r = 0;

		if (!option && *p == 'h') {
			parse->want_help = true;
			return 0;
		}
		if (!option)
			return err_say(err, ERR_USAGE, "unknown shorthand flag: '%c' in -%s", *p,
				       p);
		if (p[1] == '=' && p[2])
			return give(parse, option, group, p + 2, err);
		if (option->kind == CLI_BOOL) {
			r = give(parse, option, group, "true", err);
			if (r < 0)
				return r;
			continue;
		}
		if (p[1])
			return give(parse, option, group, p + 1, err);
		if (!next)
			return err_say(err, ERR_USAGE, "flag needs an argument: '%c' in -%s", *p,
				       p);
		r = give(parse, option, group, next, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

int cli_parse(struct cli_parse *parse, char **argv, size_t count, struct err *err)
{
	size_t i = 0;

	parse->args = argv;
	parse->arg_count = 0;
	parse->dash = SIZE_MAX;
	while (i < count && !parse->want_help) {
		char *word = argv[i];
		char *next = i + 1 < count ? argv[i + 1] : NULL;
		int r = 0;

		if (word[0] != '-' || word[1] == '\0') {
			if (parse->stop_at_first)
				break;
			parse->args[parse->arg_count++] = word;
			i++;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			parse->dash = parse->arg_count;
			i++;
			break;
		}
		r = word[1] == '-' ? parse_long(parse, word, next, err)
				   : parse_short(parse, word, next, err);
		if (r < 0)
			return r;
		i += 1 + (size_t)r;
	}
	for (; i < count && !parse->want_help; i++)
		parse->args[parse->arg_count++] = argv[i];
	return 0;
}

bool cli_was_set(const struct cli_parse *parse, const void *field)
{
	for (size_t i = 0; i < parse->set_count; i++)
		if (parse->set[i] == field)
			return true;
	return false;
}

void cli_parse_done(struct cli_parse *parse)
{
	for (size_t g = 0; g < parse->group_count; g++) {
		const struct cli_group *group = parse->groups[g];

		for (size_t i = 0; i < group->count; i++) {
			const struct cli_option *o = &group->options[i];
			void *field = NULL;

			if (o->offset == CLI_NO_FIELD)
				continue;
			field = (char *)parse->fields[g] + group->base + o->offset;
			if (is_list(o->kind)) {
				strv_done(field);
			} else if (o->store == CLI_TEXT) {
				free(*(char **)field);
				*(char **)field = NULL;
			}
		}
	}
}
