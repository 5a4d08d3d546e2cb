/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --env-merge NAME=WORD: the word is read as a shell would read it, and its variables are those
 * that the image and the engine set. Podman takes it from Dockerfile's rules ("Environment
 * replacement" in Docker's reference of that file): $NAME, ${NAME}, ${NAME:-word},
 * ${NAME:+word}, quotes and backslashes. Pure.
 */
#include "engine/spec/env.h"

#include <ctype.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

#define DEPTH_MAX 16 /* of words inside ${NAME:-word} */

struct reader {
	const char *at;
	const struct strv *env;
	const char *problem; /* why the word cannot be read */
	unsigned int depth;
};

static void read_word(struct reader *r, char end, struct buf *out);

static const char *value_of(const struct reader *r, const char *name)
{
	return str_or(strv_env_get(r->env, name), "");
}

/* A name, or one digit as in $1; nothing: a dollar sign that is only that. */
static char *read_name(struct reader *r)
{
	const char *start = r->at;

	if (isdigit((unsigned char)*r->at))
		r->at++;
	else
		while (isalnum((unsigned char)*r->at) || *r->at == '_')
			r->at++;
	return xstrndup(start, (size_t)(r->at - start));
}

/* Behind "${". */
static void read_braces(struct reader *r, struct buf *out)
{
	auto_free char *name = read_name(r);
	struct buf word auto_done(buf) = BUF_INIT;
	const char *value = value_of(r, name);
	char modifier = 0;

	if (*r->at == '}') {
		r->at++;
		(void)buf_add_str(out, value);
		return;
	}
	if (r->at[0] != ':' || (r->at[1] != '-' && r->at[1] != '+')) {
		r->problem = "want ${NAME}, ${NAME:-word} or ${NAME:+word}";
		return;
	}
	modifier = r->at[1];
	r->at += 2;
	if (++r->depth > DEPTH_MAX) {
		r->problem = "too many words inside each other";
		return;
	}
	read_word(r, '}', &word);
	r->depth--;
	if (modifier == '+')
		(void)buf_add_str(out, *value ? str_or(word.data, "") : "");
	else
		(void)buf_add_str(out, *value ? value : str_or(word.data, ""));
}

/* At a dollar sign. */
static void read_dollar(struct reader *r, struct buf *out)
{
	auto_free char *name = NULL;

	r->at++;
	if (*r->at == '{') {
		r->at++;
		read_braces(r, out);
		return;
	}
	name = read_name(r);
	(void)buf_add_str(out, *name ? value_of(r, name) : "$");
}

static void read_single_quotes(struct reader *r, struct buf *out)
{
	const char *end = strchr(r->at + 1, '\'');

	if (!end) {
		r->problem = "a quote is not closed";
		return;
	}
	(void)buf_add(out, r->at + 1, (size_t)(end - r->at - 1));
	r->at = end + 1;
}

static void read_double_quotes(struct reader *r, struct buf *out)
{
	r->at++;
	while (*r->at != '"' && !r->problem) {
		if (*r->at == '\0') {
			r->problem = "a quote is not closed";
		} else if (*r->at == '$') {
			read_dollar(r, out);
		} else {
			/* Only what has a meaning here is escaped; else the backslash stays. */
			if (*r->at == '\\' && r->at[1] && strchr("\"$\\", r->at[1]))
				r->at++;
			(void)buf_add(out, r->at++, 1);
		}
	}
	if (!r->problem)
		r->at++;
}

/* Up to end, which is taken; '\0': the end of the text. */
static void read_word(struct reader *r, char end, struct buf *out)
{
	while (*r->at != end && !r->problem) {
		if (*r->at == '\0') {
			r->problem = "a brace is not closed";
		} else if (*r->at == '\'') {
			read_single_quotes(r, out);
		} else if (*r->at == '"') {
			read_double_quotes(r, out);
		} else if (*r->at == '$') {
			read_dollar(r, out);
		} else {
			if (*r->at == '\\' && r->at[1])
				r->at++;
			(void)buf_add(out, r->at++, 1);
		}
	}
	if (end && !r->problem)
		r->at++;
}

int spec_env_merge(struct strv *env, const char *text, struct err *err)
{
	struct reader reader = { .at = text, .env = env };
	struct buf out auto_done(buf) = BUF_INIT;
	const char *word = NULL;

	read_word(&reader, '\0', &out);
	if (reader.problem)
		return err_say(err, ERR_USAGE, "unable to process variables for --env-merge %s: %s",
			       text, reader.problem);
	word = str_or(out.data, "");
	if (!strchr(word, '=') || *word == '=')
		return err_say(err, ERR_USAGE, "missing `=` for --env-merge substitution %s", text);
	strv_env_set(env, word);
	return 0;
}
