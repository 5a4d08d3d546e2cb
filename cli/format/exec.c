/* SPDX-License-Identifier: Apache-2.0 */
/* Runs parsed templates over JSON: see template.h. */
#include "cli/format/template-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

struct variable {
	const char *name;
	struct value value;
};

struct run {
	const struct template *template;
	const struct template_types *types;
	const json_t *root; /* its type's name is types->root, as that of its elements */
	struct buf *out;
	struct err *err;
	struct variable *variables;
	size_t count, capacity;
	size_t steps;
};

enum jump { GO_ON = 0, JUMP_BREAK = 1, JUMP_CONTINUE = 2 };

static int eval_pipe(struct run *run, const struct pipe *pipe, const struct value *dot,
		     struct value *ret);
static int run_list(struct run *run, const struct node *node, const struct value *dot);

/* "template: NAME:LINE:COL: executing "NAME" at <SOURCE>: MESSAGE" */
static int fail(struct run *run, const struct operand *operand, const char *message)
{
	const struct template *t = run->template;
	size_t line = 1;
	size_t column = operand->at;
	size_t length = operand->to - operand->from;
	bool cut = length > 20;

	for (size_t i = 0; i < operand->at; i++) {
		if (t->text[i] != '\n')
			continue;
		line++;
		column = operand->at - i - 1;
	}
	return err_say(run->err, ERR_USAGE,
		       "template: %s:%zu:%zu: executing \"%s\" at <%.*s%s>: %s", t->name, line,
		       column, t->name, (int)(cut ? 20 : length), t->text + operand->from,
		       cut ? "..." : "", message);
}

static struct value share(const struct value *value)
{
	struct value copy = *value;

	json_incref(copy.json);
	return copy;
}

static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && *p;) {
		size_t part = strcspn(p, ",");

		if (part == n && memcmp(p, word, n) == 0)
			return true;
		p += part + (p[part] == ',');
	}
	return false;
}

static const char *type_name(const struct run *run, const struct value *value)
{
	bool element = json_is_array(run->root) && json_is_object(value->json) && !value->map;

	if (run->types && run->types->root && (value->json == run->root || element))
		return run->types->root;
	return value_type(value);
}

/*
 * A field by its name in Go, where the JSON has it in lower case ("Host" for "host", "OCIRuntime"
 * for "ociRuntime"): info's structs are so.
 */
static json_t *find_field(const json_t *object, const char *name)
{
	json_t *found = json_object_get(object, name);
	const char *key = NULL;
	json_t *value = NULL;

	if (found || name[0] < 'A' || name[0] > 'Z')
		return found;
	json_object_foreach ((json_t *)object, key, value) {
		if (strcasecmp(key, name) == 0)
			return value;
	}
	return NULL;
}

/* One field of a value. */
static int field(struct run *run, const struct operand *operand, struct value *value,
		 const char *name)
{
	struct value next = VALUE_NONE;
	auto_free char *message = NULL;

	if (value->zero)
		return 0;
	if (!value->json) {
		message = xasprintf("nil data; no entry for key \"%s\"", name);
		return fail(run, operand, message);
	}
	next.json = json_incref(value->map ? json_object_get(value->json, name)
					   : find_field(value->json, name));
	if (!next.json && !value->map && !json_is_null(value->json)) {
		message = xasprintf("can't evaluate field %s in type %s", name,
				    type_name(run, value));
		return fail(run, operand, message);
	}
	if (json_is_null(value->json))
		next.zero = true; /* a nil pointer's field would be an error of Go's, not of use */
	next.map = run->types && listed(run->types->maps, name);
	next.time = run->types && listed(run->types->times, name);
	value_done(value);
	*value = next;
	return 0;
}

static struct variable *find_variable(struct run *run, const char *name)
{
	for (size_t i = run->count; i > 0; i--)
		if (strcmp(run->variables[i - 1].name, name) == 0)
			return &run->variables[i - 1];
	return NULL;
}

static void push_variable(struct run *run, const char *name, const struct value *value)
{
	xgrow(run->variables, run->count, run->capacity);
	run->variables[run->count++] = (struct variable){ .name = name, .value = share(value) };
}

static void pop_variables(struct run *run, size_t count)
{
	while (run->count > count)
		value_done(&run->variables[--run->count].value);
}

static int eval_operand(struct run *run, const struct operand *operand, const struct value *dot,
			struct value *ret)
{
	struct value value = VALUE_NONE;
	struct variable *variable = NULL;
	int r = 0;

