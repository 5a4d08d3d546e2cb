/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --change: one Dockerfile instruction applied to an image configuration, as podman import and
 * commit take it (containers/common, libimage/import.go: ImageConfigFromChanges). Pure text.
 */
#include "engine/image/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"

/* ["a","b"] as it stands, anything else as a line for the shell. */
static int set_command(struct strv *list, const char *value)
{
	auto_json json_t *json = json_loads(value, 0, NULL);
	size_t i = 0;
	json_t *item = NULL;

	strv_done(list);
	if (!json_is_array(json)) {
		strv_add(list, "/bin/sh");
		strv_add(list, "-c");
		strv_add(list, value);
		return 0;
	}
	json_array_foreach (json, i, item) {
		if (!json_is_string(item))
			return -EINVAL;
		strv_add(list, json_string_value(item));
	}
	return 0;
}

/* ["/a","/b"] or words with blanks between. */
static int add_words(struct strv *list, const char *value)
{
	auto_json json_t *json = json_loads(value, 0, NULL);
	auto_free char *copy = xstrdup(value);
	char *rest = NULL;
	size_t i = 0;
	json_t *item = NULL;

	if (json_is_array(json)) {
		json_array_foreach (json, i, item) {
			if (!json_is_string(item))
				return -EINVAL;
			if (!strv_has(list, json_string_value(item)))
				strv_add(list, json_string_value(item));
		}
		return 0;
	}
	for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
		if (!strv_has(list, word))
			strv_add(list, word);
	return 0;
}

/* "NAME=value" or "NAME value", quotes around the value taken off. */
static int set_pair(struct strv *list, const char *value)
{
	size_t n = strcspn(value, "= \t");
	auto_free char *pair = NULL;
	const char *v = value + n;
	size_t len = 0;

	if (n == 0)
		return -EINVAL;
	if (*v)
		v++;
	v += strspn(v, " \t");
	len = strlen(v);
	if (len >= 2 && (v[0] == '"' || v[0] == '\'') && v[len - 1] == v[0]) {
		v++;
		len -= 2;
	}
	pair = xasprintf("%.*s=%.*s", (int)n, value, (int)len, v);
	strv_env_set(list, pair);
	return 0;
}

static int add_ports(struct strv *list, const char *value)
{
	struct strv words auto_done(strv) = STRV_INIT;
	int r = add_words(&words, value);

	for (size_t i = 0; r == 0 && i < words.count; i++) {
		const char *proto = strchr(words.v[i], '/');
		auto_free char *number = xstrndup(words.v[i], strcspn(words.v[i], "/"));
		auto_free char *port = xasprintf("%s%s", words.v[i], proto ? "" : "/tcp");
		uint32_t n = 0;

		if (str_to_u32(number, &n) < 0 || n == 0 || n > 65535)
			return -EINVAL;
		if (!strv_has(list, port))
			strv_add(list, port);
	}
	return r;
}

static int set_text(char **text, const char *value)
{
	if (*value == '\0' || strpbrk(value, " \t"))
		return -EINVAL;
	free(*text);
	*text = xstrdup(value);
	return 0;
}

static int apply(struct image_config *config, const char *word, const char *value)
{
	if (strcasecmp(word, "CMD") == 0)
		return set_command(&config->cmd, value);
	if (strcasecmp(word, "ENTRYPOINT") == 0)
		return set_command(&config->entrypoint, value);
	if (strcasecmp(word, "ENV") == 0)
		return set_pair(&config->env, value);
	if (strcasecmp(word, "LABEL") == 0)
		return set_pair(&config->labels, value);
	if (strcasecmp(word, "EXPOSE") == 0)
		return add_ports(&config->ports, value);
	if (strcasecmp(word, "VOLUME") == 0)
		return add_words(&config->volumes, value);
	if (strcasecmp(word, "ONBUILD") == 0)
		return strv_add(&config->onbuild, value), 0;
	if (strcasecmp(word, "STOPSIGNAL") == 0)
		return set_text(&config->stop_signal, value);
	if (strcasecmp(word, "USER") == 0)
		return set_text(&config->user, value);
	if (strcasecmp(word, "WORKDIR") == 0)
		return set_text(&config->workdir, value);
	return -ENOTSUP;
}

int image_config_change(struct image_config *config, const char *change, struct err *err)
{
	auto_free char *copy = xstrdup(change);
	char *text = str_trim(copy);
	size_t n = strcspn(text, " \t=");
	char *value = NULL;
	int r = 0;

	if (text[n] == '\0')
		return err_say(err, ERR_USAGE,
			       "invalid change \"%.200s\" - must be formatted as KEY VALUE",
			       change);
	text[n] = '\0';
	value = str_trim(text + n + 1);
	r = apply(config, text, value);
	if (r == -ENOTSUP)
		return err_say(err, ERR_USAGE,
			       "invalid change \"%.200s\" - invalid instruction %.40s", change,
			       text);
	if (r < 0)
		return err_say(err, ERR_USAGE, "invalid change \"%.200s\" - invalid value", change);
	return 0;
}
