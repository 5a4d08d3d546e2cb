/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate as registries write it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "engine/base/alloc.h"
#include "engine/http/challenge.h"

static void a_scheme_is_found_among_several(void **state)
{
	struct http_challenge c auto_done(http_challenge) = HTTP_CHALLENGE_INIT;
	const char *header = "Basic realm=\"a, b\", Bearer realm=\"https://auth.x/t?a=b\","
			     "service=\"reg \\\"1\\\"\" , scope=repository:x/y:pull";

	(void)state;
	assert_int_equal(http_challenge_find(header, "bearer", &c), 0);
	assert_string_equal(strv_env_get(&c.params, "realm"), "https://auth.x/t?a=b");
	assert_string_equal(strv_env_get(&c.params, "service"), "reg \"1\"");
	assert_string_equal(strv_env_get(&c.params, "scope"), "repository:x/y:pull");
	http_challenge_done(&c);
	assert_int_equal(http_challenge_find(header, "basic", &c), 0);
	assert_string_equal(strv_env_get(&c.params, "realm"), "a, b");
	http_challenge_done(&c);
	assert_int_equal(http_challenge_find(header, "negotiate", &c), -ENOENT);
}

static void names_have_no_case(void **state)
{
	struct http_challenge c auto_done(http_challenge) = HTTP_CHALLENGE_INIT;

	(void)state;
	assert_int_equal(http_challenge_find("BEARER Realm=\"x\"", "bearer", &c), 0);
	assert_string_equal(c.scheme, "bearer");
	assert_string_equal(strv_env_get(&c.params, "realm"), "x");
}

static void ill_formed_headers_are_refused(void **state)
{
	static const char *const cases[] = { "Bearer realm=\"x", "\"x\"", "Bearer realm=\"x\\",
					     "=x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_challenge c auto_done(http_challenge) = HTTP_CHALLENGE_INIT;

		assert_int_equal(http_challenge_find(cases[i], "bearer", &c), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scheme_is_found_among_several),
		cmocka_unit_test(names_have_no_case),
		cmocka_unit_test(ill_formed_headers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
