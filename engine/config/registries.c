/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registries.conf: see registries.h. The order of files and the rules of merging follow
 * containers/image, pkg/sysregistriesv2. Runs in bryo and bryo-image.
 */
#include "engine/config/registries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/config/files-internal.h"
#include "engine/config/toml.h"

static void registry_done(struct registry *registry)
{
	for (size_t i = 0; i < registry->mirror_count; i++)
		free(registry->mirrors[i].location);
	free(registry->mirrors);
	free(registry->prefix);
	free(registry->location);
	*registry = (struct registry){ 0 };
}

void registries_done(struct registries *registries)
{
	for (size_t i = 0; i < registries->count; i++)
		registry_done(&registries->v[i]);
	free(registries->v);
	free(registries->path);
	strv_done(&registries->search);
	strv_done(&registries->credential_helpers);
	strv_done(&registries->aliases);
	*registries = REGISTRIES_INIT;
}

void registry_sources_done(struct registry_sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		free(sources->v[i].reference);
	free(sources->v);
	*sources = REGISTRY_SOURCES_INIT;
}

/* ---- Reading ---- */

/* "https://" in front is a common mistake that must not become part of a host name. */
static int check_location(const char *location, struct err *err)
{
	size_t n = strlen(location);

	if (str_starts(location, "http://") || str_starts(location, "https://"))
		return err_say(err, ERR_USAGE,
			       "invalid location \"%.100s\": URI schemes are not supported",
			       location);
	if (n == 0 || location[n - 1] == '/')
		return err_say(err, ERR_USAGE, "invalid location \"%.100s\": empty or ends in /",
			       location);
	return 0;
}

static int read_pull(const json_t *object, enum registries_pull *pull, struct err *err)
{
	const char *text = NULL;
	int r = json_get_str(object, "pull-from-mirror", &text, err);

	if (r < 0 || !text)
		return r;
	if (str_eq(text, "all"))
		*pull = REGISTRIES_PULL_ALL;
	else if (str_eq(text, "digest-only"))
		*pull = REGISTRIES_PULL_DIGEST;
	else if (str_eq(text, "tag-only"))
		*pull = REGISTRIES_PULL_TAG;
	else
		return err_say(err, ERR_USAGE, "unsupported pull-from-mirror value \"%.60s\"",
			       text);
	return 0;
}

static int read_mirrors(const json_t *object, struct registry *registry, struct err *err)
{
	const json_t *mirrors = NULL;
	size_t i = 0;
	json_t *item = NULL;
	int r = json_get_array(object, "mirror", &mirrors, err);

	if (r < 0 || !mirrors)
		return r;
	json_array_foreach (mirrors, i, item) {
		struct registry_mirror mirror = { .pull = REGISTRIES_PULL_ALL };
		const char *location = NULL;

		if ((r = json_get_str(item, "location", &location, err)) < 0 ||
		    (r = check_location(str_or(location, ""), err)) < 0 ||
		    (r = json_get_bool(item, "insecure", &mirror.insecure, err)) < 0 ||
		    (r = read_pull(item, &mirror.pull, err)) < 0)
			return err_prefix(err, "[[registry.mirror]]");
		if (registry->mirror_by_digest_only && mirror.pull == REGISTRIES_PULL_ALL)
			mirror.pull = REGISTRIES_PULL_DIGEST;
		mirror.location = xstrdup(location);
		xgrow(registry->mirrors, registry->mirror_count, registry->mirror_capacity);
		registry->mirrors[registry->mirror_count++] = mirror;
	}
	return 0;
}

static int read_registry(const json_t *object, struct registry *ret_registry, struct err *err)
{
	struct registry registry auto_done(registry) = { 0 };
	const char *prefix = NULL;
	const char *location = NULL;
	int r = 0;

	if ((r = json_get_str(object, "prefix", &prefix, err)) < 0 ||
	    (r = json_get_str(object, "location", &location, err)) < 0 ||
	    (r = json_get_bool(object, "insecure", &registry.insecure, err)) < 0 ||
	    (r = json_get_bool(object, "blocked", &registry.blocked, err)) < 0 ||
	    (r = json_get_bool(object, "mirror-by-digest-only", &registry.mirror_by_digest_only,
			       err)) < 0)
		return r;
	if (str_empty(location) && !str_starts(str_or(prefix, ""), "*."))
		return err_say(err, ERR_USAGE,
			       "a [[registry]] needs a location (only a prefix of the form "
			       "*.example.com goes without)");
	if (!str_empty(location) && (r = check_location(location, err)) < 0)
		return r;
	prefix = str_empty(prefix) ? location : prefix;
	registry.prefix = xstrdup(prefix);
	registry.location = str_empty(location) ? NULL : xstrdup(location);
	r = read_mirrors(object, &registry, err);
	if (r < 0)
		return r;
	*ret_registry = registry;
	registry = (struct registry){ 0 };
	return 0;
}

