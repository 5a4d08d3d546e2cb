/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and lists as users write them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "engine/base/alloc.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/base/time.h"

static void bytes_follow_go_units(void **state)
{
	int64_t n = 0;

	(void)state;
	assert_int_equal(str_to_bytes("32k", &n), 0);
	assert_int_equal(n, 32768);
	assert_int_equal(str_to_bytes("1.5GiB", &n), 0);
	assert_int_equal(n, 1610612736);
	assert_int_equal(str_to_bytes("2gb", &n), 0);
	assert_int_equal(n, 2147483648);
	assert_int_equal(str_to_bytes("0x10", &n), -EINVAL);
	assert_int_equal(str_to_bytes("-1", &n), -EINVAL);
	assert_int_equal(str_to_bytes("1q", &n), -EINVAL);
	assert_int_equal(str_to_bytes("99999999999g", &n), -ERANGE);
}

static void paths_are_cleaned_like_go(void **state)
{
	static const char *const cases[][2] = {
		{ "/a//b/../c/.", "/a/c" }, { "/..", "/" },  { "..", ".." },
		{ "a/../..", ".." },	    { "", "." },     { "/", "/" },
		{ "../../x", "../../x" },   { "a/..", "." }, { "/a/b/", "/a/b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *clean = path_clean(cases[i][0]);

		assert_string_equal(clean, cases[i][1]);
	}
}

static void env_lists_replace(void **state)
{
	struct strv env auto_done(strv) = STRV_INIT;

	(void)state;
	strv_env_set(&env, "A=1");
	strv_env_set(&env, "AB=2");
	strv_env_set(&env, "A=3");
	assert_int_equal(env.count, 2);
	assert_string_equal(strv_env_get(&env, "A"), "3");
	strv_env_unset(&env, "A");
	assert_null(strv_env_get(&env, "A"));
	assert_null(env.v[env.count]);
}

static void times_and_durations(void **state)
{
	int64_t ns = 0;

	(void)state;
	assert_int_equal(time_parse("1970-01-01T01:00:01.5+01:00", &ns), 0);
	assert_int_equal(ns, 1500000000);
	assert_string_equal(time_utc(1500000000).text, "1970-01-01T00:00:01.5Z");
	assert_int_equal(time_parse("1970-01-01", &ns), -EINVAL);
	assert_int_equal(time_parse_duration("1h30m", &ns), 0);
	assert_int_equal(ns, 5400000000000);
	assert_int_equal(time_parse_duration("5", &ns), -EINVAL);
	assert_string_equal(time_duration(0).text, "0s");
	assert_string_equal(time_duration(7).text, "7ns");
	assert_string_equal(time_duration(1500).text, "1.5\u00b5s");
	assert_string_equal(time_duration(20000000).text, "20ms");
	assert_string_equal(time_duration(22078329654).text, "22.078329654s");
	assert_string_equal(time_duration(3723500000000).text, "1h2m3.5s");
	assert_string_equal(time_duration(3600000000000).text, "1h0m0s");
	assert_string_equal(time_duration(-60000000000).text, "-1m0s");
	assert_string_equal(time_duration(INT64_MIN).text, "-2562047h47m16.854775808s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_follow_go_units),
		cmocka_unit_test(paths_are_cleaned_like_go),
		cmocka_unit_test(env_lists_replace),
		cmocka_unit_test(times_and_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
