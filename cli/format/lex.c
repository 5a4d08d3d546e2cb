/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the inside of {{...}} into tokens, by the rules of Go's text/template/parse. */
#include "cli/format/template-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

int lexer_error(const struct lexer *lexer, size_t at, struct err *err, const char *fmt, ...)
{
	auto_free char *message = NULL;
	size_t line = 1;
	va_list ap;

	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < at; i++)
		line += lexer->text[i] == '\n';
	return err_say(err, ERR_USAGE, "template: %s:%zu: %s", lexer->name, line, message);
}

static bool is_word(char c)
{
	/* Letters beyond ASCII may stand in Go identifiers. */
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* One escape sequence behind its backslash; returns what follows, or NULL. */
static const char *unescape(const char *p, struct buf *out)
{
	static const char letters[] = "abfnrtv\\\"'";
	static const char bytes[] = "\a\b\f\n\r\t\v\\\"'";
	const char *at = *p ? strchr(letters, *p) : NULL;
	char hex[3] = { 0 };

	if (at) {
		(void)buf_addc(out, bytes[at - letters]);
		return p + 1;
	}
	if (*p != 'x' || !isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]))
		return NULL;
	memcpy(hex, p + 1, 2);
	if (strcmp(hex, "00") == 0)
		return NULL; /* our strings end at a NUL */
	(void)buf_addc(out, (char)strtol(hex, NULL, 16));
	return p + 3;
}

static int lex_quoted(struct lexer *lexer, struct token *token, struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;
	const char *p = token->start + 1;

	while (*p && *p != '"' && *p != '\n') {
		if (*p != '\\') {
			(void)buf_addc(&out, *p++);
			continue;
		}
		p = unescape(p + 1, &out);
		if (!p)
			return lexer_error(lexer, token->at, err, "invalid syntax");
	}
	if (*p != '"')
		return lexer_error(lexer, token->at, err, "unterminated quoted string");
	token->kind = TOKEN_STRING;
	token->length = (size_t)(p + 1 - token->start);
	token->value = buf_take(&out);
	return 0;
}

static int lex_raw(struct lexer *lexer, struct token *token, struct err *err)
{
	const char *end = strchr(token->start + 1, '`');

	if (!end)
		return lexer_error(lexer, token->at, err, "unterminated raw quoted string");
	token->kind = TOKEN_STRING;
	token->length = (size_t)(end + 1 - token->start);
	token->value = xstrndup(token->start + 1, token->length - 2);
	return 0;
}

static int lex_char(struct lexer *lexer, struct token *token, struct err *err)
{
	struct buf out auto_done(buf) = BUF_INIT;
	const char *p = token->start + 1;

	if (*p == '\\')
		p = unescape(p + 1, &out);
	else if (*p && *p != '\'' && *p != '\n')
		(void)buf_addc(&out, *p++);
	else
		p = NULL;
	if (!p || *p != '\'')
		return lexer_error(lexer, token->at, err, "unterminated character constant");
	token->kind = TOKEN_NUMBER;
	token->length = (size_t)(p + 1 - token->start);
	token->number = json_integer((unsigned char)out.data[0]);
	return 0;
}

static int lex_number(struct lexer *lexer, struct token *token, struct err *err)
{
	const char *p = token->start + (*token->start == '-' || *token->start == '+');
	size_t sign = (size_t)(p - token->start);
	auto_free char *text = NULL;
	char *end = NULL;

	while (is_word(*p) || *p == '.' ||
	       ((*p == '+' || *p == '-') && (p[-1] == 'e' || p[-1] == 'E')))
		p++;
	token->kind = TOKEN_NUMBER;
	token->length = (size_t)(p - token->start);
	text = xstrndup(token->start, token->length);
	errno = 0;
	if (strspn(text + sign, "0123456789") == token->length - sign ||
	    str_starts(text + sign, "0x"))
		token->number = json_integer(strtoll(text, &end, 0));
	else if (strspn(text + sign, "0123456789.eE+-") == token->length - sign)
		token->number = json_real(strtod(text, &end));
	if (token->number && !errno && end && *end == '\0')
		return 0;
	json_decref(token->number);
	token->number = NULL;
	return lexer_error(lexer, token->at, err, "bad number syntax: \"%s\"", text);
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (is_word(p[n]))
		n++;
	return n;
}