/* A registry of the same prefix in a later file replaces the earlier one. */
static void keep_registry(struct registries *registries, const struct registry *registry)
{
	for (size_t i = 0; i < registries->count; i++) {
		if (!str_eq(registries->v[i].prefix, registry->prefix))
			continue;
		registry_done(&registries->v[i]);
		registries->v[i] = *registry;
		return;
	}
	xgrow(registries->v, registries->count, registries->capacity);
	registries->v[registries->count++] = *registry;
}

static int read_registry_list(const json_t *file, struct registries *registries, struct err *err)
{
	const json_t *list = NULL;
	size_t i = 0;
	json_t *item = NULL;
	int r = json_get_array(file, "registry", &list, err);

	if (r < 0 || !list)
		return r;
	json_array_foreach (list, i, item) {
		struct registry registry = { 0 };

		r = read_registry(item, &registry, err);
		if (r < 0)
			return r;
		keep_registry(registries, &registry);
	}
	return 0;
}

static int read_aliases(const json_t *file, struct registries *registries, struct err *err)
{
	const json_t *aliases = NULL;
	const char *name = NULL;
	json_t *value = NULL;
	int r = json_get_object(file, "aliases", &aliases, err);

	if (r < 0 || !aliases)
		return r;
	json_object_foreach ((json_t *)aliases, name, value) {
		auto_free char *pair = NULL;

		if (!json_is_string(value) || strpbrk(name, "=:@"))
			return err_say(err, ERR_USAGE,
				       "alias \"%.100s\" is not NAME = \"REPOSITORY\"", name);
		/* The empty value takes an alias of an earlier file away. */
		pair = xasprintf("%s=%s", name, json_string_value(value));
		strv_env_set(&registries->aliases, pair);
	}
	return 0;
}

static int read_mode(const json_t *file, struct registries *registries, struct err *err)
{
	const char *mode = NULL;
	int r = json_get_str(file, "short-name-mode", &mode, err);

	if (r < 0 || str_empty(mode))
		return r;
	if (str_eq(mode, "enforcing"))
		registries->mode = REGISTRIES_ENFORCING;
	else if (str_eq(mode, "permissive"))
		registries->mode = REGISTRIES_PERMISSIVE;
	else if (str_eq(mode, "disabled"))
		registries->mode = REGISTRIES_DISABLED;
	else
		return err_say(err, ERR_USAGE, "invalid short-name mode \"%.60s\"", mode);
	return 0;
}

static int add_json(struct registries *registries, const json_t *file, struct err *err)
{
	int r = 0;

	if (json_object_get(file, "registries"))
		return err_say(err, ERR_UNSUPPORTED,
			       "is in the old format (version 1, [registries.search]): write it "
			       "anew as containers-registries.conf(5) tells");
	if ((r = json_get_strv(file, "unqualified-search-registries", &registries->search, err)) <
		    0 ||
	    (r = json_get_strv(file, "credential-helpers", &registries->credential_helpers, err)) <
		    0 ||
	    (r = read_mode(file, registries, err)) < 0 ||
	    (r = read_registry_list(file, registries, err)) < 0)
		return r;
	return read_aliases(file, registries, err);
}

int registries_add(struct registries *registries, const char *data, size_t size, const char *what,
		   struct err *err)
{
	auto_json json_t *file = NULL;
	int r = toml_parse(data, size, what, &file, err);

	if (r < 0)
		return r;
	r = add_json(registries, file, err);
	return r < 0 ? err_prefix(err, "%.200s", what) : 0;
}

static int add_file(struct registries *registries, const char *path, struct err *err)
{
	auto_json json_t *file = NULL;
	int r = config_read_toml(path, &file, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = add_json(registries, file, err);
	return r < 0 ? err_prefix(err, "%s", path) : 0;
}

/* The machine's own notes of what short names were resolved to; they win. */
static char *aliases_path(void)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (!str_empty(cache) && *cache == '/')
		return xasprintf("%s/containers/short-name-aliases.conf", cache);
	return xasprintf("%s/.cache/containers/short-name-aliases.conf", str_or(home, ""));
}

