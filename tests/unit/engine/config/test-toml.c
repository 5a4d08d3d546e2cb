/* SPDX-License-Identifier: Apache-2.0 */
/* TOML: values, tables, what must be refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/config/toml.h"

static char *to_json(const char *text, struct err *err)
{
	auto_json json_t *json = NULL;

	if (toml_parse(text, strlen(text), "test.conf", &json, err) < 0)
		return NULL;
	return json_text(json);
}

static void documents_become_json(void **state)
{
	static const char *const cases[][2] = {
		{ "", "{}" },
		{ "a = 1 # x\nb=\"x\\ty\\u00e9\"\r\nc='\\n'",
		  "{\"a\":1,\"b\":\"x\\tyé\",\"c\":\"\\\\n\"}" },
		{ "a = [1, 2, # x\n 3,\n]", "{\"a\":[1,2,3]}" },
		{ "a.b.\"c d\" = true\na.e=false", "{\"a\":{\"b\":{\"c d\":true},\"e\":false}}" },
		{ "[t]\nx=1\n[t.u]\ny=2", "{\"t\":{\"x\":1,\"u\":{\"y\":2}}}" },
		{ "[[r]]\nx=1\n[[r.m]]\ny=1\n[[r.m]]\ny=2\n[[r]]\nx=2",
		  "{\"r\":[{\"x\":1,\"m\":[{\"y\":1},{\"y\":2}]},{\"x\":2}]}" },
		{ "p = {x = 1, y.z = [2]}", "{\"p\":{\"x\":1,\"y\":{\"z\":[2]}}}" },
		{ "a=0xff\nb=0o17\nc=0b101\nd=1_000\ne=-7\nf=+0",
		  "{\"a\":255,\"b\":15,\"c\":5,\"d\":1000,\"e\":-7,\"f\":0}" },
		{ "a=1.5\nb=1e3", "{\"a\":1.5,\"b\":1000.0}" },
		{ "a=\"\"\"\nx \\\n   y\"\"\"\"\n", "{\"a\":\"x y\\\"\"}" },
		{ "a='''x\ny'''", "{\"a\":\"x\\ny\"}" },
		{ "d = 1979-05-27T07:32:00Z", "{\"d\":\"1979-05-27T07:32:00Z\"}" },
		{ "[a.b]\nx=1\n[a]\ny=2", "{\"a\":{\"b\":{\"x\":1},\"y\":2}}" },
	};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *json = to_json(cases[i][0], &err);

		if (!json)
			fail_msg("%s: %s", cases[i][0], err.text);
		assert_string_equal(json, cases[i][1]);
	}
}

static void bad_documents_name_the_line(void **state)
{
	static const char *const cases[] = {
		"a",
		"a=",
		"a=b",
		"a=1\na=2",
		"[t]\n[t]",
		"a=[1",
		"a={x=1,}",
		"a=\"x",
		"a=\"x\ny\"",
		"a=\"\\q\"",
		"a=01",
		"a=1__0",
		"a=_1",
		"a=0x",
		"a=1.",
		"a=.5",
		"a=inf",
		"a=nan",
		"[a",
		"[[a]]\n[a]",
		"a={}\n[a.b]",
		"a=[]\n[[a]]",
		"a.b=1\n[a]",
		"[a]\nb.c=1\n[a.b]",
		"= 1",
		"a=1 b=2",
		"a=\"\\u0000\"",
		"a=\"\\ud800\"",
		"a=99999999999999999999",
		"a = \"\x01\"",
		"a=\"\xff\"",
		"[a.b]\n[a]\nb.c=1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		auto_free char *json = to_json(cases[i], &err);

		if (json)
			fail_msg("\"%s\" was taken: %s", cases[i], json);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.text, "test.conf: line "));
	}
}

static void depth_is_bounded(void **state)
{
	char text[500] = "a=";
	struct err err = ERR_INIT;

	(void)state;
	memset(text + 2, '[', 400);
	assert_null(to_json(text, &err));
	assert_non_null(strstr(err.text, "deep"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_become_json),
		cmocka_unit_test(bad_documents_name_the_line),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
