/* SPDX-License-Identifier: Apache-2.0 */
/* policy.json: see policy.h. Runs in bryo-image; fails closed on whatever it does not know. */
#include "engine/config/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/config/files-internal.h"

enum { POLICY_MAX = 1024 * 1024 };

/* Cuts the last part of a scope off: tag or digest, then folders, up to the host. */
static bool widen(char *scope, bool by_name)
{
	char *slash = strrchr(scope, '/');
	char *at = by_name ? strchr(scope, '@') : NULL;
	char *colon = by_name ? strrchr(scope, ':') : NULL;

	if (at) {
		*at = '\0';
	} else if (colon && slash && colon > slash) {
		*colon = '\0';
	} else if (slash && slash > scope) {
		*slash = '\0';
	} else {
		return false;
	}
	return true;
}

/* "*.example.com" for a host below it, from the nearest domain upwards. */
static const json_t *find_wildcard(const json_t *scopes, const char *host)
{
	for (const char *dot = strchr(host, '.'); dot; dot = strchr(dot + 1, '.')) {
		auto_free char *pattern = xasprintf("*%s", dot);
		const json_t *found = json_object_get(scopes, pattern);

		if (found)
			return found;
	}
	return NULL;
}

/* The requirements that count for a scope: the most specific ones there are. */
static const json_t *find(const json_t *policy, const char *transport, const char *scope)
{
	const json_t *scopes = json_object_get(json_object_get(policy, "transports"), transport);
	bool by_name = str_eq(transport, "docker");
	auto_free char *wide = xstrdup(scope);
	const json_t *found = NULL;

	if (*wide) {
		do
			found = json_object_get(scopes, wide);
		while (!found && widen(wide, by_name));
	}
	if (!found && by_name)
		found = find_wildcard(scopes, wide);
	if (!found)
		found = json_object_get(scopes, "");
	return found ? found : json_object_get(policy, "default");
}

static int check_one(const json_t *requirement, const char *transport, const char *scope,
		     struct err *err)
{
	const char *type = json_str(requirement, "type", NULL);

	if (str_eq(type, "insecureAcceptAnything"))
		return 0;
	if (str_eq(type, "reject"))
		return err_say(
			err, ERR_USAGE,
			"Source image rejected: Running image %s:%.200s is rejected by policy.",
			transport, scope);
	if (!type)
		return err_say(err, ERR_USAGE, "a requirement without a \"type\"");
	return err_say(
		err, ERR_UNSUPPORTED,
		"image %s:%.200s needs a signature of kind \"%.60s\", which bryo cannot check yet",
		transport, scope, type);
}

int policy_check_bytes(const char *data, size_t size, const char *transport, const char *scope,
		       struct err *err)
{
	auto_json json_t *policy = NULL;
	const json_t *requirements = NULL;
	json_t *item = NULL;
	size_t i = 0;
	int r = json_parse(data, size, "the policy", &policy, err);

	if (r < 0)
		return r;
	requirements = find(policy, transport, scope);
	if (json_array_size(requirements) == 0)
		return err_say(err, ERR_USAGE, "no requirements for %s:%.200s, and no \"default\"",
			       transport, scope);
	json_array_foreach (requirements, i, item) {
		r = check_one(item, transport, scope, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int policy_check(const char *file, const char *transport, const char *scope, struct err *err)
{
	auto_free char *user = config_user_path("containers/policy.json");
	auto_free char *data = NULL;
	size_t size = 0;
	const char *path = file;
	int r = 0;

	if (!path)
		path = user && access(user, F_OK) == 0 ? user : "/etc/containers/policy.json";
	r = file_read_at(AT_FDCWD, path, POLICY_MAX, &data, &size);
	if (r == -ENOENT && !file)
		return 0;
	if (r < 0)
		return err_set(err, r, "cannot read the signature policy %s", path);
	r = policy_check_bytes(data, size, transport, scope, err);
	return r < 0 ? err_prefix(err, "%s", path) : 0;
}
