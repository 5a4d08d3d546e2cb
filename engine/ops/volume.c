/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on volumes. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/ops/internal.h"

int ops_volume_create(struct ops *ops, const struct ops_volume_create_args *args, char **ret_name,
		      struct err *err)
{
	struct volume_args create = { .name = args->name,
				      .labels = &args->labels,
				      .options = &args->options,
				      .ignore_existing = args->ignore };

	if (!str_empty(args->driver) && !str_eq(args->driver, "local"))
		return err_say(err, ERR_UNSUPPORTED,
			       "volume driver \"%s\" is not supported yet: only local is",
			       args->driver);
	volume_sweep(&ops->engine.volumes);
	return volume_create(&ops->engine.volumes, &create, ret_name, err);
}

static bool has_label(const json_t *volume, const char *value)
{
	const char *equals = strchr(value, '=');
	auto_free char *key = xstrndup(value, equals ? (size_t)(equals - value) : strlen(value));
	const char *found = json_str(json_object_get(volume, "Labels"), key, NULL);

	return found && (!equals || str_eq(found, equals + 1));
}

/* Also where there is no volume yet to hold it against. */
static int check_filter(const char *filter, struct err *err)
{
	static const char *const keys[] = { "name",   "driver",	   "scope",   "label",
					    "label!", "anonymous", "dangling" };
	const char *equals = strchr(filter, '=');
	auto_free char *key = xstrndup(filter, equals ? (size_t)(equals - filter) : 0);

	if (!equals)
		return err_say(err, ERR_USAGE, "invalid filter \"%s\": filters are KEY=VALUE",
			       filter);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_eq(key, keys[i]))
			return 0;
	return err_say(err, ERR_USAGE, "\"%s\" is an invalid volume filter", key);
}

static int pass(struct ops *ops, const json_t *volume, const char *filter, bool *ret_pass,
		struct err *err)
{
	const char *name = json_str(volume, "Name", "");
	const char *value = strchr(filter, '=') + 1; /* checked */
	struct strv users auto_done(strv) = STRV_INIT;
	int r = 0;

	if (str_starts(filter, "name="))
		*ret_pass = strstr(name, value) != NULL;
	else if (str_starts(filter, "driver="))
		*ret_pass = str_eq(value, "local");
	else if (str_starts(filter, "scope="))
		*ret_pass = str_eq(value, "local");
	else if (str_starts(filter, "label="))
		*ret_pass = has_label(volume, value);
	else if (str_starts(filter, "label!="))
		*ret_pass = !has_label(volume, value);
	else if (str_starts(filter, "anonymous="))
		*ret_pass = json_bool(volume, "Anonymous", false) == str_eq(value, "true");
	else {
		r = container_users_of_volume(&ops->engine, name, &users, err);
		*ret_pass = (users.count == 0) == (str_eq(value, "true") || str_eq(value, "1"));
	}
	return r;
}

int ops_volume_list(struct ops *ops, const struct strv *filters, json_t **ret_list, struct err *err)
{
	struct strv names auto_done(strv) = STRV_INIT;
	auto_json json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; i < filters->count && r == 0; i++)
		r = check_filter(filters->v[i], err);
	if (r == 0)
		r = volume_list(&ops->engine.volumes, &names, err);
	for (size_t i = 0; i < names.count && r == 0; i++) {
		json_t *volume = NULL;
		bool wanted = true;

		if (volume_inspect(&ops->engine.volumes, names.v[i], &volume, NULL) < 0)
			continue; /* removed this moment */
		for (size_t j = 0; j < filters->count && r == 0 && wanted; j++)
			r = pass(ops, volume, filters->v[j], &wanted, err);
		if (r == 0 && wanted)
			(void)json_array_append(list, volume);
		json_decref(volume);
	}
	if (r < 0)
		return r;
	*ret_list = take(list);
	return 0;
}

int ops_volume_inspect(struct ops *ops, const char *name, json_t **ret_object, struct err *err)
{
	auto_free char *full = NULL;
	int r = volume_find(&ops->engine.volumes, name, &full, err);

	return r < 0 ? r : volume_inspect(&ops->engine.volumes, full, ret_object, err);
}

int ops_volume_exists(struct ops *ops, const char *name, bool *ret_exists, struct err *err)
{
	auto_free char *full = NULL;
	int r = volume_find(&ops->engine.volumes, name, &full, err);

	*ret_exists = r == 0;
	if (r < 0 && err->kind == ERR_NOT_FOUND) {
		*err = ERR_INIT;
		return 0;
	}
	return r;
}

int ops_volume_rm(struct ops *ops, const char *name, bool force, struct err *err)
{
	struct container_remove_args remove = { .force = true, .timeout = -1 };
	struct strv users auto_done(strv) = STRV_INIT;
	auto_free char *full = NULL;
	auto_free char *list = NULL;
	int r = volume_find(&ops->engine.volumes, name, &full, err);

	if (r == 0)
		r = container_users_of_volume(&ops->engine, full, &users, err);
	if (r < 0)
		return r;
	if (users.count > 0 && !force) {
		list = strv_join(&users, ", ");
		return err_say(err, ERR_BUSY,
			       "volume %s is being used by the following container(s): %s: volume "
			       "is being used",
			       full, list);
	}
	for (size_t i = 0; i < users.count && r == 0; i++)
		r = container_remove(&ops->engine, users.v[i], &remove, err);
	return r < 0 ? r : volume_remove(&ops->engine.volumes, full, err);
}

int ops_volume_prune(struct ops *ops, const struct strv *filters, struct strv *ret_names,
		     struct err *err)
{
	auto_json json_t *list = NULL;
	size_t i = 0;
	json_t *volume = NULL;
	int r = ops_volume_list(ops, filters, &list, err);

	json_array_foreach (list, i, volume) {
		const char *name = json_str(volume, "Name", "");
		struct strv users auto_done(strv) = STRV_INIT;

		if (container_users_of_volume(&ops->engine, name, &users, NULL) < 0 ||
		    users.count > 0)
			continue;
		if (volume_remove(&ops->engine.volumes, name, NULL) == 0)
			strv_add(ret_names, name);
	}
	return r;
}
