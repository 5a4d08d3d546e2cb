/* SPDX-License-Identifier: Apache-2.0 */
/* Parses templates into trees: see template.h. Foreign bytes: bounded in size and depth. */
#include "cli/format/template-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

struct parser {
	struct lexer lexer;
	struct token token; /* the one looked at */
	bool peeked;
	struct strv variables; /* those in scope */
	size_t depth;
	size_t loops;
	bool trim_next; /* the text that follows loses its leading blanks */
};

/* How a list of nodes ended. */
enum list_end { END_EOF, END_END, END_ELSE };

static int parse_pipe(struct parser *p, enum token_kind end, const char *context,
		      struct pipe **ret_pipe, struct err *err);
static int parse_list(struct parser *p, struct node **ret_list, enum list_end *ret_end,
		      struct err *err);

static int fail(struct parser *p, size_t at, struct err *err, const char *message)
{
	return lexer_error(&p->lexer, at, err, "%s", message);
}

static int peek(struct parser *p, struct err *err)
{
	int r = 0;

	if (p->peeked)
		return 0;
	r = lexer_next(&p->lexer, &p->token, err);
	p->peeked = r == 0;
	return r;
}

/* Lets go of the token that was looked at, with what it owns. */
static void drop(struct parser *p)
{
	if (!p->peeked)
		return;
	free(p->token.value);
	json_decref(p->token.number);
	p->token = (struct token){ 0 };
	p->peeked = false;
}

static int peek_no_space(struct parser *p, struct err *err)
{
	int r = peek(p, err);

	if (r == 0 && p->token.kind == TOKEN_SPACE) {
		drop(p);
		r = peek(p, err);
	}
	return r;
}

static bool word_is(const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && token->length == strlen(word) &&
	       memcmp(token->start, word, token->length) == 0;
}

static int unexpected(struct parser *p, const char *context, struct err *err)
{
	static const char *const names[] = {
		[TOKEN_CLOSE] = "\"}}\"",      [TOKEN_OPEN_PAREN] = "\"(\"",
		[TOKEN_CLOSE_PAREN] = "\")\"", [TOKEN_PIPE] = "\"|\"",
		[TOKEN_COMMA] = "\",\"",       [TOKEN_DECLARE] = "\":=\"",
		[TOKEN_ASSIGN] = "\"=\"",      [TOKEN_DOT] = "<.>",
	};
	const struct token *t = &p->token;
	const char *name = t->kind < ARRAY_SIZE(names) ? names[t->kind] : NULL;

	if (name)
		return lexer_error(&p->lexer, t->at, err, "unexpected %s in %s", name, context);
	return lexer_error(&p->lexer, t->at, err, "unexpected \"%.*s\" in %s", (int)t->length,
			   t->start, context);
}

/* ---- Freeing ---- */

static void pipe_free(struct pipe *pipe);

static void operands_free(struct operand *operand)
{
	while (operand) {
		struct operand *next = operand->next;

		strv_done(&operand->fields);
		free(operand->name);
		json_decref(operand->value);
		pipe_free(operand->pipe);
		free(operand);
		operand = next;
	}
}

static void pipe_free(struct pipe *pipe)
{
	if (!pipe)
		return;
	while (pipe->stages) {
		struct stage *next = pipe->stages->next;

		operands_free(pipe->stages->operands);
		free(pipe->stages);
		pipe->stages = next;
	}
	free(pipe->variables[0]);
	free(pipe->variables[1]);
	free(pipe);
}

static void nodes_free(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		free(node->text);
		pipe_free(node->pipe);
		nodes_free(node->body);
		nodes_free(node->otherwise);
		free(node);
		node = next;
	}
}

void template_free(struct template *template)
{
	if (!template)
		return;
	nodes_free(template->nodes);
	free(template->name);
	free(template->text);
	free(template);
}

/* ---- Pipelines ---- */

