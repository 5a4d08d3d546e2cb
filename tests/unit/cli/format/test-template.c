/* SPDX-License-Identifier: Apache-2.0 */
/* Templates against what Go's text/template prints for the same text and data. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "cli/format/template.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"

static const char data[] =
	"{\"Name\":\"web\",\"Id\":\"0123456789abcdef\",\"Pid\":42,\"Up\":true,\"Down\":false,"
	"\"Size\":1.5,\"Big\":1e6,\"Empty\":\"\",\"Nothing\":null,\"List\":[\"a\",\"b\",\"c\"],"
	"\"None\":[],\"Labels\":{\"z\":\"1\",\"a\":\"2\"},\"State\":{\"Status\":\"up\",\"Code\":3,"
	"\"Health\":{\"Log\":[{\"Out\":\"x\"},{\"Out\":\"y\"}]}},\"Text\":\"a<b>&c\"}";

static const struct template_types types = { .root = "*define.Thing",
					     .maps = "Labels",
					     .times = "Created" };

struct pair {
	const char *text, *result;
};

static int render(const char *text, const json_t *dot, struct buf *out, struct err *err)
{
	auto_template struct template *t = NULL;
	int r = template_parse("t", text, &t, err);

	return r < 0 ? r : template_run(t, dot, &types, out, err);
}

static void check(const struct pair *pairs, size_t count)
{
	auto_json json_t *dot = NULL;

	assert_int_equal(json_parse(data, sizeof(data) - 1, "data", &dot, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		struct buf out auto_done(buf) = BUF_INIT;
		struct err err = ERR_INIT;
		int r = render(pairs[i].text, dot, &out, &err);

		if (r < 0)
			print_message("%s: %s\n", pairs[i].text, err.text);
		assert_int_equal(r, 0);
		assert_string_equal(out.data ? out.data : "", pairs[i].result);
	}
}

static void values_print_as_go_prints_them(void **state)
{
	static const struct pair pairs[] = {
		{ "plain {text}", "plain {text}" },
		{ "{{.Name}} {{ .Pid }}/{{.Up}}{{.Size}}", "web 42/true1.5" },
		{ "{{.Big}} {{100000.0}} {{0.00001}} {{123456789.5}} {{-0.25}}",
		  "1e+06 100000 1e-05 1.234567895e+08 -0.25" },
		{ "{{.List}} {{.None}} {{.Nothing}}", "[a b c] [] []" },
		{ "{{.Labels}}", "map[a:2 z:1]" },
		{ "{{.Labels.a}} {{.Labels.missing}}", "2 <no value>" },
		{ "{{.State.Status}}{{.State.Health.Log}}", "up[{x} {y}]" },
		{ "{{json .State.Health}} {{json .Text}} {{json .Nothing}}",
		  "{\"Log\":[{\"Out\":\"x\"},{\"Out\":\"y\"}]} \"a<b>&c\" null" },
		{ "{{\"a\\tb\\x41\"}}{{`raw\\t`}}{{'A'}}{{0x10}}{{-3}}{{1.50}}{{true}}",
		  "a\tbAraw\\t6516-31.5true" },
		{ "{{(index .State.Health.Log 1).Out}}", "y" },
		{ "{{$x := .State}}{{$x.Code}}{{$.Name}}", "3web" },
		{ "{{.Label \"a\"}}[{{.Label \"none\"}}]{{.Label \"z\" | printf \"%s%s\" \"x\"}}",
		  "2[]x1" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void control_flow(void **state)
{
	static const struct pair pairs[] = {
		{ "{{if .Up}}yes{{else}}no{{end}}{{if .Empty}}yes{{else if "
		  ".Pid}}pid{{else}}no{{end}}",
		  "yespid" },
		{ "{{with .State}}{{.Code}}{{$.Name}}{{end}}{{with .Empty}}x{{else}}e{{end}}",
		  "3webe" },
		{ "{{range .List}}<{{.}}>{{end}}", "<a><b><c>" },
		{ "{{range $i, $e := .List}}{{if $i}}, {{end}}{{$i}}={{$e}}{{end}}",
		  "0=a, 1=b, 2=c" },
		{ "{{range $k, $v := .Labels}}{{$k}}:{{$v}};{{end}}", "a:2;z:1;" },
		{ "{{range .None}}x{{else}}none{{end}}{{range .Nothing}}x{{else}}nil{{end}}",
		  "nonenil" },
		{ "{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{if eq . "
		  "\"c\"}}{{break}}{{end}}{{.}}{{end}}",
		  "a" },
		{ "{{$s := 0}}{{range .List}}{{$s = .}}{{end}}{{$s}}", "c" },
		{ "{{range 3}}{{.}}{{end}}", "012" },
		{ "a {{- 1 -}} b {{/* c */}}d {{- /* e */ -}} f", "a1b df" },
		{ "{{range .List -}} {{.}} {{- end}}", "abc" },
		{ "{{with $y := .Pid}}{{$y}}{{end}}", "42" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void functions(void **state)
{
	static const struct pair pairs[] = {
		{ "{{len .List}}{{len .Name}}{{len .Labels}}{{len .Nothing}}", "3320" },
		{ "{{eq .Name \"web\"}} {{eq 1 2 3 1}} {{ne 1 2}} {{lt 1 2}} {{ge \"b\" \"a\"}}",
		  "true true true true true" },
		{ "{{and .Up .Name}} {{or .Empty .Name}} {{not .Down}} {{and .Down (index .List "
		  "9)}}",
		  "web web true false" },
		{ "{{index .List 1}}{{index .Labels \"a\"}}[{{index .Labels \"q\"}}]", "b2[]" },
		{ "{{slice .Id 0 4}} {{slice .List 1}}", "0123 [b c]" },
		{ "{{.Name | upper | printf \"%s-%s\" \"x\"}}", "x-WEB" },
		{ "{{join .List \",\"}} {{split \"a:b:\" \":\"}} {{lower \"ABC\"}} {{title \"a "
		  "bc\"}}",
		  "a,b,c [a b ] abc A Bc" },
		{ "{{pad .Name 1 2}}|{{pad .Empty 1 2}}|{{truncate .Id 4}}|{{truncate .Name 9}}",
		  " web  ||0123|web" },
		{ "{{print 1 2 \"a\" 3}} {{println \"a\" 1}}", "1 2a3 a 1\n" },
		{ "{{printf \"%5d|%-5d|%05d|%x|%s|%q|%v|%.2f|%t|%%\" 7 7 -7 255 \"s\" \"q\\\"\" "
		  ".List .Size .Up}}",
		  "    7|7    |-0007|ff|s|\"q\\\"\"|[a b c]|1.50|true|%" },
		{ "{{printf \"%d %s %d\" \"a\" 1}}", "%!d(string=a) %!s(int64=1) %!d(MISSING)" },
		{ "{{printf \"%.3s|%6s|%-6s|%T\" .Id .Name .Name .Pid}}",
		  "012|   web|web   |int64" },
		{ "{{printf \"a\" 1}}", "a%!(EXTRA int64=1)" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void errors_are_worded_as_go_words_them(void **state)
{
	static const struct pair cases[] = {
		{ "{{.Foo}}", "template: t:1:2: executing \"t\" at <.Foo>: can't evaluate field "
			      "Foo in type *define.Thing" },
		{ "\nx{{.State.Foo}}", "template: t:2:9: executing \"t\" at <.State.Foo>: can't "
				       "evaluate field Foo in type struct" },
		{ "{{foo}}", "template: t:1: function \"foo\" not defined" },
		{ "{{.ID{{end}}", "template: t:1: bad character U+007B '{'" },
		{ "{{.ID", "template: t:1: unclosed action" },
		{ "{{if .Up}}", "template: t:1: unexpected EOF" },
		{ "{{end}}", "template: t:1: unexpected {{end}}" },
		{ "{{else}}", "template: t:1: unexpected {{else}}" },
		{ "{{\"a}}", "template: t:1: unterminated quoted string" },
		{ "{{$x}}", "template: t:1: undefined variable \"$x\"" },
		{ "{{}}", "template: t:1: missing value for command" },
		{ "{{if}}{{end}}", "template: t:1: missing value for if" },
		{ "{{break}}", "template: t:1: {{break}} outside {{range}}" },
		{ "{{.Name 1}}", "template: t:1:2: executing \"t\" at <.Name>: can't give argument "
				 "to non-function .Name" },
		{ "{{index .List 7}}", "template: t:1:2: executing \"t\" at <index>: error calling "
				       "index: reflect: slice index out of range" },
		{ "{{eq 1 \"a\"}}", "template: t:1:2: executing \"t\" at <eq>: error calling eq: "
				    "incompatible types for comparison" },
		{ "{{template \"x\"}}", "template: t:1: {{template}} is not supported" },
		{ "{{len}}", "template: t:1:2: executing \"t\" at <len>: wrong number of args for "
			     "len: want 1 got 0" },
	};
	auto_json json_t *dot = NULL;

	(void)state;
	assert_int_equal(json_parse(data, sizeof(data) - 1, "data", &dot, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out auto_done(buf) = BUF_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(render(cases[i].text, dot, &out, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].result);
	}
}

static void times_and_missing_keys_go_by_the_types(void **state)
{
	static const char text[] =
		"[{\"Created\":\"2026-11-22T08:00:00.5Z\",\"Other\":\"2026-11-22T08:00:00.5Z\"}]";
	auto_json json_t *dot = NULL;
	struct buf out auto_done(buf) = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(json_parse(text, sizeof(text) - 1, "data", &dot, NULL), 0);
	assert_int_equal(render("{{range .}}{{.Created}} {{.Other}}{{end}}", dot, &out, &err), 0);
	assert_non_null(strstr(out.data, "2026-11-22 08:00:00.5 +0000 UTC 2026-11-22T08:00:00.5Z"));
	assert_int_equal(render("{{range .}}{{.Foo}}{{end}}", dot, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "can't evaluate field Foo in type *define.Thing"));
}

static void bounds_hold(void **state)
{
	struct buf text auto_done(buf) = BUF_INIT;
	struct buf out auto_done(buf) = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 200; i++)
		(void)buf_add_str(&text, "{{if 1}}");
	assert_int_equal(render(text.data, NULL, &out, &err), -EINVAL);
	buf_done(&text);
	(void)buf_add_str(&text, "{{");
	for (int i = 0; i < 200; i++)
		(void)buf_addc(&text, '(');
	assert_int_equal(render(text.data, NULL, &out, &err), -EINVAL);
	assert_int_equal(render("{{range 99999}}{{range 99999}}{{end}}{{end}}", NULL, &out, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "runs too long"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_print_as_go_prints_them),
		cmocka_unit_test(control_flow),
		cmocka_unit_test(functions),
		cmocka_unit_test(errors_are_worded_as_go_words_them),
		cmocka_unit_test(times_and_missing_keys_go_by_the_types),
		cmocka_unit_test(bounds_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
