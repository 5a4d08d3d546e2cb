/* SPDX-License-Identifier: Apache-2.0 */
/* SELinux contexts and the policy's settings as text; the rest needs SELinux: tests/vm. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "engine/container/label.h"

static void a_context_has_three_or_four_parts(void **state)
{
	static const char *const good[] = { "system_u:system_r:container_t:s0:c1,c2",
					    "u:r:t:s0-s15:c0.c1023", "u:r:t" };
	static const char *const bad[] = { "", "u", "u:r", "u::t", ":r:t", "u:r:" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct label_context c auto_done(label_context) = LABEL_CONTEXT_INIT;
		auto_free char *text = NULL;

		assert_int_equal(label_context_parse(good[i], &c), 0);
		text = label_context_text(&c);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct label_context c auto_done(label_context) = LABEL_CONTEXT_INIT;

		assert_int_equal(label_context_parse(bad[i], &c), -EINVAL);
	}
}

static void the_level_keeps_its_colons(void **state)
{
	struct label_context c auto_done(label_context) = LABEL_CONTEXT_INIT;

	(void)state;
	assert_int_equal(label_context_parse("u:r:t:s0:c1,c2", &c), 0);
	assert_string_equal(c.type, "t");
	assert_string_equal(c.level, "s0:c1,c2");
}

static void settings_are_found_by_their_whole_name(void **state)
{
	static const char text[] = "# process = \"no\"\n"
				   "init_process = \"init\"\n"
				   "process_kvm = \"kvm\"\n"
				   "  process = \"system_u:system_r:container_t:s0\"\n"
				   "SELINUXTYPE=targeted  \n"
				   "empty=\n";
	auto_free char *process = label_setting(text, "process");
	auto_free char *type = label_setting(text, "SELINUXTYPE");
	auto_free char *empty = label_setting(text, "empty");

	(void)state;
	assert_string_equal(process, "system_u:system_r:container_t:s0");
	assert_string_equal(type, "targeted");
	assert_string_equal(empty, "");
	assert_null(label_setting(text, "file"));
	assert_null(label_setting("", "file"));
	assert_null(label_setting("process", "process"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_context_has_three_or_four_parts),
		cmocka_unit_test(the_level_keeps_its_colons),
		cmocka_unit_test(settings_are_found_by_their_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
