/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options sorted into attributes, propagation, verbs and data. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/mount.h>

#include "engine/base/alloc.h"
#include "engine/runtime/mount-options.h"

static void sorted(void **state)
{
	auto_done(strv) struct strv list = STRV_INIT;
	auto_done(mount_options) struct mount_options o = { 0 };

	(void)state;
	strv_split(&list, "rbind,ro,rw,nosuid,rnoexec,noatime,relatime,rslave,size=3,sync,idmap",
		   ',');
	mount_options_parse(&list, &o);
	assert_true(o.bind && o.bind_all && o.idmap && !o.idmap_all);
	assert_true(o.set == MOUNT_ATTR_NOSUID);
	/* "rw" after "ro" wins; the atime kinds are one field. */
	assert_true(o.clear == (MOUNT_ATTR_RDONLY | MOUNT_ATTR__ATIME));
	assert_true(o.set_all == MOUNT_ATTR_NOEXEC && o.clear_all == 0);
	assert_true(o.propagation == MS_SLAVE && o.propagation_all);
	assert_int_equal(o.data_count, 2);
	assert_string_equal(o.data[0], "size=3");
	assert_string_equal(o.data[1], "sync");
}

static void propagation_names(void **state)
{
	(void)state;
	assert_true(mount_propagation_flags("rshared") == (MS_SHARED | MS_REC));
	assert_true(mount_propagation_flags("private") == MS_PRIVATE);
	assert_true(mount_propagation_flags("ro") == 0);
	assert_true(mount_propagation_flags("") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted),
		cmocka_unit_test(propagation_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
