/* SPDX-License-Identifier: Apache-2.0 */
/* References: the grammar and the normalisation of distribution/reference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/image/reference.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char *normal(const char *text)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;

	if (reference_parse(text, &ref, NULL) < 0)
		return NULL;
	reference_normalize(&ref);
	reference_add_latest(&ref);
	return reference_text(&ref);
}

static void names_are_completed_like_docker(void **state)
{
	static const char *const cases[][2] = {
		{ "alpine", "docker.io/library/alpine:latest" },
		{ "alpine:3", "docker.io/library/alpine:3" },
		{ "foo/bar", "docker.io/foo/bar:latest" },
		{ "docker.io/alpine", "docker.io/library/alpine:latest" },
		{ "index.docker.io/alpine", "docker.io/library/alpine:latest" },
		{ "localhost/x", "localhost/x:latest" },
		{ "localhost:5000/x", "localhost:5000/x:latest" },
		{ "quay.io/a/b/c:v1.0_x-y", "quay.io/a/b/c:v1.0_x-y" },
		{ "[::1]:5000/x", "[::1]:5000/x:latest" },
		{ "u/a__b.c--d", "docker.io/u/a__b.c--d:latest" },
		{ "x@sha256:" HEX64, "docker.io/library/x@sha256:" HEX64 },
		{ "x:t@sha256:" HEX64, "docker.io/library/x:t@sha256:" HEX64 },
		{ "EXAMPLE.com/x", "EXAMPLE.com/x:latest" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text = normal(cases[i][0]);

		assert_non_null(text);
		assert_string_equal(text, cases[i][1]);
	}
}

static void bad_names_are_refused(void **state)
{
	static const char *const cases[] = {
		"",	      "A",   "foo/Bar",	   "a:",  "a:!",      "a@sha256:12", "a//b",
		"/a",	      "a/",  "-a",	   "a-",  "a..b",     "a___b",	     "a@b@c",
		"http://x/y", "a b", "x.y:port/z", HEX64, "-x.com/y", "x..com/y",
	};
	struct err err = ERR_INIT;
	struct reference ref = REFERENCE_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		err = ERR_INIT;
		if (reference_parse(cases[i], &ref, &err) == 0)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

static void lengths_are_bounded(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[256] = '\0';
	assert_null(normal(text));
	text[255] = '\0';
	{
		auto_free char *fits = normal(text);

		assert_non_null(fits);
	}
	memset(text, 'a', sizeof(text));
	text[1] = ':';
	text[2 + 129] = '\0';
	assert_null(normal(text));
	memset(text, 'a', sizeof(text));
	text[1999] = '\0';
	assert_null(normal(text));
}

static void short_names_take_any_registry(void **state)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	auto_free char *text = NULL;

	(void)state;
	assert_int_equal(reference_parse("podman/stable", &ref, NULL), 0);
	assert_null(ref.domain);
	reference_set_domain(&ref, "quay.io/mirror");
	text = reference_text(&ref);
	assert_string_equal(text, "quay.io/mirror/podman/stable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_completed_like_docker),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(short_names_take_any_registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
