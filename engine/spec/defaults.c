/* SPDX-License-Identifier: Apache-2.0 */
/* containers.conf into a request: see defaults.h. Pure. */
#include "engine/spec/defaults.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"

enum default_kind { DEFAULT_STR, DEFAULT_NUMBER, DEFAULT_LIST, DEFAULT_FLAG, DEFAULT_TRUE };

static const struct {
	const char *key;
	size_t offset;
	enum default_kind kind;
} defaults[] = {
#define FIELD(key, field, kind)                                                                    \
	{                                                                                          \
		key, offsetof(struct request, field), kind                                         \
	}
	FIELD("annotations", annotations, DEFAULT_LIST),
	FIELD("cgroupns", cgroupns, DEFAULT_STR),
	FIELD("cgroups", cgroups, DEFAULT_STR),
	FIELD("default_capabilities", default_caps, DEFAULT_LIST),
	FIELD("default_ulimits", ulimits, DEFAULT_LIST),
	FIELD("devices", devices, DEFAULT_LIST),
	FIELD("dns_options", dns_options, DEFAULT_LIST),
	FIELD("dns_searches", dns_search, DEFAULT_LIST),
	FIELD("dns_servers", dns, DEFAULT_LIST),
	FIELD("env", env, DEFAULT_LIST),
	FIELD("env_host", env_host, DEFAULT_TRUE),
	FIELD("host_containers_internal_ip", host_gateway, DEFAULT_STR),
	FIELD("init", init, DEFAULT_FLAG),
	FIELD("init_path", init_path, DEFAULT_STR),
	FIELD("ipcns", ipc, DEFAULT_STR),
	FIELD("log_driver", log_driver, DEFAULT_STR),
	FIELD("no_hosts", no_hosts, DEFAULT_FLAG),
	FIELD("oom_score_adj", oom_score_adj, DEFAULT_NUMBER),
	FIELD("pidns", pid, DEFAULT_STR),
	FIELD("pids_limit", pids_limit, DEFAULT_NUMBER),
	FIELD("privileged", privileged, DEFAULT_TRUE),
	FIELD("read_only", read_only, DEFAULT_TRUE),
	FIELD("shm_size", shm_size, DEFAULT_STR),
	FIELD("tz", tz, DEFAULT_STR),
	FIELD("umask", umask, DEFAULT_STR),
	FIELD("userns", userns, DEFAULT_STR),
	FIELD("utsns", uts, DEFAULT_STR),
	FIELD("volumes", volumes, DEFAULT_LIST),
#undef FIELD
};

/* The file's values first, then what the list already has. */
static int set_list(const json_t *table, const char *key, struct strv *list, struct err *err)
{
	struct strv merged auto_done(strv) = STRV_INIT;
	int r = json_get_strv(table, key, &merged, err);

	if (r < 0 || merged.count == 0)
		return r;
	strv_add_all(&merged, list);
	strv_done(list);
	*list = merged;
	merged = STRV_INIT;
	return 0;
}

static int set_text(const json_t *table, const char *key, char **text, struct err *err)
{
	const char *value = NULL;
	int r = *text ? 0 : json_get_str(table, key, &value, err);

	if (r == 0 && !str_empty(value))
		*text = xstrdup(value);
	return r;
}

static int set_number(const json_t *table, const char *key, char **text, struct err *err)
{
	int64_t value = 0;
	int r = 0;

	if (*text || !json_object_get(table, key))
		return 0;
	r = json_get_i64(table, key, &value, err);
	if (r == 0)
		*text = xasprintf("%lld", (long long)value);
	return r;
}

static int set_one(const json_t *table, size_t i, struct request *request, struct err *err)
{
	void *field = (char *)request + defaults[i].offset;
	enum request_bool *flag = field;
	bool value = false;
	int r = 0;

	switch (defaults[i].kind) {
	case DEFAULT_STR:
		return set_text(table, defaults[i].key, field, err);
	case DEFAULT_NUMBER:
		return set_number(table, defaults[i].key, field, err);
	case DEFAULT_LIST:
		return set_list(table, defaults[i].key, field, err);
	case DEFAULT_FLAG:
	case DEFAULT_TRUE:
		break;
	}
	r = json_get_bool(table, defaults[i].key, &value, err);
	if (r < 0 || !value)
		return r;
	if (defaults[i].kind == DEFAULT_TRUE)
		*(bool *)field = true;
	else if (*flag == REQUEST_UNSET)
		*flag = REQUEST_TRUE;
	return 0;
}

/* Whether a namespace option names one that is not the container's own. */
static bool is_shared(const char *mode)
{
	return mode &&
	       (str_eq(mode, "host") || str_starts(mode, "container:") || str_starts(mode, "ns:"));
}

