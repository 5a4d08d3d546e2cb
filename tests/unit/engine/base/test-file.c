/* SPDX-License-Identifier: Apache-2.0 */
/* Trees: removed whole, however deep and closed, and never beyond a symlink. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/file.h"

/* 3000 levels with 256 descriptors, some folders closed to their owner. */
static void deep_trees_are_removed(void **state)
{
	char top[] = "/tmp/bryo-test-file-XXXXXX";
	struct rlimit old;
	struct rlimit few;
	int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(top));
	fd = open(top, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3000; i++) {
		int next = -1;

		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		assert_int_equal(mknodat(fd, "f", S_IFREG | 0600, 0), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		if (i % 500 == 99)
			assert_int_equal(fchmod(fd, 0), 0);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, top), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_not_equal(access(top, F_OK), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, top), 0); /* a missing one is fine */
}

static void symlinks_are_removed_not_followed(void **state)
{
	char top[] = "/tmp/bryo-test-file-XXXXXX";
	char other[] = "/tmp/bryo-test-file-XXXXXX";
	auto_close int top_fd = -1;
	auto_close int other_fd = -1;

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_non_null(mkdtemp(other));
	top_fd = open(top, O_RDONLY | O_DIRECTORY);
	other_fd = open(other, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mknodat(other_fd, "kept", S_IFREG | 0600, 0), 0);
	assert_int_equal(symlinkat(other, top_fd, "link"), 0);
	assert_int_equal(mkdirat(top_fd, "d", 0700), 0);
	assert_int_equal(symlinkat("..", top_fd, "d/up"), 0);
	assert_int_equal(file_remove_tree(top_fd, "link"), 0);
	assert_int_equal(symlinkat(other, top_fd, "link"), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, top), 0);
	assert_int_equal(faccessat(other_fd, "kept", F_OK, 0), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deep_trees_are_removed),
		cmocka_unit_test(symlinks_are_removed_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
