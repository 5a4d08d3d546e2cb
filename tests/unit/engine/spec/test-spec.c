/* SPDX-License-Identifier: Apache-2.0 */
/* A request becomes a specification; the record of one becomes the same one again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/image/config.h"
#include "engine/spec/env.h"
#include "engine/spec/rlimit.h"
#include "engine/spec/spec.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void signals_have_names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(spec_signal_parse("SIGTERM"), SIGTERM);
	assert_int_equal(spec_signal_parse("term"), SIGTERM);
	assert_int_equal(spec_signal_parse("15"), 15);
	assert_int_equal(spec_signal_parse("RTMIN+3"), 37); /* the kernel's 34, not a libc's */
	assert_true(spec_signal_parse("") < 0);
	assert_true(spec_signal_parse("SIG") < 0);
	assert_true(spec_signal_parse("0") < 0);
	assert_true(spec_signal_parse("65") < 0);
	assert_true(spec_signal_parse("-1") < 0);
	assert_true(spec_signal_parse("15x") < 0);
	assert_true(spec_signal_parse("RTMIN+40") < 0);
}

static void limits_are_checked(void **state)
{
	static const char *const wrong[] = {
		"",	      "nofile",	      "nofile=",   "bad=1",	 "nofile=2:1", "nofile=a",
		"nofile=1:b", "nofile=1:2:3", "nofile=-2", "nofile=1e3", "=1"
	};
	struct spec_rlimit limit;

	(void)state;
	assert_int_equal(spec_rlimit_parse("nofile=1024:2048", &limit), 0);
	assert_int_equal(limit.resource, RLIMIT_NOFILE);
	assert_int_equal(limit.soft, 1024);
	assert_int_equal(limit.hard, 2048);
	assert_int_equal(spec_rlimit_parse("core=0", &limit), 0);
	assert_int_equal(limit.hard, 0);
	assert_int_equal(spec_rlimit_parse("memlock=-1", &limit), 0);
	assert_true(limit.soft == RLIM_INFINITY);
	assert_int_equal(spec_rlimit_parse("memlock=unlimited", &limit), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (spec_rlimit_parse(wrong[i], &limit) == 0)
			fail_msg("\"%s\" was taken", wrong[i]);
}

static void environments_come_from_three_places(void **state)
{
	struct strv env auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(setenv("BRYO_TEST_ONE", "1", 1), 0);
	assert_int_equal(setenv("BRYO_TEST_TWO", "2", 1), 0);
	assert_int_equal(unsetenv("BRYO_TEST_NONE"), 0);
	assert_int_equal(spec_env_add(&env, "A=b=c", &err), 0);
	assert_int_equal(spec_env_add(&env, "BRYO_TEST_NONE", &err), 0);
	assert_int_equal(spec_env_add(&env, "BRYO_TEST_ONE", &err), 0);
	assert_string_equal(strv_env_get(&env, "A"), "b=c");
	assert_string_equal(strv_env_get(&env, "BRYO_TEST_ONE"), "1");
	assert_null(strv_env_get(&env, "BRYO_TEST_NONE"));
	assert_null(strv_env_get(&env, "BRYO_TEST_TWO"));
	assert_int_equal(spec_env_add(&env, "BRYO_TEST_*", &err), 0);
	assert_string_equal(strv_env_get(&env, "BRYO_TEST_TWO"), "2");
	assert_int_equal(spec_env_merge(&env, "A=${A}:$BRYO_TEST_ONE", &err), 0);
	assert_string_equal(strv_env_get(&env, "A"), "b=c:1");
	assert_true(spec_env_add(&env, "=x", &err) < 0);
	assert_true(spec_env_file(&env, "/nonexistent", &err) < 0);
	assert_non_null(strstr(err.text, "/nonexistent"));
}

static void names_are_checked(void **state)
{
	static const char *const wrong[] = { "", "-a", ".a", "a b", "a/b", "\xc3\xa4", "a\n" };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(spec_name_check("web-1_a.b", &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (spec_name_check(wrong[i], &err) == 0)
			fail_msg("\"%s\" was taken", wrong[i]);
}

/* The image says what the user leaves open, and no more. */
static void an_image_fills_the_gaps(void **state)
{
	struct image_config image __attribute__((cleanup(image_config_done))) = IMAGE_CONFIG_INIT;
	struct request request __attribute__((cleanup(request_done))) = REQUEST_INIT;
	struct spec_host host = { .image = &image, .rootless = true, .own_uid = 1000 };
	struct container_spec spec __attribute__((cleanup(container_spec_done)));
	struct err err = ERR_INIT;

	(void)state;
	strv_add(&image.entrypoint, "/entry");
	strv_add(&image.cmd, "default");
	strv_add(&image.env, "A=image");
	strv_add(&image.env, "B=image");
	image.workdir = xstrdup("/work");
	image.user = xstrdup("nobody");
	image.stop_signal = xstrdup("SIGINT");
	request.image = xstrdup("image");
	strv_add(&request.env, "A=user");
	container_spec_init(&spec);
	assert_int_equal(spec_build(&request, &host, ID, &spec, &err), 0);
	assert_string_equal(spec.entrypoint.v[0], "/entry");
	assert_string_equal(spec.command.v[0], "default");
	assert_string_equal(strv_env_get(&spec.env, "A"), "user");
	assert_string_equal(strv_env_get(&spec.env, "B"), "image");
	assert_string_equal(spec.workdir, "/work");
	assert_string_equal(spec.user, "nobody");
	assert_int_equal(spec.stop_signal, SIGINT);
	container_spec_done(&spec);
	/* another entrypoint drops the image's command, as Docker and Podman do */
	request.entrypoint = xstrdup("/mine");
	container_spec_init(&spec);
	assert_int_equal(spec_build(&request, &host, ID, &spec, &err), 0);
	assert_string_equal(spec.entrypoint.v[0], "/mine");
	assert_int_equal(spec.command.count, 0);
}

/* Field by field it comes back: the table of spec.c forgets none that this request sets. */
static void records_come_back_whole(void **state)
{
	struct image_config image __attribute__((cleanup(image_config_done))) = IMAGE_CONFIG_INIT;
	struct request request __attribute__((cleanup(request_done))) = REQUEST_INIT;
	struct spec_host host = { .image = &image, .rootless = true, .own_uid = 1000 };
	struct container_spec spec __attribute__((cleanup(container_spec_done)));
	struct container_spec again __attribute__((cleanup(container_spec_done)));
	struct err err = ERR_INIT;
	auto_json json_t *json = NULL;
	auto_json json_t *second = NULL;

	(void)state;
	container_spec_init(&spec);
	container_spec_init(&again);
	request.image = xstrdup("image");
	request.name = xstrdup("web");
	request.hostname = xstrdup("host");
	request.user = xstrdup("1:2");
	request.umask = xstrdup("027");
	request.restart = xstrdup("on-failure:3");
	request.stop_timeout = xstrdup("7");
	request.pids_limit = xstrdup("99");
	request.read_only = request.tty = true;
	strv_add(&request.command, "sh");
	strv_add(&request.tmpfs, "/scratch:size=1m");
	strv_add(&request.volumes, "data:/data:ro");
	strv_add(&request.cap_add, "SYS_PTRACE");
	strv_add(&request.cap_drop, "CHOWN");
	strv_add(&request.ulimits, "nofile=10:20");
	strv_add(&request.labels, "a=b");
	strv_add(&request.publish, "127.0.0.1:8080:80");
	strv_add(&request.sysctls, "net.ipv4.ip_forward=1");
	assert_int_equal(spec_build(&request, &host, ID, &spec, &err), 0);
	assert_int_equal(spec.restart, SPEC_RESTART_ON_FAILURE);
	assert_int_equal(spec.restart_retries, 3);
	assert_int_equal(spec.umask, 027);
	assert_true(spec.caps & (1ULL << 19));
	assert_false(spec.caps & 1ULL);
	json = spec_to_json(&spec);
	assert_non_null(json);
	assert_int_equal(spec_from_json(json, &again, &err), 0);
	second = spec_to_json(&again);
	assert_true(json_equal(json, second));
	assert_int_equal(again.mounts.count, spec.mounts.count);
	assert_int_equal(again.caps, spec.caps);
}

static void wrong_values_name_their_flag(void **state)
{
	static const struct {
		size_t offset;
		const char *value, *named;
	} wrong[] = {
#define FIELD(name, value, named) { offsetof(struct request, name), value, named }
		FIELD(name, "a b", "a b"),
		FIELD(umask, "9", "umask"),
		FIELD(restart, "sometimes", "sometimes"),
		FIELD(stop_timeout, "x", "x"),
		FIELD(stop_signal, "NOSUCH", "NOSUCH"),
		FIELD(memory, "1q", "1q"),
		FIELD(pids_limit, "many", "many"),
		FIELD(shm_size, "-1", "-1"),
		FIELD(pid, "nowhere", "nowhere"),
		FIELD(ipc, "nowhere", "nowhere"),
		FIELD(userns, "nowhere", "nowhere"),
		FIELD(cpus, "-1", "-1"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct image_config image __attribute__((cleanup(image_config_done))) =
			IMAGE_CONFIG_INIT;
		struct request request __attribute__((cleanup(request_done))) = REQUEST_INIT;
		struct spec_host host = { .image = &image, .rootless = true, .own_uid = 1000 };
		struct container_spec spec __attribute__((cleanup(container_spec_done)));
		struct err err = ERR_INIT;

		container_spec_init(&spec);
		request.image = xstrdup("image");
		strv_add(&request.command, "true");
		*(char **)((char *)&request + wrong[i].offset) = xstrdup(wrong[i].value);
		if (spec_build(&request, &host, ID, &spec, &err) == 0)
			fail_msg("%s was taken", wrong[i].value);
		if (!strstr(err.text, wrong[i].named))
			fail_msg("\"%s\" does not name %s", err.text, wrong[i].named);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_have_names_and_numbers),
		cmocka_unit_test(limits_are_checked),
		cmocka_unit_test(environments_come_from_three_places),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(an_image_fills_the_gaps),
		cmocka_unit_test(records_come_back_whole),
		cmocka_unit_test(wrong_values_name_their_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