/* Which namespace a setting belongs to: sysctl.d(5), namespaces(7). */
static bool of_shared(const char *setting, const struct request *request)
{
	const char *network = request->network.count ? request->network.v[0] : NULL;

	if (str_starts(setting, "net."))
		return is_shared(network);
	if (str_starts(setting, "kernel.hostname") || str_starts(setting, "kernel.domainname"))
		return is_shared(request->uts);
	if (str_starts(setting, "fs.mqueue.") || str_starts(setting, "kernel."))
		return is_shared(request->ipc);
	return false;
}

/*
 * default_sysctls of containers.conf, without those whose namespace is somebody else's: as with
 * Podman a default is left out there, while --sysctl is an error.
 */
static int set_sysctls(const json_t *table, struct request *request, struct err *err)
{
	struct strv all auto_done(strv) = STRV_INIT;
	struct strv merged auto_done(strv) = STRV_INIT;
	int r = json_get_strv(table, "default_sysctls", &all, err);

	for (size_t i = 0; r == 0 && i < all.count; i++)
		if (!of_shared(all.v[i], request))
			strv_add(&merged, all.v[i]);
	if (r < 0 || merged.count == 0)
		return r;
	strv_add_all(&merged, &request->sysctls);
	strv_done(&request->sysctls);
	request->sysctls = merged;
	merged = STRV_INIT;
	return 0;
}

/* ---- The user-mode network ---- */

/* "MODE[:OPTIONS]" with the file's options in front, where the command line's override them. */
static int prepend_options(const json_t *table, const char *key, char **mode, struct err *err)
{
	struct strv list auto_done(strv) = STRV_INIT;
	char *colon = strchr(*mode, ':');
	auto_free char *joined = NULL;
	int r = json_get_strv(table, key, &list, err);

	if (r < 0 || list.count == 0)
		return r;
	joined = strv_join(&list, ",");
	if (colon)
		*colon++ = '\0';
	colon = xasprintf("%s:%s%s%s", *mode, joined, str_empty(colon) ? "" : ",",
			  str_or(colon, ""));
	free(*mode);
	*mode = colon;
	return 0;
}

static bool is_mode(const char *text, const char *mode)
{
	const char *rest = str_after(text, mode);

	return rest && (*rest == '\0' || *rest == ':');
}

/*
 * What "private" means to a user without privilege (default_rootless_network_cmd), and the options
 * that pasta (network.pasta_options) and slirp4netns (engine.network_cmd_options) get in all
 * containers.
 */
int spec_defaults_network(const json_t *conf, struct request *request, struct err *err)
{
	const json_t *network = json_object_get(conf, "network");
	const json_t *engine = json_object_get(conf, "engine");
	struct strv pasta auto_done(strv) = STRV_INIT;
	const char *command = NULL;
	char **mode = NULL;
	int r = network ? json_get_str(network, "default_rootless_network_cmd", &command, err) : 0;

	if (r == 0 && command && !str_eq(command, "pasta") && !str_eq(command, "slirp4netns"))
		r = err_say(err, ERR_USAGE,
			    "invalid default_rootless_network_cmd \"%s\": pasta or slirp4netns is "
			    "expected",
			    command);
	if (r == 0 && network && !command)
		r = json_get_strv(network, "pasta_options", &pasta, err);
	/* Podman's own default is pasta: its options are meant for containers that name nothing. */
	if (pasta.count > 0)
		command = "pasta";
	if (r == 0 && command && request->network.count == 0)
		strv_add(&request->network, "private");
	if (r < 0 || request->network.count != 1)
		return r < 0 ? err_prefix(err, "containers.conf") : 0;
	mode = &request->network.v[0];
	if (command && (str_eq(*mode, "private") || str_eq(*mode, "default"))) {
		free(*mode);
		*mode = xstrdup(command);
	}
	if (network && is_mode(*mode, "pasta"))
		r = prepend_options(network, "pasta_options", mode, err);
	else if (engine && (is_mode(*mode, "slirp4netns") || is_mode(*mode, "slirp")))
		r = prepend_options(engine, "network_cmd_options", mode, err);
	return r < 0 ? err_prefix(err, "containers.conf") : 0;
}

int spec_defaults(const json_t *conf, struct request *request, struct err *err)
{
	const json_t *table = conf ? json_object_get(conf, "containers") : NULL;
	const char *netns = NULL;
	int r = 0;

	if (!table)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(defaults) && r == 0; i++)
		r = set_one(table, i, request, err);
	if (r == 0)
		r = json_get_str(table, "netns", &netns, err);
	if (r == 0 && !str_empty(netns) && request->network.count == 0)
		strv_add(&request->network, netns);
	if (r == 0)
		r = set_sysctls(table, request, err);
	return r < 0 ? err_prefix(err, "containers.conf") : 0;
}
