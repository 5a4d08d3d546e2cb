/* SPDX-License-Identifier: Apache-2.0 */
/* Columns, headings, YAML and small forms against what Podman 5.8 printed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "cli/format/report.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

static void columns_align_as_tabwriter_does(void **state)
{
	static const char text[] = "CONTAINER ID\tIMAGE\tPORTS\tNAMES\n"
				   "e40b116813ae\tlocalhost/bb:1\t\tc2\n"
				   "no columns\n"
				   "a\t\xc3\xa4\xc3\xb6\tx\n";
	static const char expected[] = "CONTAINER ID  IMAGE           PORTS       NAMES\n"
				       "e40b116813ae  localhost/bb:1              c2\n"
				       "no columns\n"
				       "a           \xc3\xa4\xc3\xb6          x\n";
	struct buf out auto_done(buf) = BUF_INIT;

	(void)state;
	report_align(&out, text);
	assert_string_equal(out.data, expected);
}

static void tables_have_headings_and_templates_have_none(void **state)
{
	static const char rows_text[] =
		"[{\"ID\":\"1\",\"CreatedAt\":\"now\"},{\"ID\":\"2\",\"CreatedAt\":\"then\"}]";
	static const struct report_heading headings[] = { { "ID", "CONTAINER ID" },
							  { "CreatedAt", NULL },
							  { "PodID", NULL } };
	struct report report = { .name = "t", .headings = headings, .heading_count = 3 };
	auto_json json_t *rows = NULL;
	struct buf out auto_done(buf) = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(json_parse(rows_text, sizeof(rows_text) - 1, "rows", &rows, &err), 0);
	report.format = "table {{.ID}} {{.CreatedAt}}";
	assert_int_equal(report_rows(&out, &report, rows, &err), 0);
	assert_string_equal(out.data,
			    "CONTAINER ID  CREATED AT\n1             now\n2             then\n");
	buf_done(&out);
	report.noheading = true;
	assert_int_equal(report_rows(&out, &report, rows, &err), 0);
	assert_string_equal(out.data, "1           now\n2           then\n");
	buf_done(&out);
	report.format = "{{.ID}}\\t{{.CreatedAt}}";
	assert_int_equal(report_rows(&out, &report, rows, &err), 0);
	assert_string_equal(out.data, "1\tnow\n2\tthen\n");
	buf_done(&out);
	report.format = "{{range .ID}}{{end}}{{.ID}}";
	assert_true(report_rows(&out, &report, rows, &err) < 0);
	buf_done(&out);
	report.format = "{{ range . -}} {{.ID}}{{end}}";
	assert_int_equal(report_rows(&out, &report, rows, &err), 0);
	assert_string_equal(out.data, "12\n");
	buf_done(&out);
	report.format = "table {{.PodID}}";
	report.noheading = false;
	assert_int_equal(report_rows(&out, &report, NULL, &err), 0);
	assert_string_equal(out.data, "POD ID\n");
	report.format = "table {{.Nope}}";
	assert_true(report_rows(&out, &report, rows, &err) < 0);
	assert_true(report_wants_json("json") && report_wants_json("{{ json . }}"));
	assert_false(report_wants_json("{{json .ID}}"));
	assert_false(report_wants_json(NULL));
}

static void yaml_is_as_info_prints_it(void **state)
{
	static const char text[] = "{\"host\":{\"arch\":\"amd64\",\"controllers\":[],\"ids\":[{"
				   "\"a\":0,\"b\":1},{\"a\":2}],"
				   "\"conmon\":\"v: "
				   "1\",\"ok\":true,\"list\":[\"x\",\"true\"],\"v\":\"a\\nb\","
				   "\"e\":\"\",\"n\":null,\"num\":\"12\"}}";
	static const char expected[] =
		"host:\n  arch: amd64\n  controllers: []\n  ids:\n  - a: 0\n    b: 1\n  - a: 2\n"
		"  conmon: 'v: 1'\n  ok: true\n  list:\n  - x\n  - 'true'\n  v: |-\n    a\n    b\n "
		" e: \"\"\n  n: null\n  num: '12'\n";
	auto_json json_t *json = NULL;
	struct buf out auto_done(buf) = BUF_INIT;

	(void)state;
	assert_int_equal(json_parse(text, sizeof(text) - 1, "info", &json, NULL), 0);
	report_yaml(&out, json);
	assert_string_equal(out.data, expected);
}

static void small_forms(void **state)
{
	struct buf out auto_done(buf) = BUF_INIT;

	(void)state;
	assert_string_equal(report_short_id("sha256:0123456789abcdef").text, "0123456789ab");
	assert_string_equal(report_short_id("abc").text, "abc");
	report_size(&out, 2079979, true);
	(void)buf_addc(&out, '|');
	report_size(&out, 2079979, false);
	assert_string_equal(out.data, "2.08 MB|2.08MB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_align_as_tabwriter_does),
		cmocka_unit_test(tables_have_headings_and_templates_have_none),
		cmocka_unit_test(yaml_is_as_info_prints_it),
		cmocka_unit_test(small_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
