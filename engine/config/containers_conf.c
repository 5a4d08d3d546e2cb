/* SPDX-License-Identifier: Apache-2.0 */
/* containers.conf, merged: see containers_conf.h. Runs in bryo; reads, decides nothing. */
#include "engine/config/containers_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/config/files-internal.h"

/*
 * Lists are replaced by a later file, unless one holds {append=true}: then what it lists is added
 * (containers.conf(5), "Appending to string arrays").
 */
static bool takes_append(const json_t *list)
{
	size_t i = 0;
	json_t *item = NULL;

	json_array_foreach (list, i, item)
		if (json_bool(item, "append", false))
			return true;
	return false;
}

static json_t *merge_list(const json_t *old, const json_t *more)
{
	bool append = takes_append(more);
	json_t *list = append && json_is_array(old) ? json_copy((json_t *)old) : json_array();
	size_t i = 0;
	json_t *item = NULL;

	json_array_foreach (more, i, item)
		if (!json_is_object(item) || !json_object_get(item, "append"))
			(void)json_array_append(list, item); /* fails with memory only */
	return list;
}

static void merge_table(json_t *into, const json_t *from)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach ((json_t *)from, key, value) {
		json_t *old = json_object_get(into, key);

		if (json_is_object(old) && json_is_object(value))
			merge_table(old, value); /* as deep as the parser allows: 64 */
		else if (json_is_array(value))
			(void)json_object_set_new(into, key, merge_list(old, value));
		else
			(void)json_object_set(into, key, value);
	}
}

static int add_file(json_t *conf, const char *path, bool must_exist, struct err *err)
{
	auto_json json_t *file = NULL;
	int r = config_read_toml(path, &file, err);

	if (r == -ENOENT && !must_exist)
		return 0;
	if (r == -ENOENT)
		return err_set(err, r, "cannot read %s", path);
	if (r < 0)
		return r;
	merge_table(conf, file);
	return 0;
}

static void usual_places(struct strv *paths)
{
	auto_free char *user = config_user_path("containers/containers.conf");
	auto_free char *user_d = config_user_path("containers/containers.conf.d");

	strv_add(paths, "/usr/share/containers/containers.conf");
	strv_add(paths, "/etc/containers/containers.conf");
	config_add_drop_ins("/etc/containers/containers.conf.d", paths);
	if (!user)
		return;
	strv_add(paths, user);
	config_add_drop_ins(user_d, paths);
}

int containers_conf_load(json_t **ret_conf, struct err *err)
{
	auto_json json_t *conf = json_object();
	struct strv paths auto_done(strv) = STRV_INIT;
	const char *only = getenv("CONTAINERS_CONF");
	const char *last = getenv("CONTAINERS_CONF_OVERRIDE");
	int r = 0;

	if (!str_empty(only))
		strv_add(&paths, only);
	else
		usual_places(&paths);
	if (!str_empty(last))
		strv_add(&paths, last);
	for (size_t i = 0; i < paths.count; i++) {
		bool named = str_eq(paths.v[i], only) || str_eq(paths.v[i], last);

		r = add_file(conf, paths.v[i], named, err);
		if (r < 0)
			return r;
	}
	*ret_conf = take(conf);
	return 0;
}

const json_t *containers_conf_get(const json_t *conf, const char *table, const char *key)
{
	return json_object_get(json_object_get(conf, table), key);
}
