/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps and subordinate ids: parsed, written, turned both ways, never wrapped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "userns/idmap.h"
#include "userns/subid.h"

static void ranges_are_checked(void **state)
{
	static const char *const wrong[] = { "",
					     "0",
					     "0:1:",
					     "0:1:2:3",
					     "a:1:1",
					     "0:-1:1",
					     " 0:1:1",
					     "0:1:1 ",
					     "0:1:1e3",
					     "+0:1:1",
					     "0x1:1:1",
					     "0:1:4294967296",
					     "4294967296:0:1" };
	struct idmap_range range = { 0 };
	struct idmap map = { 0 };

	(void)state;
	assert_int_equal(idmap_parse_range("0:100000:65536", &range), 0);
	assert_int_equal(range.inside, 0);
	assert_int_equal(range.outside, 100000);
	assert_int_equal(range.count, 65536);
	assert_int_equal(idmap_parse_range("5:6", &range), 0); /* one id */
	assert_int_equal(range.count, 1);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (idmap_parse_range(wrong[i], &range) != -EINVAL)
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_int_equal(idmap_add(&map, 0, 0, 0), -EINVAL);
	assert_int_equal(idmap_add(&map, UINT32_MAX, 0, 2), -EINVAL);
	assert_int_equal(idmap_add(&map, 0, UINT32_MAX, 2), -EINVAL);
	assert_int_equal(map.count, 0);
	for (uint32_t i = 0; i < IDMAP_MAX; i++)
		assert_int_equal(idmap_add(&map, i, i, 1), 0);
	assert_int_equal(idmap_add(&map, IDMAP_MAX, IDMAP_MAX, 1), -E2BIG);
}

static void ids_turn_both_ways(void **state)
{
	struct idmap map = { 0 };
	struct idmap again = { 0 };
	auto_free char *text = NULL;

	(void)state;
	assert_int_equal(idmap_parse("         0       1000          1\n"
				     "         1     100000      65536\n",
				     &map),
			 0);
	assert_int_equal(map.count, 2);
	assert_int_equal(idmap_size(&map), 65537);
	assert_int_equal(idmap_to_outside(&map, 0), 1000);
	assert_int_equal(idmap_to_outside(&map, 1), 100000);
	assert_int_equal(idmap_to_outside(&map, 65536), 165535);
	assert_int_equal(idmap_to_outside(&map, 65537), IDMAP_NONE);
	assert_int_equal(idmap_to_inside(&map, 1000), 0);
	assert_int_equal(idmap_to_inside(&map, 165535), 65536);
	assert_int_equal(idmap_to_inside(&map, 165536), IDMAP_NONE);
	assert_int_equal(idmap_to_inside(&map, 0), IDMAP_NONE);
	text = idmap_text(&map);
	assert_int_equal(idmap_parse(text, &again), 0);
	assert_true(idmap_equal(&map, &again));
	assert_true(idmap_is_sound(&map));
	again.ranges[1].outside = 1000;
	assert_false(idmap_equal(&map, &again));
	assert_false(idmap_is_sound(&again));
	assert_int_equal(idmap_parse("0 1000\n", &again), -EINVAL);
	assert_int_equal(idmap_parse("0 1000 1 1\n", &again), -EINVAL);
	assert_int_equal(idmap_parse("0 1000 0\n", &again), -EINVAL);
}

/* Podman's keep-id: the user has the same id inside, all others move up by one to make room. */
static void keep_id_maps_one_to_one(void **state)
{
	struct idmap map = { 0 };
	struct idmap_set one;

	(void)state;
	idmap_keep_id(&map, 1000, 65537);
	assert_int_equal(idmap_to_outside(&map, 1000), 0);
	assert_int_equal(idmap_to_outside(&map, 0), 1);
	assert_int_equal(idmap_to_outside(&map, 999), 1000);
	assert_int_equal(idmap_to_outside(&map, 1001), 1001);
	assert_int_equal(idmap_size(&map), 65537);
	assert_true(idmap_is_sound(&map));
	idmap_keep_id(&map, 0, 10);
	assert_int_equal(idmap_to_outside(&map, 0), 0);
	assert_int_equal(idmap_to_outside(&map, 9), 9);
	assert_true(idmap_is_sound(&map));
	idmap_one(&one, 1000, 100);
	assert_int_equal(idmap_size(&one.uid), 1);
	assert_int_equal(idmap_to_outside(&one.uid, 0), 1000);
	assert_int_equal(idmap_to_outside(&one.gid, 0), 100);
}

static void our_own_maps_are_read(void **state)
{
	struct idmap map = { 0 };

	(void)state;
	assert_int_equal(idmap_read(0, "uid_map", &map), 0);
	assert_int_equal(idmap_to_inside(&map, idmap_to_outside(&map, getuid())), getuid());
	assert_true(idmap_read(-1, "uid_map", &map) < 0);
}

static void subordinate_ids_are_the_users(void **state)
{
	static const char text[] = "# a comment\n"
				   "alice:100000:65536\n"
				   "bob:165536:65536\n"
				   "alicex:1:1\n"
				   "alice:broken\n"
				   "alice:5:\n"
				   "1000:300000:10\n"
				   "alice:4294967295:2\n"
				   "alice:400000:5";
	struct idmap ranges = { 0 };

	(void)state;
	subid_parse(text, "alice", 1000, &ranges);
	assert_int_equal(ranges.count, 3);
	assert_int_equal(ranges.ranges[0].outside, 100000);
	assert_int_equal(ranges.ranges[0].count, 65536);
	assert_int_equal(ranges.ranges[1].outside, 300000);
	assert_int_equal(ranges.ranges[2].outside, 400000);
	assert_int_equal(ranges.ranges[2].count, 5);
	ranges = (struct idmap){ 0 };
	subid_parse(text, NULL, 1001, &ranges);
	assert_int_equal(ranges.count, 0);
	subid_parse("", "alice", 1000, &ranges);
	assert_int_equal(ranges.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_checked),
		cmocka_unit_test(ids_turn_both_ways),
		cmocka_unit_test(keep_id_maps_one_to_one),
		cmocka_unit_test(our_own_maps_are_read),
		cmocka_unit_test(subordinate_ids_are_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
