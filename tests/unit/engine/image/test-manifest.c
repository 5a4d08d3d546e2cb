/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: kinds, refusals by name, the choice of a platform. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/image/manifest.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DESC(type) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX64 "\",\"size\":7}"
#define IMAGE(config, layers)                                                                      \
	"{\"schemaVersion\":2,\"config\":" DESC(config) ",\"layers\":[" layers "]}"

static void images_of_both_kinds_are_read(void **state)
{
	static const char *const texts[] = {
		IMAGE(CONFIG_DOCKER, DESC(LAYER_DOCKER_GZIP)),
		IMAGE(CONFIG_OCI,
		      DESC(LAYER_OCI) "," DESC("application/vnd.oci.image.layer.v1.tar+zstd")),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct manifest m auto_done(manifest) = MANIFEST_INIT;
		int r = manifest_parse(texts[i], strlen(texts[i]),
				       i ? MANIFEST_OCI : MANIFEST_DOCKER, &m, NULL);

		assert_int_equal(r, 0);
		assert_int_equal(m.kind, MANIFEST_IMAGE);
		assert_int_equal(m.oci, i == 1);
		assert_int_equal(m.layer_count, i + 1);
		assert_int_equal(m.layers[0].size, 7);
	}
}

static void what_is_not_supported_is_named(void **state)
{
	static const struct {
		const char *text, *type, *says;
	} cases[] = {
		{ "{\"schemaVersion\":1}", MANIFEST_DOCKER_V1_SIGNED, "schema version 1" },
		{ IMAGE("application/vnd.cncf.helm.config.v1+json", ""), MANIFEST_OCI,
		  "artifact of type" },
		{ IMAGE(CONFIG_OCI,
			DESC("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")),
		  MANIFEST_OCI, "foreign" },
		{ IMAGE(CONFIG_OCI, DESC("application/vnd.oci.image.layer.v1.tar+gzip+encrypted")),
		  MANIFEST_OCI, "encrypted" },
		{ "{\"config\":{\"digest\":\"sha512:00\",\"size\":1}}", MANIFEST_OCI,
		  "only SHA-256" },
		{ "{\"config\":{\"digest\":\"sha256:00\",\"size\":1}}", MANIFEST_OCI,
		  "not a digest" },
		{ "{\"config\":{\"digest\":\"sha256:" HEX64 "\",\"size\":-1}}", MANIFEST_OCI,
		  "lacks" },
		{ "{\"config\":{},\"manifests\":[]}", MANIFEST_OCI, "at the same time" },
		{ "{\"manifests\":[]}", MANIFEST_OCI, "not what its type" },
		{ "{\"mediaType\":5}", MANIFEST_OCI, "\"mediaType\"" },
		{ "[]", MANIFEST_OCI, "not a JSON object" },
		{ "{}", NULL, "is not supported" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct manifest m auto_done(manifest) = MANIFEST_INIT;
		struct err err = ERR_INIT;

		assert_true(manifest_parse(cases[i].text, strlen(cases[i].text), cases[i].type, &m,
					   &err) < 0);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void the_best_platform_is_chosen(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"manifests\":["
		"{\"digest\":\"sha256:" HEX64
		"\",\"size\":1,\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}},"
		"{\"digest\":\"sha256:" HEX64
		"\",\"size\":2,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
		"{\"digest\":\"sha256:" HEX64 "\",\"size\":3,\"platform\":{\"os\":\"linux\","
		"\"architecture\":\"arm\",\"variant\":\"v5\"}},"
		"{\"digest\":\"sha256:" HEX64 "\",\"size\":4,\"platform\":{\"os\":\"linux\","
		"\"architecture\":\"arm\",\"variant\":\"v6\"}},"
		"{\"digest\":\"sha256:" HEX64 "\",\"size\":5,\"platform\":{\"os\":\"linux\","
		"\"architecture\":\"arm64\",\"variant\":\"v8\"}}]}";
	static const struct {
		const char *platform;
		uint64_t size; /* 0: none fits */
	} cases[] = {
		{ "linux/amd64", 2 },	{ "linux/arm/v7", 4 },	 { "linux/arm/v5", 3 },
		{ "linux/arm64", 5 },	{ "linux/aarch64", 5 },	 { "linux/s390x", 0 },
		{ "windows/amd64", 1 }, { "linux/arm64/v9", 5 },
	};
	struct manifest m auto_done(manifest) = MANIFEST_INIT;

	(void)state;
	assert_int_equal(manifest_parse(text, strlen(text), MANIFEST_OCI_INDEX, &m, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct platform platform auto_done(platform) = PLATFORM_INIT;
		const struct manifest_entry *e = NULL;

		assert_int_equal(platform_parse(cases[i].platform, &platform, NULL), 0);
		e = manifest_choose(&m, &platform);
		if ((e ? e->descriptor.size : 0) != cases[i].size)
			fail_msg("%s: entry %d", cases[i].platform,
				 e ? (int)e->descriptor.size : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_of_both_kinds_are_read),
		cmocka_unit_test(what_is_not_supported_is_named),
		cmocka_unit_test(the_best_platform_is_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