	switch (operand->kind) {
	case OPERAND_DOT:
		value = share(dot);
		break;
	case OPERAND_VALUE:
		value = value_of(json_incref(operand->value));
		break;
	case OPERAND_VAR:
		variable = find_variable(run, operand->name);
		if (variable)
			value = share(&variable->value);
		break;
	case OPERAND_PIPE:
		r = eval_pipe(run, operand->pipe, dot, &value);
		break;
	case OPERAND_FUNCTION:
		if (operand->function->min > 0)
			return fail(run, operand, "wrong number of args");
		r = operand->function->call(NULL, 0, &value, run->err);
		break;
	}
	for (size_t i = 0; r == 0 && i < operand->fields.count; i++)
		r = field(run, operand, &value, operand->fields.v[i]);
	if (r < 0) {
		value_done(&value);
		return r;
	}
	*ret = value;
	return 0;
}

/* "and" and "or" evaluate no further than they must. */
static bool decided(const struct function *function, const struct value *value)
{
	if (strcmp(function->name, "and") == 0)
		return !value_true(value);
	return strcmp(function->name, "or") == 0 && value_true(value);
}

static int call(struct run *run, const struct operand *head, const struct value *dot,
		const struct value *last, struct value *ret)
{
	const struct function *f = head->function;
	struct value args[FUNCTION_ARGS_MAX] = { 0 };
	auto_free char *message = NULL;
	struct err why = ERR_INIT;
	bool done = false;
	size_t n = 0;
	int r = 0;

	for (const struct operand *o = head->next; o && r == 0 && !done; o = o->next) {
		if (n == FUNCTION_ARGS_MAX - 1) {
			r = fail(run, head, "too many arguments");
			break;
		}
		r = eval_operand(run, o, dot, &args[n]);
		if (r == 0)
			done = decided(f, &args[n++]);
	}
	if (r == 0 && last && !done)
		args[n++] = share(last);
	if (r == 0 && (n < f->min || n > f->max)) {
		message = xasprintf("wrong number of args for %s: want %s%zu got %zu", f->name,
				    f->max > f->min ? "at least " : "", f->min, n);
		r = fail(run, head, message);
	} else if (r == 0 && f->call(args, n, ret, &why) < 0) {
		message = xasprintf("error calling %s: %s", f->name, why.text);
		r = fail(run, head, message);
	}
	for (size_t i = 0; i < n; i++)
		value_done(&args[i]);
	return r;
}

/*
 * `.Label "x"` of Podman's and Docker's listings: the one method that users know. True where
 * head is that, with the value of the label in *ret (empty where there is none).
 */
static bool eval_label(const struct operand *head, const struct value *dot, struct value *ret)
{
	const struct operand *key = head->next;
	json_t *labels = NULL;

	if (head->kind != OPERAND_DOT || head->fields.count != 1 || !key || key->next ||
	    strcmp(head->fields.v[0], "Label") != 0 || !json_is_string(key->value))
		return false;
	labels = json_object_get(dot->json, "Labels");
	ret->json = json_incref(json_object_get(labels, json_string_value(key->value)));
	ret->zero = !ret->json;
	return true;
}

static int eval_stage(struct run *run, const struct stage *stage, const struct value *dot,
		      const struct value *last, struct value *ret)
{
	const struct operand *head = stage->operands;
	auto_free char *message = NULL;

	if (head->kind == OPERAND_FUNCTION)
		return call(run, head, dot, last, ret);
	if (!last && eval_label(head, dot, ret))
		return 0;
	if (head->next || last) {
		message = xasprintf("can't give argument to non-function %.*s",
				    (int)(head->to - head->from), run->template->text + head->from);
		return fail(run, head, message);
	}
	return eval_operand(run, head, dot, ret);
}

static int eval_pipe(struct run *run, const struct pipe *pipe, const struct value *dot,
		     struct value *ret)
{
	struct value value = VALUE_NONE;
	bool first = true;

	for (const struct stage *s = pipe->stages; s; s = s->next) {
		struct value next = VALUE_NONE;
		int r = eval_stage(run, s, dot, first ? NULL : &value, &next);

		value_done(&value);
		if (r < 0)
			return r;
		value = next;
		first = false;
	}
	*ret = value;
	return 0;
}

/* Gives the declared or assigned variables of a pipe that is no range's their value. */
static void assign(struct run *run, const struct pipe *pipe, const struct value *value)
{
	for (size_t i = 0; i < pipe->variable_count; i++) {
		struct variable *old = find_variable(run, pipe->variables[i]);

		if (!pipe->assign || !old) {
			push_variable(run, pipe->variables[i], value);
			continue;
		}
		value_done(&old->value);
		old->value = share(value);
	}
}

static int run_branch(struct run *run, const struct node *node, const struct value *dot)
{
	struct value value = VALUE_NONE;
	size_t scope = run->count;
	bool with = node->kind == NODE_WITH;
	int r = eval_pipe(run, node->pipe, dot, &value);

	if (r < 0)
		return r;
	assign(run, node->pipe, &value);
	if (value_true(&value))
		r = run_list(run, node->body, with ? &value : dot);
	else
		r = run_list(run, node->otherwise, dot);
	pop_variables(run, scope);
	value_done(&value);
	return r;
}

