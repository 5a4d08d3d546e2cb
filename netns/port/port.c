/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports from text: see port.h. Runs in the command as it reads its flags, and wherever a
 * record is read. What the list then does is in list.c.
 */
#include "netns/port/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"

static const char bad_format[] =
	"invalid port format - format is [[hostIP:]hostPort:]containerPort";

void port_list_done(struct port_list *list)
{
	free(list->maps);
	*list = PORT_LIST_INIT;
}

void port_list_add(struct port_list *list, const struct port_map *map)
{
	xgrow(list->maps, list->count, list->capacity);
	list->maps[list->count++] = *map;
}

void port_list_add_all(struct port_list *list, const struct port_list *more)
{
	for (size_t i = 0; i < more->count; i++)
		port_list_add(list, &more->maps[i]);
}

const char *port_proto_name(enum port_proto proto)
{
	return proto == PORT_UDP ? "udp" : "tcp";
}

int port_proto_parse(const char *text, enum port_proto *ret_proto, struct err *err)
{
	if (strcasecmp(text, "tcp") == 0) {
		*ret_proto = PORT_TCP;
	} else if (strcasecmp(text, "udp") == 0) {
		*ret_proto = PORT_UDP;
	} else if (strcasecmp(text, "sctp") == 0) {
		return err_say(
			err, ERR_UNSUPPORTED,
			"cannot publish an sctp port: bryo's network carries tcp and udp only");
	} else {
		return err_say(err, ERR_USAGE, "unrecognized protocol \"%s\" in port mapping",
			       text);
	}
	return 0;
}

static int parse_port(const char *text, const char *what, uint16_t *ret_port, struct err *err)
{
	uint32_t port = 0;
	int r = str_to_u32(text, &port);

	if (r == -EINVAL)
		return err_say(err, ERR_USAGE, "parsing %s port: invalid port number \"%s\"", what,
			       text);
	if (r < 0 || port < 1 || port > UINT16_MAX)
		return err_say(err, ERR_USAGE,
			       "parsing %s port: port numbers must be between 1 and 65535 "
			       "(inclusive), got %s",
			       what, text);
	*ret_port = (uint16_t)port;
	return 0;
}

/* "FIRST[-LAST]"; text is cut up. */
static int parse_range(char *text, const char *what, uint16_t *ret_first, uint16_t *ret_count,
		       struct err *err)
{
	char *dash = strchr(text, '-');
	uint16_t first = 0;
	uint16_t last = 0;
	int r = 0;

	if (dash)
		*dash = '\0';
	r = parse_port(text, what, &first, err);
	if (r < 0)
		return r;
	last = first;
	if (dash)
		r = parse_port(dash + 1, what, &last, err);
	if (r < 0)
		return r;
	if (last < first)
		return err_say(err, ERR_USAGE,
			       "parsing %s port: the end port of a range must be higher than the "
			       "start port - %u is not higher than %u",
			       what, last, first);
	if (first == 1 && last == UINT16_MAX)
		return err_say(err, ERR_USAGE, "parsing %s port: the range 1-65535 is every port",
			       what);
	*ret_first = first;
	*ret_count = (uint16_t)(last - first + 1);
	return 0;
}

/* An address without brackets, in the one form the C library prints. */
static int set_host_ip(struct port_map *map, const char *text, bool bracketed, struct err *err)
{
	struct in6_addr address;
	const int family = bracketed ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, &address) != 1)
		return err_say(err, ERR_USAGE, "cannot parse \"%s\" as an IP address", text);
	(void)inet_ntop(family, &address, map->host_ip, sizeof(map->host_ip));
	return 0;
}

/*
 * Takes "[ADDRESS]:" or "ADDRESS:" from the front of what stands before the container port. *text
 * is then the host port, maybe empty.
 */
static int take_host_ip(struct port_map *map, char **text, struct err *err)
{
	char *end = NULL;
	const char *address = *text;
	const bool bracketed = address[0] == '[';

	if (bracketed) {
		end = strchr(*text, ']');
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return err_say(err, ERR_USAGE,
				       "invalid host address \"%s\": an IPv6 address needs [ and ]",
				       *text);
		*end++ = '\0';
		address++;
		if (*end == '\0')
			return err_say(err, ERR_USAGE,
				       "invalid port format - format is "
				       "[[hostIP:]hostPort:]containerPort");
	} else {
		end = strchr(*text, ':');
		if (!end)
			return 0;
		if (strchr(end + 1, ':'))
			return err_say(err, ERR_USAGE, "%s", bad_format);
	}
	*end++ = '\0';
	*text = end;
	if (*address == '\0' && !bracketed)
		return err_say(err, ERR_USAGE,
			       "must provide a non-empty container host IP to publish");
	return set_host_ip(map, address, bracketed, err);
}

