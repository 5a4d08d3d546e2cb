/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: see listen.h. Runs in bryo-net before its sandbox, and as it ends. */
#include "netns/net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "netns/net/relay.h"

/* The lowest port that needs no privilege (ip(7), ip_unprivileged_port_start). */
static unsigned long first_free_port(void)
{
	auto_free char *text = NULL;

	if (file_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 16, &text,
			 NULL) < 0)
		return 1024;
	return strtoul(text, NULL, 10);
}

int listen_explain(const struct port_map *map, int code, struct err *err)
{
	const char *const left = strchr(map->host_ip, ':') ? "[" : "";
	const char *const right = *left ? "]" : "";
	const unsigned long start = first_free_port();

	if (code == -EACCES && map->host_port < start)
		return err_set(
			err, code,
			"cannot expose privileged port %u, you can add "
			"'net.ipv4.ip_unprivileged_port_start=%u' to /etc/sysctl.conf (currently "
			"%lu), or choose a larger port number (>= %lu): listen %s %s%s%s:%u: bind",
			map->host_port, map->host_port, start, start, port_proto_name(map->proto),
			left, map->host_ip, right, map->host_port);
	return err_set(err, code, "cannot expose port %u: listen %s %s%s%s:%u: bind",
		       map->host_port, port_proto_name(map->proto), left, map->host_ip, right,
		       map->host_port);
}

static int open_one(struct relay *relay, const struct port_map *one, struct err *err)
{
	int r = relay->ops->publish(relay->stack, one);

	return r < 0 ? listen_explain(one, r, err) : 0;
}

/* The two sides of "all addresses". A host or a container without IPv6 has only the first. */
static int open_all(struct relay *relay, struct port_map *one, struct err *err)
{
	int r = 0;

	(void)strcpy(one->host_ip, "0.0.0.0");
	r = open_one(relay, one, err);
	if (r < 0)
		return r;
	(void)strcpy(one->host_ip, "::");
	r = relay->ops->publish(relay->stack, one);
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
		return 0;
	return r < 0 ? listen_explain(one, r, err) : 0;
}

int listen_open(struct relay *relay, const struct port_list *ports, struct err *err)
{
	for (size_t i = 0; i < ports->count; i++) {
		for (uint32_t n = 0; n < ports->maps[i].count; n++) {
			struct port_map one = ports->maps[i];
			int r = 0;

			if (one.host_port == 0)
				return err_say(err, ERR_FAILED,
					       "container port %u has no host port",
					       one.container_port);
			one.host_port = (uint16_t)(one.host_port + n);
			one.container_port = (uint16_t)(one.container_port + n);
			one.count = 1;
			r = *one.host_ip == '\0' ? open_all(relay, &one, err)
						 : open_one(relay, &one, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

void listen_close(struct relay *relay, const struct port_list *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		for (uint32_t n = 0; n < ports->maps[i].count; n++) {
			struct port_map one = ports->maps[i];

			one.host_port = (uint16_t)(one.host_port + n);
			if (*one.host_ip != '\0') {
				relay->ops->unpublish(relay->stack, &one);
				continue;
			}
			(void)strcpy(one.host_ip, "0.0.0.0");
			relay->ops->unpublish(relay->stack, &one);
			(void)strcpy(one.host_ip, "::");
			relay->ops->unpublish(relay->stack, &one);
		}
	}
}
