/* SPDX-License-Identifier: Apache-2.0 */
/* auth.json and policy.json: which entry counts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/config/auth.h"
#include "engine/config/policy.h"

/* "u:host", "u:team", "u:hub" in base64 */
static const char file[] = "{\"auths\":{\"quay.io\":{\"auth\":\"dTpob3N0\"},"
			   "\"quay.io/team\":{\"auth\":\"dTp0ZWFt\"},"
			   "\"https://index.docker.io/v1/\":{\"auth\":\"dTpodWI=\"},"
			   "\"bad.io\":{\"auth\":\"!!\"},\"tok.io\":{\"identitytoken\":\"T\"}},"
			   "\"credHelpers\":{\"h.io\":\"secretservice\"}}";

static char *password(const char *repository, struct err *err)
{
	struct auth auth auto_done(auth) = AUTH_INIT;
	auto_free char *helper = NULL;

	if (auth_find(file, strlen(file), "auth.json", repository, &auth, &helper, err) < 0)
		return xstrdup("error");
	if (helper)
		return xasprintf("helper %s", helper);
	if (auth.identity_token)
		return xasprintf("token %s", auth.identity_token);
	return xstrdup(str_or(auth.password, "none"));
}

static void the_most_specific_entry_counts(void **state)
{
	static const char *const cases[][2] = {
		{ "quay.io/x", "host" },       { "quay.io/team/x", "team" },
		{ "quay.io/teams/x", "host" }, { "docker.io/library/x", "hub" },
		{ "other.io/x", "none" },      { "bad.io/x", "error" },
		{ "tok.io/x", "token T" },     { "h.io/x", "helper secretservice" },
	};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *found = password(cases[i][0], &err);

		if (!str_eq(found, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], found);
	}
	assert_null(strstr(err.text, "!!")); /* no secret in a message */
}

static void creds_have_two_parts(void **state)
{
	struct auth auth auto_done(auth) = AUTH_INIT;

	(void)state;
	assert_true(auth_parse_creds("", &auth, NULL) < 0);
	assert_true(auth_parse_creds(":x", &auth, NULL) < 0);
	assert_int_equal(auth_parse_creds("u:p:q", &auth, NULL), 0);
	assert_string_equal(auth.user, "u");
	assert_string_equal(auth.password, "p:q");
}

static void policy_fails_closed(void **state)
{
	static const char policy[] =
		"{\"default\":[{\"type\":\"reject\"}],\"transports\":{\"docker\":{"
		"\"quay.io\":[{\"type\":\"insecureAcceptAnything\"}],"
		"\"quay.io/signed\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\"}],"
		"\"*.corp.example\":[{\"type\":\"insecureAcceptAnything\"}]},"
		"\"oci\":{\"\":[{\"type\":\"insecureAcceptAnything\"}]}}}";
	static const struct {
		const char *transport, *scope, *error;
	} cases[] = {
		{ "docker", "quay.io/x:1", NULL },
		{ "docker", "quay.io/signed/x:1", "\"signedBy\"" },
		{ "docker", "docker.io/library/x:1", "rejected" },
		{ "docker", "a.corp.example/x:1", NULL },
		{ "docker", "localhost:5000/x:1", "rejected" },
		{ "oci", "/tmp/x", NULL },
		{ "dir", "/tmp/x", "rejected" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int r = policy_check_bytes(policy, strlen(policy), cases[i].transport,
					   cases[i].scope, &err);

		if ((r == 0) != !cases[i].error || (r < 0 && !strstr(err.text, cases[i].error)))
			fail_msg("%s:%s: %s", cases[i].transport, cases[i].scope, err.text);
	}
	assert_true(policy_check_bytes("{}", 2, "dir", "/x", NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_entry_counts),
		cmocka_unit_test(creds_have_two_parts),
		cmocka_unit_test(policy_fails_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
