/* SPDX-License-Identifier: Apache-2.0 */
/* Image configuration, JSON to struct and back: see config.h. Foreign bytes: bounded, typed. */
#include "engine/image/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"

void image_config_done(struct image_config *config)
{
	strv_done(&config->entrypoint);
	strv_done(&config->cmd);
	strv_done(&config->env);
	strv_done(&config->labels);
	strv_done(&config->volumes);
	strv_done(&config->ports);
	strv_done(&config->onbuild);
	strv_done(&config->shell);
	strv_done(&config->healthcheck.test);
	free(config->workdir);
	free(config->user);
	free(config->stop_signal);
	*config = IMAGE_CONFIG_INIT;
}

/* The keys of an object whose values say nothing: {"80/tcp": {}}. */
static int get_set(const json_t *object, const char *key, struct strv *list, struct err *err)
{
	const json_t *set = NULL;
	const char *name = NULL;
	json_t *value = NULL;
	int r = json_get_object(object, key, &set, err);

	if (r < 0 || !set)
		return r;
	json_object_foreach ((json_t *)set, name, value)
		strv_add(list, name);
	return 0;
}

static int get_labels(const json_t *object, struct strv *list, struct err *err)
{
	const json_t *labels = NULL;
	const char *name = NULL;
	json_t *value = NULL;
	int r = json_get_object(object, "Labels", &labels, err);

	if (r < 0 || !labels)
		return r;
	json_object_foreach ((json_t *)labels, name, value) {
		if (!json_is_string(value) ||
		    strlen(json_string_value(value)) != json_string_length(value))
			return err_say(err, ERR_USAGE, "label \"%.100s\" is not a string", name);
		strv_addf(list, "%s=%s", name, json_string_value(value));
	}
	return 0;
}

/* A string or absent; the empty string counts as absent, as in Go's omitempty. */
static int get_text(const json_t *object, const char *key, char **text, struct err *err)
{
	const char *value = NULL;
	int r = json_get_str(object, key, &value, err);

	if (r == 0 && !str_empty(value))
		*text = xstrdup(value);
	return r;
}

static int get_healthcheck(const json_t *object, struct image_healthcheck *check, struct err *err)
{
	const json_t *h = NULL;
	int r = json_get_object(object, "Healthcheck", &h, err);

	if (r < 0 || !h)
		return r;
	if ((r = json_get_strv(h, "Test", &check->test, err)) < 0 ||
	    (r = json_get_i64(h, "Interval", &check->interval, err)) < 0 ||
	    (r = json_get_i64(h, "Timeout", &check->timeout, err)) < 0 ||
	    (r = json_get_i64(h, "StartPeriod", &check->start_period, err)) < 0 ||
	    (r = json_get_i64(h, "StartInterval", &check->start_interval, err)) < 0 ||
	    (r = json_get_i64(h, "Retries", &check->retries, err)) < 0)
		return err_prefix(err, "Healthcheck");
	return 0;
}

int image_config_parse(const json_t *object, struct image_config *ret_config, struct err *err)
{
	struct image_config config auto_done(image_config) = IMAGE_CONFIG_INIT;
	int r = 0;

	if (object && !json_is_object(object) && !json_is_null(object))
		return err_say(err, ERR_USAGE, "image configuration: \"config\" is not an object");
	if ((r = json_get_strv(object, "Entrypoint", &config.entrypoint, err)) < 0 ||
	    (r = json_get_strv(object, "Cmd", &config.cmd, err)) < 0 ||
	    (r = json_get_strv(object, "Env", &config.env, err)) < 0 ||
	    (r = get_labels(object, &config.labels, err)) < 0 ||
	    (r = get_set(object, "Volumes", &config.volumes, err)) < 0 ||
	    (r = get_set(object, "ExposedPorts", &config.ports, err)) < 0 ||
	    (r = json_get_strv(object, "OnBuild", &config.onbuild, err)) < 0 ||
	    (r = json_get_strv(object, "Shell", &config.shell, err)) < 0 ||
	    (r = get_text(object, "WorkingDir", &config.workdir, err)) < 0 ||
	    (r = get_text(object, "User", &config.user, err)) < 0 ||
	    (r = get_text(object, "StopSignal", &config.stop_signal, err)) < 0 ||
	    (r = json_get_i64(object, "StopTimeout", &config.stop_timeout, err)) < 0 ||
	    (r = json_get_bool(object, "ArgsEscaped", &config.args_escaped, err)) < 0 ||
	    (r = get_healthcheck(object, &config.healthcheck, err)) < 0)
		return err_prefix(err, "image configuration");
	*ret_config = config;
	config = IMAGE_CONFIG_INIT;
	return 0;
}

static void set_set(json_t *object, const char *key, const struct strv *list)
{
	json_t *set = NULL;

	if (list->count == 0)
		return;
	set = json_object();
	for (size_t i = 0; i < list->count; i++)
		(void)json_object_set_new_nocheck(set, list->v[i], json_object());
	(void)json_object_set_new(object, key, set); /* fails only where memory does */
}

static json_t *labels_json(const struct strv *list)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < list->count; i++) {
		const char *eq = strchr(list->v[i], '=');
		auto_free char *name =
			eq ? xstrndup(list->v[i], (size_t)(eq - list->v[i])) : xstrdup(list->v[i]);

		json_set_str(labels, name, eq ? eq + 1 : "");
	}
	return labels;
}

static json_t *healthcheck_json(const struct image_healthcheck *check)
{
	json_t *h = json_object();

	json_set_strv(h, "Test", &check->test);
	if (check->interval)
		json_set_int(h, "Interval", check->interval);
	if (check->timeout)
		json_set_int(h, "Timeout", check->timeout);
	if (check->start_period)
		json_set_int(h, "StartPeriod", check->start_period);
	if (check->start_interval)
		json_set_int(h, "StartInterval", check->start_interval);
	if (check->retries)
		json_set_int(h, "Retries", check->retries);
	return h;
}

json_t *image_config_json(const struct image_config *config)
{
	json_t *object = json_object();

	json_set_str(object, "User", config->user);
	set_set(object, "ExposedPorts", &config->ports);
	json_set_strv(object, "Env", &config->env);
	json_set_strv(object, "Entrypoint", &config->entrypoint);
	json_set_strv(object, "Cmd", &config->cmd);
	set_set(object, "Volumes", &config->volumes);
	json_set_str(object, "WorkingDir", config->workdir);
	if (config->labels.count > 0)
		(void)json_object_set_new(object, "Labels", labels_json(&config->labels));
	json_set_str(object, "StopSignal", config->stop_signal);
	if (config->stop_timeout >= 0)
		json_set_int(object, "StopTimeout", config->stop_timeout);
	if (config->healthcheck.test.count > 0)
		(void)json_object_set_new(object, "Healthcheck",
					  healthcheck_json(&config->healthcheck));
	json_set_strv(object, "OnBuild", &config->onbuild);
	json_set_strv(object, "Shell", &config->shell);
	if (config->args_escaped)
		json_set_bool(object, "ArgsEscaped", true);
	return object;
}
