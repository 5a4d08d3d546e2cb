/* SPDX-License-Identifier: Apache-2.0 */
/* Image configuration: to a struct and back, and --change. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/image/config.h"

static void a_config_survives_the_way_there_and_back(void **state)
{
	static const char text[] =
		"{\"User\":\"me\",\"ExposedPorts\":{\"80/tcp\":{}},\"Env\":[\"A=b\"],"
		"\"Entrypoint\":[\"/x\"],\"Cmd\":[\"y\"],\"Volumes\":{\"/v\":{}},\"WorkingDir\":\"/"
		"w\","
		"\"Labels\":{\"a\":\"b=c\"},\"StopSignal\":\"9\",\"StopTimeout\":3,"
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"/h\"],\"Interval\":5,\"Retries\":2},"
		"\"OnBuild\":[\"RUN x\"],\"Shell\":[\"/bin/bash\"],\"ArgsEscaped\":true}";
	struct image_config config auto_done(image_config) = IMAGE_CONFIG_INIT;
	auto_json json_t *json = json_loads(text, 0, NULL);
	auto_json json_t *back = NULL;
	auto_free char *again = NULL;

	(void)state;
	assert_int_equal(image_config_parse(json, &config, NULL), 0);
	back = image_config_json(&config);
	again = json_text(back);
	assert_string_equal(again, text);
}

static void wrong_types_are_named(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"Cmd\":\"x\"}", "Cmd" },
		{ "{\"Env\":[1]}", "Env" },
		{ "{\"Labels\":{\"a\":1}}", "label" },
		{ "{\"Volumes\":[]}", "Volumes" },
		{ "{\"User\":1}", "User" },
		{ "{\"Healthcheck\":{\"Test\":1}}", "Test" },
		{ "[]", "config" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_config config auto_done(image_config) = IMAGE_CONFIG_INIT;
		auto_json json_t *json = json_loads(cases[i][0], 0, NULL);
		struct err err = ERR_INIT;

		assert_true(image_config_parse(json, &config, &err) < 0);
		assert_non_null(strstr(err.text, cases[i][1]));
	}
}

static void changes_are_dockerfile_words(void **state)
{
	static const char *const good[] = {
		"CMD [\"/bin/sh\"]", "entrypoint foo bar", "ENV A=b",	      "ENV A c",
		"LABEL x=\"y z\"",   "EXPOSE 80 53/udp",   "VOLUME [\"/v\"]", "USER me",
		"WORKDIR /w",	     "STOPSIGNAL 9",	   "ONBUILD RUN x",   "CMD=[\"/x\"]",
	};
	static const char *const bad[] = { "CMD",	   "NOPE x",   "EXPOSE x",
					   "EXPOSE 70000", "USER a b", "" };
	struct image_config config auto_done(image_config) = IMAGE_CONFIG_INIT;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (image_config_change(&config, good[i], &err) < 0)
			fail_msg("%s: %s", good[i], err.text);
	assert_string_equal(config.cmd.v[0], "/x");
	assert_string_equal(config.entrypoint.v[2], "foo bar");
	assert_int_equal(config.env.count, 1);
	assert_string_equal(config.env.v[0], "A=c");
	assert_string_equal(config.labels.v[0], "x=y z");
	assert_string_equal(config.ports.v[0], "80/tcp");
	assert_string_equal(config.ports.v[1], "53/udp");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(image_config_change(&config, bad[i], NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_config_survives_the_way_there_and_back),
		cmocka_unit_test(wrong_types_are_named),
		cmocka_unit_test(changes_are_dockerfile_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