/* Counts one step of the work; a template that does too many was made to do so. */
static int step(struct run *run)
{
	if (++run->steps <= TEMPLATE_STEPS_MAX && run->out->size <= TEMPLATE_OUTPUT_MAX)
		return 0;
	return err_say(run->err, ERR_USAGE, "template: %s: runs too long", run->template->name);
}

/* One turn of a range; the positive jumps end here. Returns 1 to stop, or an error. */
static int run_turn(struct run *run, const struct node *node, json_t *key, json_t *item)
{
	const struct pipe *pipe = node->pipe;
	struct value k = { .json = key };
	struct value v = { .json = item };
	size_t scope = run->count;
	int r = step(run);

	if (r < 0)
		return r;
	if (pipe->variable_count == 2)
		push_variable(run, pipe->variables[0], &k);
	if (pipe->variable_count)
		push_variable(run, pipe->variables[pipe->variable_count - 1], &v);
	r = run_list(run, node->body, &v);
	pop_variables(run, scope);
	return r == JUMP_CONTINUE ? 0 : r;
}

static int range_array(struct run *run, const struct node *node, const json_t *array)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		auto_json json_t *key = json_integer((json_int_t)i);

		r = run_turn(run, node, key, json_array_get(array, i));
	}
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int range_object(struct run *run, const struct node *node, const json_t *object)
{
	auto_free const char **keys = xcalloc(json_object_size(object) + 1, sizeof(*keys));
	const char *name = NULL;
	json_t *item = NULL;
	size_t n = 0;
	int r = 0;

	json_object_foreach ((json_t *)object, name, item) {
		keys[n++] = name;
	}
	qsort(keys, n, sizeof(*keys), by_text);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_json json_t *key = json_string_nocheck(keys[i]);

		r = run_turn(run, node, key, json_object_get(object, keys[i]));
	}
	return r;
}

static int range_number(struct run *run, const struct node *node, json_int_t end)
{
	int r = 0;

	for (json_int_t i = 0; r == 0 && i < end; i++) {
		auto_json json_t *key = json_integer(i);

		r = run_turn(run, node, key, key);
	}
	return r;
}

static int run_range(struct run *run, const struct node *node, const struct value *dot)
{
	struct value value = VALUE_NONE;
	const struct operand *first = node->pipe->stages->operands;
	int r = eval_pipe(run, node->pipe, dot, &value);

	if (r < 0)
		return r;
	if (json_is_integer(value.json) && json_integer_value(value.json) > 0)
		r = range_number(run, node, json_integer_value(value.json));
	else if (!value_true(&value))
		r = run_list(run, node->otherwise, dot);
	else if (json_is_array(value.json))
		r = range_array(run, node, value.json);
	else if (json_is_object(value.json))
		r = range_object(run, node, value.json);
	else
		r = fail(run, first, "range can't iterate over this value");
	value_done(&value);
	return r == JUMP_BREAK ? 0 : r;
}

static int run_action(struct run *run, const struct node *node, const struct value *dot)
{
	struct value value = VALUE_NONE;
	int r = eval_pipe(run, node->pipe, dot, &value);

	if (r < 0)
		return r;
	if (node->pipe->variable_count)
		assign(run, node->pipe, &value);
	else
		value_print(run->out, &value);
	value_done(&value);
	return 0;
}

static int run_node(struct run *run, const struct node *node, const struct value *dot)
{
	switch (node->kind) {
	case NODE_TEXT:
		(void)buf_add_str(run->out, node->text);
		return 0;
	case NODE_ACTION:
		return run_action(run, node, dot);
	case NODE_IF:
	case NODE_WITH:
		return run_branch(run, node, dot);
	case NODE_RANGE:
		return run_range(run, node, dot);
	case NODE_BREAK:
		return JUMP_BREAK;
	case NODE_CONTINUE:
		return JUMP_CONTINUE;
	}
	return -EINVAL;
}

/* 0, a jump that the enclosing range handles, or a negative errno. */
static int run_list(struct run *run, const struct node *node, const struct value *dot)
{
	int r = 0;

	for (; node && r == 0; node = node->next) {
		r = step(run);
		if (r == 0)
			r = run_node(run, node, dot);
	}
	return r;
}

int template_run(const struct template *template, const json_t *dot,
		 const struct template_types *types, struct buf *out, struct err *err)
{
	struct run run = {
		.template = template, .types = types, .root = dot, .out = out, .err = err
	};
	struct value root = { .json = (json_t *)dot };
	int r = 0;

	push_variable(&run, "$", &root);
	r = run_list(&run, template->nodes, &root);
	pop_variables(&run, 0);
	free(run.variables);
	return r < 0 ? r : 0;
}