int registries_load(struct registries *ret_registries, struct err *err)
{
	struct registries registries auto_done(registries) = REGISTRIES_INIT;
	struct strv paths auto_done(strv) = STRV_INIT;
	const char *forced = getenv("CONTAINERS_REGISTRIES_CONF");
	auto_free char *user = config_user_path("containers/registries.conf");
	auto_free char *user_d = config_user_path("containers/registries.conf.d");
	int r = 0;

	if (!str_empty(forced)) {
		strv_add(&paths, forced);
	} else if (user && access(user, F_OK) == 0) {
		strv_add(&paths, user);
	} else {
		strv_add(&paths, "/etc/containers/registries.conf");
	}
	registries.path = xstrdup(paths.v[0]);
	/* A user's own file stands for itself: the administrator's drop-ins are not read then. */
	if (!str_eq(paths.v[0], user))
		config_add_drop_ins("/etc/containers/registries.conf.d", &paths);
	if (user_d)
		config_add_drop_ins(user_d, &paths);
	strv_add_own(&paths, aliases_path());
	for (size_t i = 0; i < paths.count; i++) {
		r = add_file(&registries, paths.v[i], err);
		if (r < 0)
			return r;
	}
	*ret_registries = registries;
	registries = REGISTRIES_INIT;
	return 0;
}

/* ---- Asking ---- */

const char *registries_alias(const struct registries *registries, const char *name)
{
	const char *target = strv_env_get(&registries->aliases, name);

	return str_empty(target) ? NULL : target;
}

/* Length of what the prefix covers of the reference; 0: it does not cover it. */
static size_t match(const char *prefix, const char *reference)
{
	size_t n = strlen(prefix);

	if (str_starts(prefix, "*.")) {
		/* *.example.com covers hosts below example.com, never it itself */
		const char *suffix = prefix + 1;
		size_t bare = strcspn(suffix, "/");
		size_t host = strcspn(reference, "/:");
		size_t skip = 0;

		if (host <= bare || strncmp(reference + host - bare, suffix, bare) != 0)
			return 0;
		skip = host - bare;
		n = match(suffix, reference + skip);
		return n ? skip + n : 0;
	}
	if (strncmp(reference, prefix, n) != 0 || n == 0)
		return 0;
	return strchr("/:@", reference[n]) || reference[n] == '\0' ? n : 0;
}

const struct registry *registries_find(const struct registries *registries, const char *reference)
{
	const struct registry *best = NULL;

	for (size_t i = 0; i < registries->count; i++) {
		const struct registry *r = &registries->v[i];

		if (match(r->prefix, reference) &&
		    (!best || strlen(r->prefix) > strlen(best->prefix)))
			best = r;
	}
	return best;
}

static void add_source(struct registry_sources *sources, char *reference, bool insecure,
		       bool mirror)
{
	xgrow(sources->v, sources->count, sources->capacity);
	sources->v[sources->count++] = (struct registry_source){ reference, insecure, mirror };
}

static bool mirror_serves(const struct registry_mirror *mirror, const char *reference)
{
	bool by_digest = strchr(reference, '@') != NULL;

	if (mirror->pull == REGISTRIES_PULL_DIGEST)
		return by_digest;
	return mirror->pull != REGISTRIES_PULL_TAG || !by_digest;
}

int registries_sources(const struct registries *registries, const char *reference,
		       struct registry_sources *ret_sources, struct err *err)
{
	struct registry_sources sources auto_done(registry_sources) = REGISTRY_SOURCES_INIT;
	const struct registry *r = registries_find(registries, reference);
	size_t covered = r ? match(r->prefix, reference) : 0;

	if (r && r->blocked)
		return err_say(err, ERR_USAGE, "registry %.100s is blocked in %s or %s.d",
			       r->prefix, registries->path, registries->path);
	for (size_t i = 0; r && i < r->mirror_count; i++)
		if (mirror_serves(&r->mirrors[i], reference))
			add_source(&sources,
				   xasprintf("%s%s", r->mirrors[i].location, reference + covered),
				   r->mirrors[i].insecure, true);
	add_source(&sources,
		   r && r->location ? xasprintf("%s%s", r->location, reference + covered)
				    : xstrdup(reference),
		   r && r->insecure, false);
	*ret_sources = sources;
	sources = REGISTRY_SOURCES_INIT;
	return 0;
}
