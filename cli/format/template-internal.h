/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed form of a template and the values it works on; for the files of this folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/format/template.h"
#include "engine/base/str.h"

/* ---- Words of an action ---- */

enum token_kind {
	TOKEN_EOF,
	TOKEN_CLOSE, /* }} */
	TOKEN_SPACE,
	TOKEN_WORD,   /* identifier or keyword */
	TOKEN_FIELD,  /* ".Name" */
	TOKEN_DOT,    /* "." */
	TOKEN_VAR,    /* "$name" or "$" */
	TOKEN_STRING, /* value: unescaped */
	TOKEN_NUMBER, /* number */
	TOKEN_OPEN_PAREN,
	TOKEN_CLOSE_PAREN,
	TOKEN_PIPE,
	TOKEN_COMMA,
	TOKEN_DECLARE, /* := */
	TOKEN_ASSIGN,  /* = */
};

struct token {
	enum token_kind kind;
	size_t at; /* offset of its first byte in the text */
	const char *start;
	size_t length;
	bool trim;	/* TOKEN_CLOSE: "-}}" */
	char *value;	/* TOKEN_STRING: owned by whoever took the token */
	json_t *number; /* TOKEN_NUMBER: likewise */
};

struct lexer {
	const char *name; /* the template's */
	const char *text;
	size_t at;
};

/* The next token inside an action. 0 or -EINVAL with err. */
int lexer_next(struct lexer *lexer, struct token *ret_token, struct err *err);
/* "template: NAME:LINE: MESSAGE" for the place at. */
int lexer_error(const struct lexer *lexer, size_t at, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- Tree ---- */

struct pipe;

enum operand_kind {
	OPERAND_DOT,
	OPERAND_VAR,
	OPERAND_FUNCTION,
	OPERAND_VALUE, /* literal; JSON null is nil */
	OPERAND_PIPE,  /* (...) */
};

struct operand {
	enum operand_kind kind;
	struct strv fields; /* .A.B behind it */
	char *name;	    /* of the variable */
	const struct function *function;
	json_t *value;
	struct pipe *pipe;
	size_t at;	 /* for error columns, as Go counts them */
	size_t from, to; /* its source text */
	struct operand *next;
};

struct stage {
	struct operand *operands;
	struct stage *next;
};

struct pipe {
	char *variables[2];
	size_t variable_count;
	bool assign; /* "=" instead of ":=" */
	size_t from, to;
	struct stage *stages;
};

enum node_kind {
	NODE_TEXT,
	NODE_ACTION,
	NODE_IF,
	NODE_WITH,
	NODE_RANGE,
	NODE_BREAK,
	NODE_CONTINUE
};

struct node {
	enum node_kind kind;
	char *text;
	struct pipe *pipe;
	struct node *body, *otherwise;
	struct node *next;
};

struct template
{
	char *name;
	char *text;
	struct node *nodes;
};

/* ---- Values ---- */

struct value {
	json_t *json; /* a reference of its own; NULL: no value at all */
	bool zero;    /* the zero value of an unknown type: prints as nothing */
	bool map;     /* an object whose keys are data, not fields */
	bool time;    /* a string that is a time.Time to Go */
};
#define VALUE_NONE ((struct value){ 0 })
static inline void value_done(struct value *value)
{
	json_decref(value->json);
	value->json = NULL;
}
static inline struct value value_of(json_t *json) /* takes the reference */
{
	return (struct value){ .json = json };
}

bool value_true(const struct value *value);
/* fmt.Print's form. */
void value_print(struct buf *out, const struct value *value);
/* A word of Go's for the type, for errors. */
const char *value_type(const struct value *value);

#define FUNCTION_ARGS_MAX 16

struct function {
	const char *name;
	size_t min, max; /* number of arguments */
	int (*call)(const struct value *args, size_t count, struct value *ret, struct err *err);
};
/* NULL: no such function. */
const struct function *function_find(const char *name, size_t length);
