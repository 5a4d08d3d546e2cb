/* SPDX-License-Identifier: Apache-2.0 */
/* Detach keys, messages, and sockets in folders with long names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/monitor/attach-internal.h"
#include "engine/monitor/attach.h"

static void keys_are_written_as_podman_has_them(void **state)
{
	static const char *const bad[] = { "ctrl-", "ctrl-A", "ctrl-1",	 "ab",
					   "a,,b,", "a,",     "ctrl-p;", "ctrl-pp" };
	struct detach_keys keys;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(detach_keys_parse(DETACH_KEYS_DEFAULT, &keys, &err), 0);
	assert_int_equal(keys.count, 2);
	assert_int_equal(keys.keys[0], 16);
	assert_int_equal(keys.keys[1], 17);
	assert_int_equal(
		detach_keys_parse("a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", &keys, &err), 0);
	assert_int_equal(keys.count, 7);
	assert_memory_equal(keys.keys, "a\0\033\034\035\036\037", 7);
	assert_int_equal(detach_keys_parse("", &keys, &err), 0);
	assert_int_equal(keys.count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(detach_keys_parse(bad[i], &keys, &err), -EINVAL);
}

/* Feeds text in pieces of step bytes; returns what came out, and whether the keys were found. */
static bool filter(const char *spec, const char *text, size_t step, char *out)
{
	struct detach_keys keys;
	size_t used = 0;
	bool found = false;

	assert_int_equal(detach_keys_parse(spec, &keys, NULL), 0);
	for (size_t i = 0; i < strlen(text) && !found; i += step) {
		size_t size = strlen(text) - i < step ? strlen(text) - i : step;
		size_t got = 0;

		found = detach_keys_filter(&keys, text + i, size, out + used, &got);
		used += got;
	}
	out[used] = '\0';
	return found;
}

static void keys_are_found_in_any_pieces(void **state)
{
	char out[256];

	(void)state;
	for (size_t step = 1; step < 12; step++) {
		assert_true(filter("ctrl-p,ctrl-q", "hello\x10\x10\x11rest", step, out));
		assert_string_equal(out, "hello\x10");
		assert_false(filter("ctrl-p,ctrl-q",
				    "a\x10"
				    "b\x11",
				    step, out));
		assert_string_equal(out, "a\x10"
					 "b\x11");
		assert_true(filter("a,a,b", "aaab", step, out));
		assert_string_equal(out, "a");
		assert_true(filter("a,b,a,c", "ababac", step, out));
		assert_string_equal(out, "ab");
		assert_false(filter("", "a\x10\x11", step, out));
		assert_string_equal(out, "a\x10\x11");
	}
}

static void odd_messages_are_refused(void **state)
{
	struct attach_message m = { .magic = ATTACH_MAGIC, .type = ATTACH_KILL, .a = 15 };
	struct attach_message out;

	(void)state;
	assert_int_equal(attach_message_check(&m, sizeof(m), &out), 0);
	assert_int_equal(attach_message_check(&m, sizeof(m) - 1, &out), -EPROTO);
	m.a = 0;
	assert_int_equal(attach_message_check(&m, sizeof(m), &out), -EPROTO);
	m.a = 65;
	assert_int_equal(attach_message_check(&m, sizeof(m), &out), -EPROTO);
	m = (struct attach_message){ .magic = ATTACH_MAGIC, .type = ATTACH_RESIZE, .a = 70000 };
	assert_int_equal(attach_message_check(&m, sizeof(m), &out), -EPROTO);
	m = (struct attach_message){ .magic = 1, .type = ATTACH_WAIT };
	assert_int_equal(attach_message_check(&m, sizeof(m), &out), -EPROTO);
	m = (struct attach_message){ .magic = ATTACH_MAGIC, .type = 99 };
	assert_int_equal(attach_message_check(&m, sizeof(m), &out), -EPROTO);
}

static void long_folder_names_do_not_matter(void **state)
{
	char top[] = "/tmp/bryo-test-attach.XXXXXX";
	auto_free char *folder = NULL;
	auto_close int dir = -1;
	auto_close int listener = -1;
	auto_close int control = -1;
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(top));
	folder = xasprintf("%s/%0200d", top, 1);
	assert_int_equal(path_mkdir_all(folder, 0700), 0);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(attach_connect(dir, "attach", &control, &err), -ENOENT);
	assert_int_equal(attach_listen(dir, "attach", &listener, &err), 0);
	assert_int_equal(fstatat(dir, "attach", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(attach_connect(dir, "attach", &control, &err), 0);
	fd_close(&listener);
	fd_close(&control);
	assert_int_equal(attach_connect(dir, "attach", &control, &err), -ECONNREFUSED);
	/* What a killed monitor left is replaced. */
	assert_int_equal(attach_listen(dir, "attach", &listener, &err), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_written_as_podman_has_them),
		cmocka_unit_test(keys_are_found_in_any_pieces),
		cmocka_unit_test(odd_messages_are_refused),
		cmocka_unit_test(long_folder_names_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
