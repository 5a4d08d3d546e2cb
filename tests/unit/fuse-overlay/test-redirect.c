/* SPDX-License-Identifier: Apache-2.0 */
/* Redirects as bytes: what may stand in the attribute, and how a path goes on by one. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/base/alloc.h"
#include "fuse-overlay/fuse-overlay.h"
#include "fuse-overlay/redirect.h"

static void names_and_paths_are_taken(void **state)
{
	static const char *const values[] = { "a", "...", "..a", "a b", "/a", "/a/b", "/.../..b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (!fuse_overlay_redirect_is_valid(values[i], strlen(values[i])))
			fail_msg("\"%s\" was refused", values[i]);
}

static void what_could_lead_out_is_refused(void **state)
{
	static const char *const values[] = { "",     ".",     "..",	"/",   "//",
					      "a/b",  "a/",    "/a/",	"//a", "/a//b",
					      "/a/.", "/../a", "/a/..", "/./a" };
	static char big[PATH_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		/* Without an end, so that reading on is seen. */
		size_t size = strlen(values[i]);
		char *bytes = xmemdup(values[i], size);

		if (fuse_overlay_redirect_is_valid(bytes, size))
			fail_msg("\"%s\" was taken", values[i]);
		free(bytes);
	}
	assert_false(fuse_overlay_redirect_is_valid("a\0b", 3));
	memset(big, 'x', sizeof(big));
	assert_true(fuse_overlay_redirect_is_valid(big, NAME_MAX));
	assert_false(fuse_overlay_redirect_is_valid(big, NAME_MAX + 1));
	for (size_t i = 0; i < sizeof(big); i += 2)
		big[i] = '/';
	assert_true(fuse_overlay_redirect_is_valid(big, PATH_MAX - 2));
	assert_false(fuse_overlay_redirect_is_valid(big, PATH_MAX));
}

static void paths_go_on(void **state)
{
	char path[PATH_MAX] = "";
	char name[NAME_MAX + 1];

	(void)state;
	assert_int_equal(redirect_append(path, "a"), 0);
	assert_int_equal(redirect_append(path, "b"), 0);
	assert_string_equal(path, "/a/b");
	assert_int_equal(redirect_append(path, "/c/d"), 0);
	assert_string_equal(path, "/c/d");
	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	while (strlen(path) + 1 + NAME_MAX < PATH_MAX)
		assert_int_equal(redirect_append(path, name), 0);
	assert_int_equal(redirect_append(path, name), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_paths_are_taken),
		cmocka_unit_test(what_could_lead_out_is_refused),
		cmocka_unit_test(paths_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
