/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered owners as text: what is taken, and what can never stand for a file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/base/alloc.h"
#include "fuse-overlay/fuse-overlay.h"

static int parse(const char *text, mode_t mode, struct stat *ret_st)
{
	*ret_st = (struct stat){ .st_mode = mode };
	return fuse_overlay_owner_parse(text, strlen(text), ret_st);
}

static void values_of_all_kinds(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(parse("5:6:4755", S_IFREG | 0600, &st), 0);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(st.st_mode, S_IFREG | 04755);
	assert_int_equal(parse("0:0:0755:dir", S_IFDIR | 0700, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	/* libkrun writes the type into the mode */
	assert_int_equal(parse("0:0:0100644", S_IFREG | 0600, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(parse("1:2:0640:block-8-17", S_IFREG | 0600, &st), 0);
	assert_int_equal(st.st_mode, S_IFBLK | 0640);
	assert_int_equal(st.st_rdev, makedev(8, 17));
	assert_int_equal(parse("4294967294:0:0777:symlink", S_IFREG | 0600, &st), 0);
	assert_int_equal(st.st_mode, S_IFLNK | 0777);
}

static void what_is_none(void **state)
{
	static const char *const texts[] = { "",
					     "1",
					     "1:2",
					     "1:2:",
					     "1:2:8",
					     "-1:2:644",
					     "1:2:644x",
					     "1:2:644:",
					     "1:2:644:what",
					     "1:2:644:files",
					     "1:2:644:char-1",
					     "1:2:644:char-1-2-3",
					     "4294967295:0:644",
					     "1:2:200000",
					     "99999999999999:0:644" };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(parse(texts[i], S_IFREG | 0600, &st), -EIO);
	/* A folder is a folder, and nothing else can be one. */
	assert_int_equal(parse("1:2:755:dir", S_IFREG | 0600, &st), -EIO);
	assert_int_equal(parse("1:2:755:file", S_IFDIR | 0700, &st), -EIO);
	assert_int_equal(parse("1:2:755:pipe", S_IFSOCK | 0700, &st), -EIO);
	assert_int_equal(fuse_overlay_owner_parse("1:2:644\0", 8, &st), -EIO);
}

static void written_as_it_is_read(void **state)
{
	const struct stat st = {
		.st_uid = 7, .st_gid = 8, .st_mode = S_IFCHR | 0660, .st_rdev = makedev(1, 3)
	};
	struct fuse_overlay_link_owner link;
	char text[FUSE_OVERLAY_OWNER_MAX];

	(void)state;
	fuse_overlay_owner(&st, text);
	assert_string_equal(text, "7:8:0660:char-1-3");
	fuse_overlay_link_owner(&st, "name", &link);
	assert_string_equal(link.value, "7:8:name");
	assert_int_equal(strlen(link.key), sizeof(link.key) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_all_kinds),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(written_as_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