static int parse_word(struct parser *p, struct operand *operand, struct err *err)
{
	const struct token *t = &p->token;

	operand->kind = OPERAND_VALUE;
	if (word_is(t, "true") || word_is(t, "false")) {
		operand->value = json_boolean(word_is(t, "true"));
	} else if (word_is(t, "nil")) {
		operand->value = json_null();
	} else {
		operand->kind = OPERAND_FUNCTION;
		operand->function = function_find(t->start, t->length);
		if (!operand->function)
			return lexer_error(&p->lexer, t->at, err, "function \"%.*s\" not defined",
					   (int)t->length, t->start);
	}
	return 0;
}

static int parse_variable(struct parser *p, struct operand *operand, struct err *err)
{
	operand->kind = OPERAND_VAR;
	operand->name = xstrndup(p->token.start, p->token.length);
	if (strv_has(&p->variables, operand->name))
		return 0;
	return lexer_error(&p->lexer, p->token.at, err, "undefined variable \"%s\"", operand->name);
}

static int parse_paren(struct parser *p, struct operand *operand, struct err *err)
{
	int r = 0;

	drop(p);
	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return fail(p, operand->at, err, "expression is nested too deep");
	operand->kind = OPERAND_PIPE;
	r = parse_pipe(p, TOKEN_CLOSE_PAREN, "parenthesized pipeline", &operand->pipe, err);
	p->depth--;
	return r;
}

/* Fields behind an operand: ".A.B" without blanks between. */
static int parse_fields(struct parser *p, struct operand *operand, struct err *err)
{
	int r = peek(p, err);

	for (; r == 0 && p->token.kind == TOKEN_FIELD; r = peek(p, err)) {
		if (operand->kind == OPERAND_VALUE)
			return unexpected(p, "operand", err);
		/* Go marks a chain of fields by the place of its second one. */
		if (operand->fields.count < 2 && operand->kind != OPERAND_PIPE)
			operand->at = p->token.at;
		strv_add_own(&operand->fields, xstrndup(p->token.start + 1, p->token.length - 1));
		operand->to = p->token.at + p->token.length;
		drop(p);
	}
	return r;
}

static int parse_first(struct parser *p, struct operand *operand, struct err *err)
{
	struct token *t = &p->token;

	switch (t->kind) {
	case TOKEN_DOT:
		operand->kind = OPERAND_DOT;
		return 0;
	case TOKEN_FIELD:
		operand->kind = OPERAND_DOT;
		strv_add_own(&operand->fields, xstrndup(t->start + 1, t->length - 1));
		return 0;
	case TOKEN_VAR:
		return parse_variable(p, operand, err);
	case TOKEN_WORD:
		return parse_word(p, operand, err);
	case TOKEN_STRING:
		operand->kind = OPERAND_VALUE;
		operand->value = json_string_nocheck(t->value);
		return 0;
	case TOKEN_NUMBER:
		operand->kind = OPERAND_VALUE;
		operand->value = take(t->number);
		return 0;
	case TOKEN_OPEN_PAREN:
		return parse_paren(p, operand, err);
	default:
		return unexpected(p, "operand", err);
	}
}

static int parse_operand(struct parser *p, struct operand *operand, struct err *err)
{
	bool bare_dot = p->token.kind == TOKEN_DOT;
	int r = 0;

	operand->from = operand->at = p->token.at;
	operand->to = p->token.at + p->token.length;
	r = parse_first(p, operand, err);
	if (r < 0)
		return r;
	if (operand->kind == OPERAND_PIPE)
		operand->to = p->lexer.at;
	drop(p);
	if (bare_dot || operand->kind == OPERAND_FUNCTION)
		return 0;
	return parse_fields(p, operand, err);
}

/* Operands up to "|" or the end; each but the first needs a blank before it. */
static int parse_stage(struct parser *p, enum token_kind end, struct stage *stage, struct err *err)
{
	struct operand **tail = &stage->operands;
	int r = peek_no_space(p, err);

	while (r == 0 && p->token.kind != TOKEN_PIPE && p->token.kind != end) {
		struct operand *operand = xcalloc(1, sizeof(*operand));

		*tail = operand;
		tail = &operand->next;
		r = parse_operand(p, operand, err);
		if (r == 0)
			r = peek(p, err);
		if (r == 0 && p->token.kind != TOKEN_SPACE && p->token.kind != TOKEN_PIPE &&
		    p->token.kind != end)
			return unexpected(p, "operand", err);
		if (r == 0)
			r = peek_no_space(p, err);
	}
	if (r == 0 && !stage->operands)
		return fail(p, p->token.at, err, "missing value for command");
	return r;
}

