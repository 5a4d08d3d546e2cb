/* SPDX-License-Identifier: Apache-2.0 */
/* The image store: publish, find by every spelling, name, unname. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "engine/image/image.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "aabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIFF "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define CONFIG                                                                                     \
	"{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2020-01-01T00:00:00Z\","       \
	"\"config\":{\"Cmd\":[\"/bin/sh\"],\"Env\":[\"A=b\"],\"Labels\":{\"x\":\"y\"},"            \
	"\"ExposedPorts\":{\"80/tcp\":{}}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIFF  \
	"\"]}}"

struct fixture {
	char path[64];
	struct image_store store;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	/* registries.conf of the host must not decide a test */
	setenv("CONTAINERS_REGISTRIES_CONF", "/dev/null", 1);
	snprintf(f->path, sizeof(f->path), "/tmp/bryo-test-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	assert_int_equal(image_store_open(f->path, &f->store, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	image_store_done(&f->store);
	assert_int_equal(file_remove_tree(AT_FDCWD, f->path), 0);
	free(f);
	return 0;
}

static int put(struct fixture *f, const char *id, const char *name, struct err *err)
{
	struct strv layers auto_done(strv) = STRV_INIT;
	struct strv names auto_done(strv) = STRV_INIT;

	strv_add(&layers, DIFF);
	if (name)
		strv_add(&names, name);
	return image_put(&f->store,
			 &(struct image_new){ .id = id,
					      .config = CONFIG,
					      .config_size = strlen(CONFIG),
					      .manifest = "{}",
					      .manifest_size = 2,
					      .manifest_digest = DIGEST,
					      .layers = &layers,
					      .layers_size = 1000,
					      .names = &names },
			 err);
}

static const char *find(struct fixture *f, const char *name)
{
	static char id[IMAGE_ID_LEN + 1];
	struct err err = ERR_INIT;

	if (image_resolve(&f->store, name, id, NULL, &err) < 0)
		return err.kind == ERR_NOT_FOUND ? "none" : "another error";
	return id;
}

static void an_image_is_found_by_all_its_spellings(void **state)
{
	static const char *const good[] = {
		"alpine",
		"library/alpine",
		"docker.io/alpine",
		"docker.io/library/alpine:latest",
		"alpine:latest",
		"alpine@" DIGEST,
		"docker.io/library/alpine@" DIGEST,
		ID_A,
		"sha256:" ID_A,
		"aaa",
		"sha256:aaa",
	};
	static const char *const bad[] = {
		"alpin", "alpine:3", "quay.io/alpine", "localhost/alpine", "aa", "b", "alpine@" DIFF
	};
	struct fixture *f = *state;

	assert_int_equal(put(f, ID_A, "docker.io/library/alpine:latest", NULL), 0);
	assert_int_equal(put(f, ID_B, NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!str_eq(find(f, good[i]), ID_A))
			fail_msg("%s: %s", good[i], find(f, good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!str_eq(find(f, bad[i]), "none"))
			fail_msg("%s: %s", bad[i], find(f, bad[i]));
}

static void a_local_build_goes_before_a_registry(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, ID_A, "quay.io/me/tool:latest", NULL), 0);
	assert_string_equal(find(f, "tool"), ID_A);
	assert_string_equal(find(f, "me/tool"), ID_A);
	assert_int_equal(put(f, ID_B, "localhost/tool:latest", NULL), 0);
	assert_string_equal(find(f, "tool"), ID_B);
	assert_string_equal(find(f, "me/tool"), ID_A);
}

static void a_record_tells_what_run_needs(void **state)
{
	struct fixture *f = *state;
	struct image image auto_done(image) = IMAGE_INIT;

	assert_int_equal(put(f, ID_A, "localhost/x:1", NULL), 0);
	assert_int_equal(image_open(&f->store, "x:1", &image, NULL), 0);
	assert_string_equal(image.id, ID_A);
	assert_string_equal(image.names.v[0], "localhost/x:1");
	assert_string_equal(image.layers.v[0], DIFF);
	assert_string_equal(image.digests.v[0], DIGEST);
	assert_string_equal(image.config.cmd.v[0], "/bin/sh");
	assert_string_equal(image.config.labels.v[0], "x=y");
	assert_string_equal(image.config.ports.v[0], "80/tcp");
	assert_int_equal(image.created, 1577836800000000000);
}

static void names_move_and_go(void **state)
{
	struct fixture *f = *state;
	struct strv names auto_done(strv) = STRV_INIT;
	struct strv none = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(put(f, ID_A, "localhost/x:1", NULL), 0);
	assert_int_equal(put(f, ID_B, "localhost/y:1", NULL), 0);
	strv_add(&names, "x:1");
	assert_int_equal(image_tag(&f->store, "y:1", &names, NULL), 0);
	assert_string_equal(find(f, "x:1"), ID_B);
	assert_string_equal(find(f, ID_A), ID_A);
	assert_int_equal(image_untag(&f->store, "y:1", &names, NULL), 0);
	assert_string_equal(find(f, "x:1"), "none");
	assert_true(image_untag(&f->store, "y:1", &names, &err) < 0);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(image_untag(&f->store, "y:1", &none, NULL), 0);
	assert_string_equal(find(f, "y:1"), "none");
}

static void a_wrong_config_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct strv no_layers = STRV_INIT;
	struct image_list list auto_done(image_list) = IMAGE_LIST_INIT;
	struct err err = ERR_INIT;
	int r = image_put(&f->store,
			  &(struct image_new){ .id = ID_A,
					       .config = CONFIG,
					       .config_size = strlen(CONFIG),
					       .manifest = "{}",
					       .manifest_size = 2,
					       .manifest_digest = DIGEST,
					       .layers = &no_layers,
					       .names = &no_layers },
			  &err);

	assert_true(r < 0);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_int_equal(image_list(&f->store, &list, NULL), 0);
	assert_int_equal(list.count, 0);
}

static void leftovers_of_a_killed_writer_are_swept(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(mkdirat(f->store.fd, ".new-0123456789abcdef", 0700), 0);
	assert_int_equal(put(f, ID_A, NULL, NULL), 0);
	assert_true(fstatat(f->store.fd, ".new-0123456789abcdef", &st, 0) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_image_is_found_by_all_its_spellings, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_local_build_goes_before_a_registry, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_record_tells_what_run_needs, setup, teardown),
		cmocka_unit_test_setup_teardown(names_move_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_config_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers_of_a_killed_writer_are_swept, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
