/* SPDX-License-Identifier: Apache-2.0 */
/* config.json to structs and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/oci.h"

static int parse(const char *text, struct oci_spec *spec, struct err *err)
{
	auto_json json_t *json = NULL;
	int r = oci_json_parse(text, strlen(text), "config.json", &json, err);

	return r < 0 ? r : oci_spec_parse(json, spec, err);
}

static void whole_file_survives(void **state)
{
	auto_free char *text = NULL;
	auto_free char *compact = NULL;
	auto_free char *first = NULL;
	auto_json json_t *json = NULL;
	auto_json json_t *written = NULL;
	auto_done(oci_spec) struct oci_spec spec = OCI_SPEC_INIT;
	struct err err = ERR_INIT;
	size_t size = 0;

	(void)state;
	assert_int_equal(
		file_read_at(AT_FDCWD, "tests/fuzz/seeds/oci/whole.json", 1 << 20, &text, &size),
		0);
	assert_int_equal(oci_json_parse(text, size, "whole.json", &json, &err), 0);
	assert_int_equal(oci_spec_parse(json, &spec, &err), 0);
	/* Numbers that do not fit a signed one. */
	assert_true(spec.process.rlimits.v[0].hard == UINT64_MAX);
	assert_true(spec.linux_.seccomp->rules.v[0].args.v[0].value == UINT64_MAX);
	assert_int_equal(spec.process.rlimits.v[0].resource, RLIMIT_NOFILE);
	assert_true(spec.process.capabilities.ambient == CAPS_BIT(5));
	assert_int_equal(spec.linux_.resources.devices.v[0].major.value, -1);
	assert_string_equal(spec.linux_.net_devices.v[0].name, "eth0");
	assert_string_equal(spec.linux_.namespaces[OCI_NS_NETWORK].path, "/n");
	assert_int_equal(spec.hooks[OCI_HOOK_PRESTART].v[0].timeout.value, 3);
	/* Every field of the file comes back: empty lists aside, nothing was dropped. */
	written = oci_spec_to_json(&spec);
	first = oci_json_text(written, 0);
	assert_non_null(strstr(first, "\"hard\":18446744073709551615"));
	(void)json_array_clear(
		json_object_get(json_array_get(json_object_get(json, "mounts"), 0), "gidMappings"));
	(void)json_object_del(json_array_get(json_object_get(json, "mounts"), 0), "gidMappings");
	compact = oci_json_text(json, 0);
	assert_int_equal(json_object_size(written), json_object_size(json));
	assert_int_equal(json_object_size(json_object_get(written, "process")),
			 json_object_size(json_object_get(json, "process")));
	assert_int_equal(json_object_size(json_object_get(written, "linux")),
			 json_object_size(json_object_get(json, "linux")));
	assert_int_equal(
		json_object_size(json_object_get(json_object_get(written, "linux"), "resources")),
		json_object_size(json_object_get(json_object_get(json, "linux"), "resources")));
}

static void refusals_name_the_field(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} cases[] = {
		{ "{}", "ociVersion is missing" },
		{ "{\"ociVersion\":\"2.0\"}", "ociVersion 2.0 is not one of 1.x" },
		{ "{\"ociVersion\":1}", "ociVersion is not a string" },
		{ "{\"ociVersion\":\"1.0.0\",\"windows\":{}}", "windows is not supported" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":-1}}}",
		  "process.user.uid is out of range" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\",3]}}",
		  "process.args[1] is not a string" },
		{ "{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},"
		  "{\"type\":\"pid\"}]}}",
		  "linux.namespaces[1] names a type for the second time" },
		{ "{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{\"defaultAction\":\"X\"}}}",
		  "linux.seccomp.defaultAction has a value" },
		{ "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\\u0000x\"}}",
		  "not valid JSON" },
		{ "{\"ociVersion\":\"1.0.0\",\"mounts\":[{}]}",
		  "mounts[0].destination is missing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_spec spec = OCI_SPEC_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(parse(cases[i].text, &spec, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].said));
	}
}

static void unknown_properties_are_passed_over(void **state)
{
	auto_done(oci_spec) struct oci_spec spec = OCI_SPEC_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse("{\"ociVersion\":\"1.0.0\",\"later\":{\"x\":[1]}}", &spec, &err), 0);
}

static void stages_are_in_order(void **state)
{
	(void)state;
	assert_string_equal(oci_hook_stage_name(OCI_HOOK_PRESTART), "prestart");
	assert_string_equal(oci_hook_stage_name(OCI_HOOK_CREATE_CONTAINER), "createContainer");
	assert_string_equal(oci_hook_stage_name(OCI_HOOK_POSTSTOP), "poststop");
	assert_string_equal(oci_namespace_file(OCI_NS_MOUNT), "mnt");
}

static void pairs_replace(void **state)
{
	auto_done(oci_spec) struct oci_spec spec = OCI_SPEC_INIT;

	(void)state;
	oci_pairs_set(&spec.annotations, "a", "1");
	oci_pairs_set(&spec.annotations, "b", "2");
	oci_pairs_set(&spec.annotations, "a", "3");
	assert_int_equal(spec.annotations.count, 2);
	assert_string_equal(oci_pairs_get(&spec.annotations, "a"), "3");
	assert_null(oci_pairs_get(&spec.annotations, "c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_file_survives),
		cmocka_unit_test(refusals_name_the_field),
		cmocka_unit_test(unknown_properties_are_passed_over),
		cmocka_unit_test(stages_are_in_order),
		cmocka_unit_test(pairs_replace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