/* "$a :=", "$a =", "$i, $e :=" at the front; leaves the parser alone where there is none. */
static int parse_declaration(struct parser *p, const char *context, struct pipe *pipe,
			     struct err *err)
{
	struct lexer start = p->lexer;
	int r = peek_no_space(p, err);
	size_t at = p->token.at;

	while (r == 0 && p->token.kind == TOKEN_VAR && pipe->variable_count < 2) {
		pipe->variables[pipe->variable_count++] = xstrndup(p->token.start, p->token.length);
		drop(p);
		r = peek_no_space(p, err);
		if (r == 0 && p->token.kind == TOKEN_COMMA && str_eq(context, "range")) {
			drop(p);
			r = peek_no_space(p, err);
			continue;
		}
		break;
	}
	if (r < 0)
		return r;
	if (pipe->variable_count &&
	    (p->token.kind == TOKEN_DECLARE || p->token.kind == TOKEN_ASSIGN)) {
		pipe->assign = p->token.kind == TOKEN_ASSIGN;
		drop(p);
		return 0;
	}
	if (pipe->variable_count == 2)
		return unexpected(p, context, err);
	/* An operand that begins with a variable: read it again as such. */
	if (pipe->variable_count) {
		free(take(pipe->variables[0]));
		pipe->variable_count = 0;
		drop(p);
		p->lexer = start;
		p->lexer.at = at;
	}
	return 0;
}

static int declare(struct parser *p, struct pipe *pipe, struct err *err)
{
	for (size_t i = 0; i < pipe->variable_count; i++) {
		if (!pipe->assign)
			strv_add(&p->variables, pipe->variables[i]);
		else if (!strv_has(&p->variables, pipe->variables[i]))
			return lexer_error(&p->lexer, pipe->from, err, "undefined variable \"%s\"",
					   pipe->variables[i]);
	}
	return 0;
}

/* Go refuses values that are piped on to something that is no function. */
static int check_stages(struct parser *p, const struct pipe *pipe, struct err *err)
{
	for (const struct stage *s = pipe->stages->next; s; s = s->next)
		if (s->operands->kind == OPERAND_VALUE)
			return lexer_error(&p->lexer, s->operands->at, err,
					   "non executable command in pipeline stage 2");
	return 0;
}

static int parse_pipe(struct parser *p, enum token_kind end, const char *context,
		      struct pipe **ret_pipe, struct err *err)
{
	struct pipe *pipe = xcalloc(1, sizeof(*pipe));
	struct stage **tail = &pipe->stages;
	int r = 0;

	*ret_pipe = pipe; /* freed with the tree, also when half-built */
	r = parse_declaration(p, context, pipe, err);
	if (r == 0)
		r = peek_no_space(p, err);
	pipe->from = p->token.at;
	if (r == 0 && p->token.kind == end)
		return lexer_error(&p->lexer, p->token.at, err, "missing value for %s", context);
	while (r == 0) {
		*tail = xcalloc(1, sizeof(**tail));
		r = parse_stage(p, end, *tail, err);
		if (r < 0)
			return r;
		tail = &(*tail)->next;
		pipe->to = p->token.at;
		if (p->token.kind == end)
			break;
		drop(p);
	}
	if (r == 0)
		r = check_stages(p, pipe, err);
	if (r == 0)
		r = declare(p, pipe, err);
	if (r == 0 && end == TOKEN_CLOSE) {
		p->trim_next = p->token.trim;
		drop(p);
	}
	return r;
}

/* ---- Nodes ---- */

