/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with a whole list of published ports: conflicts, free host ports, the text that
 * users see. Runs in the command, in the host's network namespace.
 */
#include "netns/port/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

enum { FILL_TRIES = 64 };

static int compare_maps(const void *a, const void *b)
{
	const struct port_map *x = a;
	const struct port_map *y = b;
	int by_ip = strcmp(x->host_ip, y->host_ip);

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (by_ip != 0)
		return by_ip;
	if (x->host_port != y->host_port)
		return x->host_port < y->host_port ? -1 : 1;
	if (x->container_port != y->container_port)
		return x->container_port < y->container_port ? -1 : 1;
	return x->count == y->count ? 0 : x->count < y->count ? -1 : 1;
}

/* An entry for all addresses takes the port on each; 0.0.0.0 on each IPv4 address, :: on IPv6. */
static bool addresses_meet(const char *a, const char *b)
{
	const bool six_a = strchr(a, ':') != NULL;
	const bool six_b = strchr(b, ':') != NULL;

	if (*a == '\0' || *b == '\0' || str_eq(a, b))
		return true;
	if (six_a != six_b)
		return false;
	return str_eq(a, "0.0.0.0") || str_eq(b, "0.0.0.0") || str_eq(a, "::") || str_eq(b, "::");
}

/* The first host port that both want, or 0. */
static uint32_t common_port(const struct port_map *a, const struct port_map *b)
{
	const uint32_t first = a->host_port > b->host_port ? a->host_port : b->host_port;

	if (a->proto != b->proto || a->host_port == 0 || b->host_port == 0)
		return 0;
	if (first >= (uint32_t)a->host_port + a->count ||
	    first >= (uint32_t)b->host_port + b->count)
		return 0;
	return addresses_meet(a->host_ip, b->host_ip) ? first : 0;
}

static int compare_host_ports(const void *a, const void *b)
{
	const struct port_map *x = a;
	const struct port_map *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->host_port != y->host_port)
		return x->host_port < y->host_port ? -1 : 1;
	return compare_maps(a, b);
}

/* One sweep over entries ordered by host port: each meets only those that start within it. */
static int check_conflicts(const struct port_list *list, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct port_map *map = &list->maps[i];
		const uint32_t end = (uint32_t)map->host_port + map->count;

		for (size_t k = i + 1; k < list->count; k++) {
			const struct port_map *next = &list->maps[k];

			if (map->host_port == 0 || next->proto != map->proto ||
			    next->host_port >= end)
				break;
			if (common_port(map, next) != 0)
				return err_say(
					err, ERR_USAGE,
					"conflicting port mappings for host port %u (protocol %s)",
					next->host_port, port_proto_name(map->proto));
		}
	}
	return 0;
}

int port_list_finish(struct port_list *list, struct err *err)
{
	size_t kept = 0;
	int r = 0;

	if (list->count == 0)
		return 0;
	qsort(list->maps, list->count, sizeof(*list->maps), compare_host_ports);
	for (size_t i = 0; i < list->count; i++) {
		const bool same = kept > 0 && list->maps[i].host_port != 0 &&
				  compare_maps(&list->maps[kept - 1], &list->maps[i]) == 0;

		if (!same)
			list->maps[kept++] = list->maps[i];
	}
	list->count = kept;
	r = check_conflicts(list, err);
	qsort(list->maps, list->count, sizeof(*list->maps), compare_maps);
	return r;
}

void port_list_publish_all(struct port_list *list, const struct port_list *exposed)
{
	const size_t published = list->count;

	for (size_t i = 0; i < exposed->count; i++) {
		const struct port_map *range = &exposed->maps[i];

		for (uint32_t n = 0; n < range->count; n++) {
			const struct port_map one = { .container_port =
							      (uint16_t)(range->container_port + n),
						      .count = 1,
						      .proto = range->proto };
			const struct port_list before = { .maps = list->maps, .count = published };
			size_t index = 0;

			if (!port_list_next(&before, one.container_port, one.proto, &index, NULL))
				port_list_add(list, &one);
		}
	}
}

/* ---- Free host ports ---- */

unsigned int port_address(const char *ip, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (void *)ret;
	struct sockaddr_in *four = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (strchr(ip, ':')) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		(void)inet_pton(AF_INET6, ip, &six->sin6_addr);
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	if (*ip != '\0')
		(void)inet_pton(AF_INET, ip, &four->sin_addr);
	return sizeof(*four);
}