static int bad_character(const struct lexer *lexer, size_t at, struct err *err)
{
	char c = lexer->text[at];

	if (c == '\0')
		return lexer_error(lexer, at, err, "unclosed action");
	return lexer_error(lexer, at, err, "unrecognized character in action: U+%04X '%c'",
			   (unsigned char)c, c);
}

/* Tokens of one or two signs; false where the byte begins none. */
static bool lex_sign(struct token *token)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} signs[] = {
		{ "}}", TOKEN_CLOSE }, { "(", TOKEN_OPEN_PAREN }, { ")", TOKEN_CLOSE_PAREN },
		{ "|", TOKEN_PIPE },   { ",", TOKEN_COMMA },	  { ":=", TOKEN_DECLARE },
		{ "=", TOKEN_ASSIGN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (!str_starts(token->start, signs[i].text))
			continue;
		token->kind = signs[i].kind;
		token->length = strlen(signs[i].text);
		return true;
	}
	return false;
}

/* A ".", ".Name" or ".5". */
static int lex_dot(struct lexer *lexer, struct token *token, struct err *err)
{
	if (isdigit((unsigned char)token->start[1]))
		return lex_number(lexer, token, err);
	token->length = 1 + word_length(token->start + 1);
	token->kind = token->length > 1 ? TOKEN_FIELD : TOKEN_DOT;
	return 0;
}

static int lex_one(struct lexer *lexer, struct token *token, struct err *err)
{
	const char *p = token->start;
	char sign = *p;

	if (isspace((unsigned char)*p)) {
		token->length = strspn(p, " \t\r\n");
		token->kind = TOKEN_SPACE;
		/* " -}}" closes and trims; the space belongs to it. */
		if (str_starts(p + token->length, "-}}")) {
			token->kind = TOKEN_CLOSE;
			token->trim = true;
			token->length += 3;
		}
		return token->length ? 0 : bad_character(lexer, token->at, err);
	}
	if (lex_sign(token))
		return 0;
	if (sign == '"')
		return lex_quoted(lexer, token, err);
	if (sign == '`')
		return lex_raw(lexer, token, err);
	if (sign == '\'')
		return lex_char(lexer, token, err);
	if (sign == '.')
		return lex_dot(lexer, token, err);
	if (sign == '$') {
		token->kind = TOKEN_VAR;
		token->length = 1 + word_length(p + 1);
		return 0;
	}
	if (isdigit((unsigned char)sign) ||
	    ((sign == '-' || sign == '+') && (isdigit((unsigned char)p[1]) || p[1] == '.')))
		return lex_number(lexer, token, err);
	token->kind = TOKEN_WORD;
	token->length = word_length(p);
	return token->length ? 0 : bad_character(lexer, token->at, err);
}

/* Words and numbers must be followed by something that can follow them. */
static bool ends_well(const struct token *token)
{
	char next = token->start[token->length];

	switch (token->kind) {
	case TOKEN_WORD:
	case TOKEN_FIELD:
	case TOKEN_VAR:
		return next == '\0' || strchr(" \t\r\n.,|:()=}", next) != NULL;
	default:
		return true;
	}
}

int lexer_next(struct lexer *lexer, struct token *ret_token, struct err *err)
{
	struct token token = { .at = lexer->at, .start = lexer->text + lexer->at };
	int r = 0;

	if (*token.start == '\0')
		return lexer_error(lexer, lexer->at, err, "unclosed action");
	r = lex_one(lexer, &token, err);
	if (r < 0)
		return r;
	if (!ends_well(&token))
		return lexer_error(lexer, token.at, err, "bad character U+%04X '%c'",
				   (unsigned char)token.start[token.length],
				   token.start[token.length]);
	lexer->at += token.length;
	*ret_token = token;
	return 0;
}