/* The "}}" behind a word that stands alone. */
static int parse_close(struct parser *p, const char *context, struct err *err)
{
	int r = peek_no_space(p, err);

	if (r < 0)
		return r;
	if (p->token.kind != TOKEN_CLOSE)
		return unexpected(p, context, err);
	p->trim_next = p->token.trim;
	drop(p);
	return 0;
}

static int parse_control(struct parser *p, enum node_kind kind, struct node *node, struct err *err);

/* What follows {{else: "}}", or " if"/" with", which nests without an {{end}} of its own. */
static int parse_else(struct parser *p, struct node *node, struct err *err)
{
	enum list_end end = END_EOF;
	int r = peek_no_space(p, err);

	if (r < 0)
		return r;
	if ((word_is(&p->token, "if") && node->kind == NODE_IF) ||
	    (word_is(&p->token, "with") && node->kind == NODE_WITH)) {
		drop(p);
		node->otherwise = xcalloc(1, sizeof(*node->otherwise));
		if (++p->depth > TEMPLATE_DEPTH_MAX)
			return fail(p, p->lexer.at, err, "template is nested too deep");
		r = parse_control(p, node->kind, node->otherwise, err);
		p->depth--;
		return r;
	}
	r = parse_close(p, "else", err);
	if (r == 0)
		r = parse_list(p, &node->otherwise, &end, err);
	if (r == 0 && end != END_END)
		return fail(p, p->lexer.at, err,
			    end == END_ELSE ? "expected end; found {{else}}" : "unexpected EOF");
	return r;
}

static int parse_control(struct parser *p, enum node_kind kind, struct node *node, struct err *err)
{
	static const char *const names[] = {
		[NODE_IF] = "if", [NODE_WITH] = "with", [NODE_RANGE] = "range"
	};
	size_t scope = p->variables.count;
	enum list_end end = END_EOF;
	int r = 0;

	node->kind = kind;
	r = parse_pipe(p, TOKEN_CLOSE, names[kind], &node->pipe, err);
	p->loops += kind == NODE_RANGE;
	if (r == 0)
		r = parse_list(p, &node->body, &end, err);
	p->loops -= kind == NODE_RANGE;
	if (r == 0 && end == END_EOF)
		r = fail(p, p->lexer.at, err, "unexpected EOF");
	if (r == 0 && end == END_ELSE)
		r = parse_else(p, node, err);
	while (p->variables.count > scope)
		strv_remove(&p->variables, p->variables.count - 1);
	return r;
}

static int parse_jump(struct parser *p, struct node *node, struct err *err)
{
	const char *name = node->kind == NODE_BREAK ? "break" : "continue";

	if (p->loops == 0)
		return lexer_error(&p->lexer, p->lexer.at, err, "{{%s}} outside {{range}}", name);
	return parse_close(p, name, err);
}

/* The keyword that the action begins with, as a node kind; NODE_ACTION for none. */
static enum node_kind keyword(const struct token *token)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} words[] = { { "if", NODE_IF },
		      { "with", NODE_WITH },
		      { "range", NODE_RANGE },
		      { "break", NODE_BREAK },
		      { "continue", NODE_CONTINUE } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (word_is(token, words[i].word))
			return words[i].kind;
	return NODE_ACTION;
}

/* One action behind "{{"; *ret_end is set for {{end}} and {{else. */
static int parse_action(struct parser *p, struct node **ret_node, enum list_end *ret_end,
			struct err *err)
{
	struct node *node = NULL;
	int r = peek_no_space(p, err);

	if (r < 0)
		return r;
	if (word_is(&p->token, "end")) {
		*ret_end = END_END;
		drop(p);
		return parse_close(p, "end", err);
	}
	if (word_is(&p->token, "else")) {
		*ret_end = END_ELSE;
		drop(p);
		return 0;
	}
	if (word_is(&p->token, "define") || word_is(&p->token, "template") ||
	    word_is(&p->token, "block"))
		return lexer_error(&p->lexer, p->token.at, err, "{{%.*s}} is not supported",
				   (int)p->token.length, p->token.start);
	*ret_node = node = xcalloc(1, sizeof(*node));
	node->kind = keyword(&p->token);
	if (node->kind == NODE_ACTION)
		return parse_pipe(p, TOKEN_CLOSE, "command", &node->pipe, err);
	drop(p);
	if (node->kind == NODE_BREAK || node->kind == NODE_CONTINUE)
		return parse_jump(p, node, err);
	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return fail(p, p->lexer.at, err, "template is nested too deep");
	r = parse_control(p, node->kind, node, err);
	p->depth--;
	return r;
}

