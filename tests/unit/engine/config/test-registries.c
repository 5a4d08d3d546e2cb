/* SPDX-License-Identifier: Apache-2.0 */
/* registries.conf: prefixes, mirrors, blocked, aliases, drop-ins. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/config/registries.h"

#define DIGEST "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char main_file[] =
	"unqualified-search-registries = ['a.io', 'b.io']\n"
	"short-name-mode = 'permissive'\n"
	"[aliases]\n'fedora' = 'registry.fedoraproject.org/fedora'\n'gone' = 'x.io/y'\n"
	"[[registry]]\nprefix = 'docker.io'\nlocation = 'mirror.local:5000/hub'\ninsecure = true\n"
	"[[registry.mirror]]\nlocation = 'm1.local'\n"
	"[[registry.mirror]]\nlocation = 'm2.local/x'\npull-from-mirror = 'digest-only'\ninsecure "
	"= true\n"
	"[[registry]]\nlocation = 'docker.io/library'\nblocked = true\n"
	"[[registry]]\nprefix = '*.example.com'\ninsecure = true\n";

static void load(struct registries *registries)
{
	struct err err = ERR_INIT;

	*registries = REGISTRIES_INIT;
	registries->path = xstrdup("/etc/containers/registries.conf");
	if (registries_add(registries, main_file, strlen(main_file), "main", &err) < 0)
		fail_msg("%s", err.text);
}

static void mirrors_come_first_and_rewrite(void **state)
{
	struct registries registries auto_done(registries);
	struct registry_sources sources auto_done(registry_sources) = REGISTRY_SOURCES_INIT;

	(void)state;
	load(&registries);
	assert_int_equal(registries_sources(&registries, "docker.io/me/x:1", &sources, NULL), 0);
	assert_int_equal(sources.count, 2);
	assert_string_equal(sources.v[0].reference, "m1.local/me/x:1");
	assert_false(sources.v[0].insecure);
	assert_string_equal(sources.v[1].reference, "mirror.local:5000/hub/me/x:1");
	assert_true(sources.v[1].insecure);
	registry_sources_done(&sources);
	assert_int_equal(registries_sources(&registries, "docker.io/me/x" DIGEST, &sources, NULL),
			 0);
	assert_int_equal(sources.count, 3);
	assert_string_equal(sources.v[1].reference, "m2.local/x/me/x" DIGEST);
}

static void the_longest_prefix_wins(void **state)
{
	struct registries registries auto_done(registries);
	struct registry_sources sources auto_done(registry_sources) = REGISTRY_SOURCES_INIT;
	struct err err = ERR_INIT;

	(void)state;
	load(&registries);
	assert_true(registries_sources(&registries, "docker.io/library/x:1", &sources, &err) < 0);
	assert_string_equal(err.text, "registry docker.io/library is blocked in "
				      "/etc/containers/registries.conf or "
				      "/etc/containers/registries.conf.d");
	assert_null(registries_find(&registries, "docker.iox/library/x"));
	assert_null(registries_find(&registries, "example.com/x"));
	assert_non_null(registries_find(&registries, "a.example.com/x"));
	assert_non_null(registries_find(&registries, "a.b.example.com:5000/x"));
	assert_null(registries_find(&registries, "aexample.com/x"));
}

static void later_files_win(void **state)
{
	static const char drop_in[] = "unqualified-search-registries = ['c.io']\n"
				      "[aliases]\ngone = ''\nfedora = 'quay.io/fedora/fedora'\n"
				      "[[registry]]\nlocation = 'docker.io/library'\n";
	struct registries registries auto_done(registries);

	(void)state;
	load(&registries);
	assert_string_equal(registries_alias(&registries, "fedora"),
			    "registry.fedoraproject.org/fedora");
	assert_int_equal(registries_add(&registries, drop_in, strlen(drop_in), "d", NULL), 0);
	assert_string_equal(registries_alias(&registries, "fedora"), "quay.io/fedora/fedora");
	assert_null(registries_alias(&registries, "gone"));
	assert_int_equal(registries.search.count, 1);
	assert_int_equal(registries.mode, REGISTRIES_PERMISSIVE);
	assert_false(registries_find(&registries, "docker.io/library/x")->blocked);
}

static void mistakes_are_named(void **state)
{
	static const char *const cases[][2] = {
		{ "[registries.search]\nregistries=['x']", "old format" },
		{ "[[registry]]\nprefix='x.io'", "needs a location" },
		{ "[[registry]]\nlocation='https://x.io'", "URI schemes" },
		{ "[[registry]]\nlocation='x.io/'", "ends in /" },
		{ "short-name-mode='maybe'", "short-name mode" },
		{ "[[registry]]\nlocation='x.io'\nblocked='yes'", "\"blocked\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registries registries auto_done(registries) = REGISTRIES_INIT;
		struct err err = ERR_INIT;

		assert_true(registries_add(&registries, cases[i][0], strlen(cases[i][0]), "f.conf",
					   &err) < 0);
		if (!strstr(err.text, cases[i][1]) || !strstr(err.text, "f.conf"))
			fail_msg("%s", err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mirrors_come_first_and_rewrite),
		cmocka_unit_test(the_longest_prefix_wins),
		cmocka_unit_test(later_files_win),
		cmocka_unit_test(mistakes_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
