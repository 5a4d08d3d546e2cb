/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of bryo-overlay: fuse-overlayfs' spellings, what is left out, what is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "fuse-overlay/options.h"

#define PARSE(o, ignored, err, ...)                                                                \
	options_parse(o, (int)ARRAY_SIZE(((char *[]){ "p", __VA_ARGS__ })),                        \
		      (char *[]){ "p", __VA_ARGS__ }, ignored, err)

static void folders_and_escapes(void **state)
{
	struct options o auto_done(options) = { .device_fd = -1, .ready_fd = -1 };
	struct strv ignored auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(PARSE(&o, &ignored, &err, "-o",
			       "lowerdir=/a:/b\\:c:/d\\,e,upperdir=/u\\,p,workdir=/w", "/m"),
			 0);
	assert_int_equal(o.lower.count, 3);
	assert_string_equal(o.lower.v[1], "/b:c");
	assert_string_equal(o.lower.v[2], "/d,e");
	assert_string_equal(o.upper, "/u,p");
	assert_string_equal(o.mountpoint, "/m");
	assert_int_equal(ignored.count, 0);
}

static void maps_of_all_spellings(void **state)
{
	static const char *const lists[] = { "lowerdir=/a,uidmapping=0:10:1:1:100:9,volatile",
					     "lowerdir=/a,uidmapping=:0:10:1:1:100:9,volatile",
					     "lowerdir=/a,uidmapping=0:10:1,1:100:9,volatile" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct options o auto_done(options) = { .device_fd = -1, .ready_fd = -1 };
		struct strv ignored auto_done(strv) = STRV_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(options_parse_list(&o, lists[i], &ignored, &err), 0);
		assert_int_equal(o.uid_count, 2);
		assert_int_equal(o.uids[0].shown, 10);
		assert_int_equal(o.uids[1].stored, 1);
		assert_int_equal(o.uids[1].shown, 100);
		assert_int_equal(o.uids[1].count, 9);
		assert_true(o.is_volatile);
	}
}

static void unknown_ones_are_told(void **state)
{
	struct options o auto_done(options) = { .device_fd = -1, .ready_fd = -1 };
	struct strv ignored auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(PARSE(&o, &ignored, &err, "-olowerdir=/a,what,x=1,nodev,fsync=0", "/m"),
			 0);
	assert_int_equal(ignored.count, 2);
	assert_string_equal(ignored.v[0], "what");
	assert_true(strv_has(&o.mount, "nodev"));
	assert_true(o.is_volatile);
}

static void wrong_ones_are_refused(void **state)
{
	static const char *const lists[] = { "uidmapping=1:2",
					     "uidmapping=a:b:c",
					     "uidmapping=1:2:0",
					     "gidmapping=1:2:4294967296",
					     "squash_to_uid=-1",
					     "timeout=never",
					     "timeout=-1",
					     "redirect_dir=maybe",
					     "lowerdir=",
					     "lowerdir=//p//a",
					     "fd=x" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct options o auto_done(options) = { .device_fd = -1, .ready_fd = -1 };
		struct strv ignored auto_done(strv) = STRV_INIT;
		struct err err = ERR_INIT;

		if (options_parse_list(&o, lists[i], &ignored, &err) == 0 || !*err.text)
			fail_msg("\"%s\" was taken", lists[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_and_escapes),
		cmocka_unit_test(maps_of_all_spellings),
		cmocka_unit_test(unknown_ones_are_told),
		cmocka_unit_test(wrong_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