/* Everything before the container port: "HOSTPORT", "IP:HOSTPORT", "IP:", "". */
static int parse_host(struct port_map *map, char *text, struct err *err)
{
	uint16_t count = 0;
	int r = take_host_ip(map, &text, err);

	if (r < 0)
		return r;
	if (strchr(text, ':'))
		return err_say(err, ERR_USAGE, "%s", bad_format);
	if (*text == '\0')
		return 0;
	r = parse_range(text, "host", &map->host_port, &count, err);
	if (r < 0)
		return r;
	if (count != map->count)
		return err_say(err, ERR_USAGE,
			       "host and container port ranges have different lengths: %u vs %u",
			       count, map->count);
	return 0;
}

static int parse_one(struct port_list *list, char *text, struct err *err)
{
	struct port_map map = { .count = 1 };
	char *slash = strchr(text, '/');
	char *container = NULL;
	int r = 0;

	if (slash) {
		*slash = '\0';
		r = port_proto_parse(slash + 1, &map.proto, err);
		if (r < 0)
			return r;
	}
	container = strrchr(text, ':');
	if (container && strchr(container, ']'))
		return err_say(err, ERR_USAGE, "%s", bad_format);
	container = container ? container + 1 : text;
	if (*container == '\0')
		return err_say(err, ERR_USAGE,
			       "must provide a non-empty container port to publish");
	r = parse_range(container, "container", &map.container_port, &map.count, err);
	if (r == 0 && container > text) {
		container[-1] = '\0';
		r = parse_host(&map, text, err);
	}
	if (r == 0)
		port_list_add(list, &map);
	return r;
}

int port_parse(struct port_list *list, const char *text, struct err *err)
{
	auto_done(strv) struct strv values = STRV_INIT;

	strv_split(&values, text, ',');
	for (size_t i = 0; i < values.count; i++) {
		int r = parse_one(list, values.v[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int port_expose_parse(struct port_list *list, const char *text, struct err *err)
{
	struct port_map map = { .count = 1 };
	auto_free char *copy = xstrdup(text);
	char *slash = strchr(copy, '/');
	int r = 0;

	if (slash) {
		*slash = '\0';
		r = port_proto_parse(slash + 1, &map.proto, err);
	}
	if (r == 0)
		r = parse_range(copy, "container", &map.container_port, &map.count, err);
	if (r < 0)
		return err_prefix(err, "invalid range format for --expose: %s", text);
	port_list_add(list, &map);
	return 0;
}

/* ---- Records ---- */

json_t *port_list_to_json(const struct port_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct port_map *map = &list->maps[i];
		json_t *entry = json_object();

		(void)json_object_set_new(entry, "host_ip", json_string(map->host_ip));
		(void)json_object_set_new(entry, "container_port",
					  json_integer(map->container_port));
		(void)json_object_set_new(entry, "host_port", json_integer(map->host_port));
		(void)json_object_set_new(entry, "range", json_integer(map->count));
		(void)json_object_set_new(entry, "protocol",
					  json_string(port_proto_name(map->proto)));
		(void)json_array_append_new(array, entry);
	}
	return array;
}

static int map_from_json(const json_t *entry, struct port_map *ret_map, struct err *err)
{
	struct port_map map = { .count = 1 };
	const char *host_ip = json_str(entry, "host_ip", "");
	const int64_t container = json_int(entry, "container_port", 0);
	const int64_t host = json_int(entry, "host_port", 0);
	const int64_t count = json_int(entry, "range", 1);
	int r = port_proto_parse(json_str(entry, "protocol", "tcp"), &map.proto, err);

	if (r == 0 && *host_ip != '\0')
		r = set_host_ip(&map, host_ip, strchr(host_ip, ':') != NULL, err);
	if (r < 0)
		return r;
	if (container < 1 || container > UINT16_MAX || host < 0 || host > UINT16_MAX || count < 1 ||
	    count > UINT16_MAX || container + count - 1 > UINT16_MAX ||
	    host + count - 1 > UINT16_MAX)
		return err_say(err, ERR_USAGE, "a recorded port mapping has ports out of range");
	map.container_port = (uint16_t)container;
	map.host_port = (uint16_t)host;
	map.count = (uint16_t)count;
	*ret_map = map;
	return 0;
}

int port_list_from_json(struct port_list *list, const json_t *json, struct err *err)
{
	const json_t *entry = NULL;
	size_t i = 0;

	if (!json_is_array(json))
		return err_say(err, ERR_USAGE, "recorded port mappings are not a list");
	json_array_foreach (json, i, entry) {
		struct port_map map;
		int r = map_from_json(entry, &map, err);

		if (r < 0)
			return r;
		port_list_add(list, &map);
	}
	return 0;
}
