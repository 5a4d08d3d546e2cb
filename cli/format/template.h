/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's text/template for --format, over JSON values: what users of Podman and Docker write,
 * with the same results and the same words in errors.
 *
 * Known: text, {{- trim -}}, comments, pipelines, variables (:= and =), if, else, else if,
 * with, range (over lists, maps and numbers; else, break, continue), parentheses, fields of
 * fields, and the functions and, or, not, eq, ne, lt, le, gt, ge, index, slice, len, print,
 * printf, println, json, join, split, lower, upper, title, pad, truncate, and the method
 * .Label "name" where there are Labels. Not known: define,
 * template, block, call, html, js, urlquery, other methods.
 *
 * Bounded: text and nesting at parsing, steps and bytes written at running. Pure functions:
 * nothing but memory is touched.
 */
#pragma once

#include <stddef.h>

#include "engine/base/json.h"

struct buf;
struct err;
struct template;

#define TEMPLATE_TEXT_MAX (64 * 1024)
#define TEMPLATE_DEPTH_MAX 64
#define TEMPLATE_STEPS_MAX 20000000
#define TEMPLATE_OUTPUT_MAX ((size_t)256 * 1024 * 1024)

/*
 * What JSON does not tell about the Go values that Podman would have: a missing field of a
 * struct is an error, of a map it is "<no value>"; a time is printed in Go's way.
 */
struct template_types {
	const char *root;  /* Go's name of the type of dot (or of its elements), for errors */
	const char *maps;  /* comma-separated names of fields that hold maps */
	const char *times; /* comma-separated names of fields that hold RFC 3339 times */
};

/* name is what errors call it ("ps"). 0 with *ret_template (the caller's), or -EINVAL. */
int template_parse(const char *name, const char *text, struct template **ret_template,
		   struct err *err);
void template_free(struct template *template);

static inline void template_free_p(struct template **template)
{
	template_free(*template);
}
#define auto_template __attribute__((cleanup(template_free_p)))

/*
 * Runs it with dot and adds what it prints to out. 0, or -EINVAL with Go's sentence. What was
 * printed before an error stays in out.
 */
int template_run(const struct template *template, const json_t *dot,
		 const struct template_types *types, struct buf *out, struct err *err);