/* Binds and lets go at once. Returns the port that it got (of its own choice for 0) or an error. */
static int try_port(const char *ip, enum port_proto proto, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t size = port_address(ip, port, &address);
	auto_close int fd =
		socket(address.ss_family,
		       (proto == PORT_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (address.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
	if (bind(fd, (const struct sockaddr *)&address, size) < 0)
		return -errno;
	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -errno;
	/* sin_port and sin6_port lie at the same place. */
	return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
}

/* True when an entry before this one has any of count ports from first on. */
static bool is_taken(const struct port_list *list, const struct port_map *wanted, uint16_t first)
{
	struct port_map with_port = *wanted;

	with_port.host_port = first;
	for (size_t i = 0; i < list->count; i++)
		if (&list->maps[i] != wanted && common_port(&list->maps[i], &with_port) != 0)
			return true;
	return false;
}

static bool range_is_free(const struct port_map *map, uint16_t first)
{
	for (uint32_t n = 0; n < map->count; n++) {
		if (try_port(map->host_ip, map->proto, (uint16_t)(first + n)) < 0)
			return false;
		/* An entry for all addresses listens on IPv6 too. */
		if (*map->host_ip == '\0' &&
		    try_port("::", map->proto, (uint16_t)(first + n)) == -EADDRINUSE)
			return false;
	}
	return true;
}

static int fill_one(const struct port_list *list, struct port_map *map, struct err *err)
{
	for (int tries = 0; tries < FILL_TRIES; tries++) {
		int port = try_port(map->host_ip, map->proto, 0);

		if (port < 0)
			return err_set(err, port, "cannot choose a free host port on %s",
				       *map->host_ip == '\0' ? "0.0.0.0" : map->host_ip);
		if (port + map->count - 1 > UINT16_MAX || is_taken(list, map, (uint16_t)port) ||
		    !range_is_free(map, (uint16_t)port))
			continue;
		map->host_port = (uint16_t)port;
		return 0;
	}
	return err_say(err, ERR_FAILED, "cannot find %u free host ports in a row", map->count);
}

int port_list_fill(struct port_list *list, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		int r = 0;

		if (list->maps[i].host_port == 0)
			r = fill_one(list, &list->maps[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Why a port cannot be had ---- */

/* The lowest port that needs no privilege (ip(7), ip_unprivileged_port_start). */
static unsigned long first_free_port(void)
{
	auto_free char *text = NULL;

	if (file_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 16, &text,
			 NULL) < 0)
		return 1024;
	return strtoul(text, NULL, 10);
}

int port_explain(const struct port_map *map, int code, struct err *err)
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

/* ---- Text ---- */

static const char *shown_ip(const struct port_map *map)
{
	return *map->host_ip == '\0' ? "0.0.0.0" : map->host_ip;
}

/* Orders what users see: by container port, then protocol. */
static int compare_shown(const void *a, const void *b)
{
	const struct port_map *x = a;
	const struct port_map *y = b;

	if (x->container_port != y->container_port)
		return x->container_port < y->container_port ? -1 : 1;
	return compare_maps(a, b);
}

static struct port_list shown_list(const struct port_list *list)
{
	struct port_list sorted = PORT_LIST_INIT;

	port_list_add_all(&sorted, list);
	if (sorted.count > 0)
		qsort(sorted.maps, sorted.count, sizeof(*sorted.maps), compare_shown);
	return sorted;
}

void port_list_lines(const struct port_list *list, struct buf *ret_text)
{
	struct port_list sorted = shown_list(list);

	for (size_t i = 0; i < sorted.count; i++)
		for (uint32_t n = 0; n < sorted.maps[i].count; n++)
			(void)buf_addf(ret_text, "%u/%s -> %s:%u\n",
				       sorted.maps[i].container_port + n,
				       port_proto_name(sorted.maps[i].proto),
				       shown_ip(&sorted.maps[i]), sorted.maps[i].host_port + n);
	port_list_done(&sorted);
}

/* True when next goes on where map ends, on both sides: "8080-8081->80-81". */
static bool continues(const struct port_map *map, const struct port_map *next)
{
	return map->proto == next->proto && str_eq(map->host_ip, next->host_ip) &&
	       (map->host_port == 0) == (next->host_port == 0) &&
	       map->container_port + map->count == next->container_port &&
	       (map->host_port == 0 || map->host_port + map->count == next->host_port);
}

static void add_range(struct buf *text, uint32_t first, uint32_t count)
{
	(void)buf_addf(text, "%u", first);
	if (count > 1)
		(void)buf_addf(text, "-%u", first + count - 1);
}

static void add_ps_entry(struct buf *text, const struct port_map *map, uint32_t count)
{
	if (text->size > 0)
		(void)buf_add_str(text, ", ");
	if (map->host_port != 0) {
		(void)buf_addf(text, "%s:", shown_ip(map));
		add_range(text, map->host_port, count);
		(void)buf_add_str(text, "->");
	}
	add_range(text, map->container_port, count);
	(void)buf_addf(text, "/%s", port_proto_name(map->proto));
}

static void add_ps_list(struct buf *text, const struct port_list *list,
			const struct port_list *leave_out)
{
	struct port_list sorted = shown_list(list);

	for (size_t i = 0; i < sorted.count; i++) {
		const struct port_map first = sorted.maps[i];
		uint32_t count = first.count;
		size_t index = 0;

		if (leave_out &&
		    port_list_next(leave_out, first.container_port, first.proto, &index, NULL))
			continue;
		while (i + 1 < sorted.count && continues(&sorted.maps[i], &sorted.maps[i + 1]))
			count += sorted.maps[++i].count;
		add_ps_entry(text, &first, count);
	}
	port_list_done(&sorted);
}

void port_list_ps(const struct port_list *list, const struct port_list *exposed,
		  struct buf *ret_text)
{
	add_ps_list(ret_text, list, NULL);
	if (exposed)
		add_ps_list(ret_text, exposed, list);
}

bool port_list_next(const struct port_list *list, uint16_t container_port, enum port_proto proto,
		    size_t *index, struct port_map *ret_map)
{
	for (; *index < list->count; (*index)++) {
		const struct port_map *map = &list->maps[*index];
		const uint32_t offset = (uint32_t)container_port - map->container_port;

		if (map->proto != proto || container_port < map->container_port ||
		    offset >= map->count)
			continue;
		if (ret_map) {
			*ret_map = *map;
			ret_map->container_port = container_port;
			ret_map->host_port =
				map->host_port ? (uint16_t)(map->host_port + offset) : 0;
			ret_map->count = 1;
		}
		(*index)++;
		return true;
	}
	return false;
}
