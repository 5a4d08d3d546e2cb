/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: made, found, filled once, removed; nothing of a half-made one stays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/volume/volume.h"

static char top[64];
static struct volume_store store;

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/bryo-test-volume-XXXXXX");
	store = VOLUME_STORE_INIT;
	return mkdtemp(top) ? volume_store_open(top, &store, NULL) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	volume_store_done(&store);
	return file_remove_tree(AT_FDCWD, top);
}

static void make(const char *name)
{
	const struct volume_args args = { .name = name };
	struct err err = ERR_INIT;
	auto_free char *made = NULL;

	assert_int_equal(volume_create(&store, &args, &made, &err), 0);
	assert_string_equal(made, name);
}

static void volumes_come_and_go(void **state)
{
	const struct volume_args again = { .name = "data" };
	const struct volume_args forgiven = { .name = "data", .ignore_existing = true };
	struct strv names auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	auto_free char *name = NULL;
	auto_free char *found = NULL;
	auto_free char *path = NULL;
	struct stat st;

	(void)state;
	make("data");
	make("cache");
	assert_true(volume_create(&store, &again, &name, &err) < 0);
	assert_int_equal(err.kind, ERR_EXISTS);
	assert_int_equal(volume_create(&store, &forgiven, &name, &err), 0);
	assert_int_equal(volume_list(&store, &names, &err), 0);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.v[0], "cache");
	assert_int_equal(volume_find(&store, "da", &found, &err), 0);
	assert_string_equal(found, "data");
	path = volume_path(&store, "data");
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(volume_remove(&store, "data", &err), 0);
	assert_int_not_equal(stat(path, &st), 0);
	err = ERR_INIT;
	free(take(found));
	assert_true(volume_find(&store, "data", &found, &err) < 0);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	err = ERR_INIT;
	assert_true(volume_remove(&store, "data", &err) < 0);
}

static void names_stay_inside(void **state)
{
	static const char *const wrong[] = { "",	".",  "..",  "../x", "a/b",
					     ".hidden", "-x", "a b", "a\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const struct volume_args args = { .name = wrong[i] };
		struct err err = ERR_INIT;
		auto_free char *name = NULL;

		if (volume_create(&store, &args, &name, &err) == 0)
			fail_msg("\"%s\" was taken for a name", wrong[i]);
	}
}

static void the_nameless_are_told_apart(void **state)
{
	const struct volume_args args = { .anonymous = true };
	struct err err = ERR_INIT;
	auto_free char *name = NULL;

	(void)state;
	make("named");
	assert_int_equal(volume_create(&store, &args, &name, &err), 0);
	assert_int_equal(strlen(name), 64);
	assert_true(volume_is_anonymous(&store, name));
	assert_false(volume_is_anonymous(&store, "named"));
	assert_false(volume_is_anonymous(&store, "missing"));
}

static void records_tell_what_was_asked(void **state)
{
	struct strv labels auto_done(strv) = STRV_INIT;
	struct volume_args args = { .name = "v", .labels = &labels };
	struct err err = ERR_INIT;
	auto_free char *name = NULL;
	auto_json json_t *object = NULL;

	(void)state;
	strv_add(&labels, "a=b");
	strv_add(&labels, "c");
	assert_int_equal(volume_create(&store, &args, &name, &err), 0);
	assert_int_equal(volume_inspect(&store, "v", &object, &err), 0);
	assert_string_equal(json_str(object, "Name", ""), "v");
	assert_string_equal(json_str(object, "Driver", ""), "local");
	assert_string_equal(json_str(json_object_get(object, "Labels"), "a", "?"), "b");
	assert_string_equal(json_str(json_object_get(object, "Labels"), "c", "?"), "");
}

static void write_file(int dir_fd, const char *name, const char *text)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* The image's files come once: what a user deleted does not come back. */
static void an_image_fills_a_new_volume_once(void **state)
{
	auto_close int root = openat(store.fd, "..", O_RDONLY | O_DIRECTORY);
	auto_close int files = -1;
	struct err err = ERR_INIT;
	auto_free char *path = volume_path(&store, "v");
	struct stat st;

	(void)state;
	make("v");
	make("used");
	assert_int_equal(mkdirat(root, "srv", 0751), 0);
	assert_int_equal(mkdirat(root, "srv/sub", 0700), 0);
	write_file(root, "srv/file", "image");
	write_file(root, "srv/sub/deep", "image");
	assert_int_equal(fchmodat(root, "srv", 0751, 0), 0);
	assert_int_equal(volume_copy_up(&store, "v", root, "/srv", &err), 0);
	files = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(fstat(files, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(faccessat(files, "sub/deep", F_OK, 0), 0);
	assert_int_equal(unlinkat(files, "file", 0), 0);
	assert_int_equal(volume_copy_up(&store, "v", root, "/srv", &err), 0);
	assert_int_not_equal(faccessat(files, "file", F_OK, 0), 0);
	/* a volume that somebody put files into is his */
	fd_close(&files);
	free(path);
	path = volume_path(&store, "used");
	files = open(path, O_RDONLY | O_DIRECTORY);
	write_file(files, "mine", "user");
	assert_int_equal(volume_copy_up(&store, "used", root, "/srv", &err), 0);
	assert_int_not_equal(faccessat(files, "file", F_OK, 0), 0);
	/* and where the image has nothing there is nothing to copy */
	make("none");
	assert_int_equal(volume_copy_up(&store, "none", root, "/missing", &err), 0);
}

/* A symlink of the image must not lead the copy out of it. */
static void a_link_does_not_lead_out(void **state)
{
	auto_close int root = -1;
	auto_close int files = -1;
	struct err err = ERR_INIT;
	auto_free char *path = volume_path(&store, "v");

	(void)state;
	make("v");
	assert_int_equal(mkdirat(store.fd, "../outside", 0700), 0);
	assert_int_equal(mkdirat(store.fd, "../image", 0700), 0);
	root = openat(store.fd, "../image", O_RDONLY | O_DIRECTORY);
	write_file(root, "../outside/secret", "host");
	assert_int_equal(symlinkat("../outside", root, "srv"), 0);
	(void)volume_copy_up(&store, "v", root, "/srv", &err);
	files = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(faccessat(files, "secret", F_OK, 0), 0);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(volumes_come_and_go),
		IN_FOLDER(names_stay_inside),
		IN_FOLDER(the_nameless_are_told_apart),
		IN_FOLDER(records_tell_what_was_asked),
		IN_FOLDER(an_image_fills_a_new_volume_once),
		IN_FOLDER(a_link_does_not_lead_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