/* A comment behind "{{" or "{{- ": 1 when there was one. */
static int parse_comment(struct parser *p, struct err *err)
{
	const char *text = p->lexer.text;
	const char *start = text + p->lexer.at;
	const char *end = NULL;

	if (!str_starts(start, "/*"))
		return 0;
	end = strstr(start + 2, "*/");
	if (!end)
		return fail(p, p->lexer.at, err, "unclosed comment");
	end += 2;
	p->trim_next = isspace((unsigned char)*end) && str_starts(end + 1, "-}}");
	end += p->trim_next ? 2 : 0;
	if (!str_starts(end, "}}"))
		return fail(p, p->lexer.at, err, "comment ends before closing delimiter");
	p->lexer.at = (size_t)(end + 2 - text);
	return 1;
}

/* Text up to the next "{{" (or the end), trimmed as both sides ask. NULL where none is left. */
static struct node *parse_text(struct parser *p, bool *ret_action)
{
	const char *start = p->lexer.text + p->lexer.at;
	const char *open = strstr(start, "{{");
	size_t n = open ? (size_t)(open - start) : strlen(start);
	struct node *node = NULL;

	*ret_action = open != NULL;
	p->lexer.at += n + (open ? 2 : 0);
	if (p->trim_next) {
		size_t skip = strspn(start, " \t\r\n");

		skip = skip > n ? n : skip;
		start += skip;
		n -= skip;
		p->trim_next = false;
	}
	if (open && open[2] == '-' && isspace((unsigned char)open[3])) {
		p->lexer.at += 2;
		while (n && strchr(" \t\r\n", start[n - 1]))
			n--;
	}
	if (n == 0)
		return NULL;
	node = xcalloc(1, sizeof(*node));
	node->kind = NODE_TEXT;
	node->text = xstrndup(start, n);
	return node;
}

static int parse_list(struct parser *p, struct node **ret_list, enum list_end *ret_end,
		      struct err *err)
{
	struct node **tail = ret_list;

	*ret_end = END_EOF;
	for (;;) {
		bool action = false;
		int r = 0;

		*tail = parse_text(p, &action);
		if (*tail)
			tail = &(*tail)->next;
		if (!action)
			return 0;
		r = parse_comment(p, err);
		if (r == 0)
			r = parse_action(p, tail, ret_end, err);
		else if (r > 0)
			continue;
		if (r < 0 || *ret_end != END_EOF)
			return r;
		if (*tail)
			tail = &(*tail)->next;
	}
}

int template_parse(const char *name, const char *text, struct template **ret_template,
		   struct err *err)
{
	auto_template struct template *t = NULL;
	struct parser parser = { 0 };
	enum list_end end = END_EOF;
	int r = 0;

	if (strlen(text) > TEMPLATE_TEXT_MAX)
		return err_say(err, ERR_USAGE, "template: %s: longer than %d bytes", name,
			       TEMPLATE_TEXT_MAX);
	t = xcalloc(1, sizeof(*t));
	t->name = xstrdup(name);
	t->text = xstrdup(text);
	parser.lexer = (struct lexer){ .name = t->name, .text = t->text };
	strv_add(&parser.variables, "$");
	r = parse_list(&parser, &t->nodes, &end, err);
	if (r == 0 && end != END_EOF)
		r = fail(&parser, parser.lexer.at, err,
			 end == END_END ? "unexpected {{end}}" : "unexpected {{else}}");
	drop(&parser);
	strv_done(&parser.variables);
	if (r < 0)
		return r;
	*ret_template = take(t);
	return 0;
}
