/* SPDX-License-Identifier: Apache-2.0 */
/* containers.conf and the network of a user without privilege. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/spec/defaults.h"

/* The network that comes of conf and what was typed (NULL: nothing); NULL: none is named. */
static char *network_of(const char *conf_text, const char *typed, struct err *err)
{
	auto_json json_t *conf = NULL;
	struct request request = REQUEST_INIT;
	char *network = NULL;

	assert_int_equal(json_parse(conf_text, strlen(conf_text), "conf", &conf, NULL), 0);
	if (typed)
		strv_add(&request.network, typed);
	if (spec_defaults(conf, &request, err) == 0 &&
	    spec_defaults_network(conf, &request, err) == 0 && request.network.count > 0)
		network = xstrdup(request.network.v[0]);
	request_done(&request);
	return network;
}

#define CMD(name) "\"default_rootless_network_cmd\":\"" name "\""
#define PASTA "\"pasta_options\":[\"-I\",\"eth9\"]"
#define SLIRP "\"engine\":{\"network_cmd_options\":[\"mtu=1400\"]}"

static void rootless_networks_have_defaults(void **state)
{
	static const struct {
		const char *conf, *typed, *network;
	} cases[] = {
		{ "{}", NULL, NULL },
		{ "{}", "private", "private" },
		{ "{\"network\":{" CMD("slirp4netns") "}}", NULL, "slirp4netns" },
		{ "{\"network\":{" CMD("pasta") "}}", "private", "pasta" },
		{ "{\"network\":{" CMD("pasta") "}}", "none", "none" },
		{ "{\"network\":{" CMD("pasta") "}}", "slirp4netns", "slirp4netns" },
		{ "{\"network\":{" CMD("pasta") "," PASTA "}}", NULL, "pasta:-I,eth9" },
		{ "{\"network\":{" PASTA "}}", NULL, "pasta:-I,eth9" },
		{ "{\"network\":{" PASTA "}}", "pasta:-4", "pasta:-I,eth9,-4" },
		{ "{\"network\":{" PASTA "}}", "slirp4netns", "slirp4netns" },
		{ "{\"network\":{" CMD("slirp4netns") "," PASTA "}," SLIRP "}", NULL,
		  "slirp4netns:mtu=1400" },
		{ "{" SLIRP "}", "slirp4netns:mtu=1500", "slirp4netns:mtu=1400,mtu=1500" },
		{ "{" SLIRP "}", "slirp:fast=on", "slirp:mtu=1400,fast=on" },
		{ "{" SLIRP "}", "host", "host" },
		{ "{\"containers\":{\"netns\":\"private\"},\"network\":{" CMD("pasta") "}}", NULL,
		  "pasta" },
		{ "{\"containers\":{\"netns\":\"none\"},\"network\":{" CMD("pasta") "}}", NULL,
		  "none" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		auto_free char *network = network_of(cases[i].conf, cases[i].typed, &err);

		if (!str_eq(network, cases[i].network))
			fail_msg("case %zu: %s %s", i, str_or(network, "none"), err.text);
	}
}

static void wrong_values_name_their_file(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(network_of("{\"network\":{" CMD("bridge") "}}", NULL, &err));
	assert_string_equal(err.text,
			    "containers.conf: invalid default_rootless_network_cmd \"bridge\": "
			    "pasta or slirp4netns is expected");
	assert_null(network_of("{\"network\":{\"pasta_options\":1}}", NULL, &err));
	assert_non_null(strstr(err.text, "containers.conf: "));
	assert_null(network_of("{\"engine\":{\"network_cmd_options\":[1]}}", "slirp4netns", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rootless_networks_have_defaults),
		cmocka_unit_test(wrong_values_name_their_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
