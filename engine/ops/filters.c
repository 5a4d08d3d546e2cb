/* SPDX-License-Identifier: Apache-2.0 */
/* --filter of ps, rm, stop and the like: podman-ps(1). Values of one key are alternatives. */
#include <errno.h>
#include <regex.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/time.h"
#include "engine/ops/internal.h"

static bool filter_id(const struct container *c, const char *value)
{
	return str_starts(c->id, value);
}

/* A regular expression, as Podman's; checked by ops_filters_check(). */
static bool filter_name(const struct container *c, const char *value)
{
	regex_t expression;
	bool found = false;

	if (regcomp(&expression, value, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&expression, c->state.name, 0, NULL, 0) == 0;
	regfree(&expression);
	return found;
}

static int check_name(const char *value, struct err *err)
{
	regex_t expression;
	char why[128];
	int r = regcomp(&expression, value, REG_EXTENDED | REG_NOSUB);

	if (r == 0) {
		regfree(&expression);
		return 0;
	}
	(void)regerror(r, &expression, why, sizeof(why));
	return err_say(err, ERR_USAGE, "invalid regular expression \"%s\" for filter name: %s",
		       value, why);
}

static bool filter_label(const struct container *c, const char *value)
{
	const char *equals = strchr(value, '=');
	auto_free char *name = xstrndup(value, equals ? (size_t)(equals - value) : strlen(value));
	const char *found = strv_env_get(&c->state.labels, name);

	return found && (!equals || str_eq(found, equals + 1));
}

static bool filter_status(const struct container *c, const char *value)
{
	/* Podman's "stopped" is its word for a container whose cleanup is not done: ours is. */
	if (str_eq(value, "stopped"))
		value = "exited";
	return str_eq(container_status_name(c->state.status), value);
}

static bool filter_exited(const struct container *c, const char *value)
{
	int64_t code = 0;

	return c->state.status == CONTAINER_EXITED && str_to_i64(value, &code) == 0 &&
	       c->state.exit_code == code;
}

static bool filter_ancestor(const struct container *c, const char *value)
{
	const char *image = str_or(c->state.image, "");
	const char *slash = strrchr(image, '/');
	const char *last = slash ? slash + 1 : image;
	size_t n = strcspn(last, ":@");

	return str_starts(str_or(c->state.image_id, ""), value) || str_eq(image, value) ||
	       str_eq(last, value) || (strlen(value) == n && strncmp(last, value, n) == 0) ||
	       (str_starts(image, value) &&
		(image[strlen(value)] == ':' || image[strlen(value)] == '@'));
}

static bool filter_volume(const struct container *c, const char *value)
{
	return strv_has(&c->state.mounts, value);
}

static bool filter_network(const struct container *c, const char *value)
{
	return str_eq(c->state.network, value);
}

static bool filter_never(const struct container *c, const char *value)
{
	(void)c;
	return str_eq(value, "none") || str_eq(value, "");
}

static const struct {
	const char *key;
	bool (*pass)(const struct container *, const char *);
} plain[] = {
	{ "id", filter_id },	     { "name", filter_name },	    { "label", filter_label },
	{ "status", filter_status }, { "exited", filter_exited },   { "ancestor", filter_ancestor },
	{ "volume", filter_volume }, { "network", filter_network }, { "health", filter_never },
	{ "pod", filter_never },
};

/* before, since, until: moments of other containers, or points in time. */
static int filter_moment(struct ops *ops, const char *key, const char *value,
			 const struct container *c, bool *ret_pass, struct err *err)
{
	struct container other auto_done(container) = CONTAINER_INIT;
	int64_t point = 0;
	int r = 0;

	if (str_eq(key, "until")) {
		if (time_parse_point(value, &point) < 0)
			return err_say(err, ERR_USAGE, "invalid value \"%s\" for filter until",
				       value);
		*ret_pass = c->state.created < point;
		return 0;
	}
	r = container_find(&ops->engine, value, &other, err);
	if (r < 0)
		return r;
	*ret_pass = str_eq(key, "before") ? c->state.created < other.state.created
					  : c->state.created > other.state.created;
	return 0;
}

static bool is_moment(const char *key)
{
	return str_eq(key, "before") || str_eq(key, "since") || str_eq(key, "until");
}

static bool is_plain(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (str_eq(plain[i].key, key))
			return true;
	return str_eq(key, "label!");
}

static bool check_status(const char *value)
{
	static const char *const words[] = { "created", "running",    "paused",	  "stopping",
					     "stopped", "exited",     "removing", "configured",
					     "unknown", "initialized" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i], value))
			return true;
	return false;
}

int ops_filters_check(const struct strv *filters, struct err *err)
{
	for (size_t i = 0; i < filters->count; i++) {
		const char *equals = strchr(filters->v[i], '=');
		auto_free char *key =
			xstrndup(filters->v[i], equals ? (size_t)(equals - filters->v[i]) : 0);
		int64_t code = 0;

		if (!equals)
			return err_say(err, ERR_USAGE,
				       "invalid filter \"%s\": filters are KEY=VALUE",
				       filters->v[i]);
		if (!is_plain(key) && !is_moment(key))
			return err_say(err, ERR_USAGE, "%s is an invalid filter", key);
		if (str_eq(key, "status") && !check_status(equals + 1))
			return err_say(err, ERR_USAGE, "\"%s\" is not a valid status", equals + 1);
		if (str_eq(key, "exited") && str_to_i64(equals + 1, &code) < 0)
			return err_say(err, ERR_USAGE,
				       "invalid value \"%s\" for filter exited: want an exit code",
				       equals + 1);
		if (str_eq(key, "name") && check_name(equals + 1, err) < 0)
			return -EINVAL;
	}
	return 0;
}

static int pass_one(struct ops *ops, const char *key, const char *value, const struct container *c,
		    bool *ret_pass, struct err *err)
{
	*ret_pass = false;
	if (is_moment(key))
		return filter_moment(ops, key, value, c, ret_pass, err);
	if (str_eq(key, "label!")) {
		*ret_pass = !filter_label(c, value);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (str_eq(plain[i].key, key))
			*ret_pass = plain[i].pass(c, value);
	return 0;
}

/* All labels must match; of other keys one value of several is enough. */
int ops_filter_container(struct ops *ops, const struct strv *filters, const struct container *c,
			 bool *ret_pass, struct err *err)
{
	for (size_t i = 0; i < filters->count; i++) {
		size_t n = strcspn(filters->v[i], "=");
		auto_free char *key = xstrndup(filters->v[i], n);
		bool any = false;

		for (size_t j = 0; j < filters->count; j++) {
			bool pass = false;
			int r = 0;

			if (strncmp(filters->v[j], filters->v[i], n + 1) != 0)
				continue;
			if (str_starts(key, "label") && j != i)
				continue;
			r = pass_one(ops, key, filters->v[j] + n + 1, c, &pass, err);
			if (r < 0)
				return r;
			any = any || pass;
		}
		if (!any) {
			*ret_pass = false;
			return 0;
		}
	}
	*ret_pass = true;
	return 0;
}
