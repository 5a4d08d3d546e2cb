/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that somebody else bound, held against published ports. Runs in the keeper, which shares
 * inherited sockets out, and in bryo-net, which listens on them. Asks the kernel only.
 */
#include "netns/port/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/str.h"

/* What a socket is, as far as ports go. */
struct bound {
	enum port_proto proto;
	char ip[INET6_ADDRSTRLEN];
	uint16_t port;
	bool both; /* [::] without IPV6_V6ONLY: IPv4's 0.0.0.0 as well */
};

static bool get_int(int fd, int level, int option, int *ret)
{
	socklen_t size = sizeof(*ret);

	return getsockopt(fd, level, option, ret, &size) == 0 && size == sizeof(*ret);
}

/* A stream socket that listens, or a datagram socket, of IP. */
static bool get_proto(int fd, enum port_proto *ret_proto)
{
	int type = 0;
	int listens = 0;

	if (!get_int(fd, SOL_SOCKET, SO_TYPE, &type))
		return false;
	*ret_proto = type == SOCK_DGRAM ? PORT_UDP : PORT_TCP;
	if (type == SOCK_STREAM)
		return get_int(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens) && listens;
	return type == SOCK_DGRAM;
}

static bool get_bound(int fd, struct bound *ret)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_storage room;
	} address = { 0 };
	socklen_t size = sizeof(address);
	int only = 0;

	if (!get_proto(fd, &ret->proto) || getsockname(fd, &address.any, &size) < 0)
		return false;
	ret->both = false;
	if (address.any.sa_family == AF_INET) {
		ret->port = ntohs(address.four.sin_port);
		return inet_ntop(AF_INET, &address.four.sin_addr, ret->ip, sizeof(ret->ip));
	}
	if (address.any.sa_family != AF_INET6)
		return false;
	ret->port = ntohs(address.six.sin6_port);
	ret->both = IN6_IS_ADDR_UNSPECIFIED(&address.six.sin6_addr) &&
		    get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only) && !only;
	return inet_ntop(AF_INET6, &address.six.sin6_addr, ret->ip, sizeof(ret->ip));
}

static bool serves(const struct bound *bound, const struct port_map *map)
{
	/* Datagrams of both families on one socket would want their answers sorted. */
	if (bound->both && bound->proto == PORT_UDP)
		return false;
	if (bound->proto != map->proto || map->host_port == 0 || bound->port < map->host_port ||
	    bound->port >= (uint32_t)map->host_port + map->count)
		return false;
	if (*map->host_ip == '\0')
		return str_eq(bound->ip, "0.0.0.0") || str_eq(bound->ip, "::");
	return str_eq(bound->ip, map->host_ip) || (bound->both && str_eq(map->host_ip, "0.0.0.0"));
}

void port_socket_ip(int fd, char ret_ip[46])
{
	struct bound bound;

	(void)snprintf(ret_ip, INET6_ADDRSTRLEN, "%s", get_bound(fd, &bound) ? bound.ip : "");
}

bool port_map_has_socket(const struct port_map *map, int fd)
{
	struct bound bound;

	return get_bound(fd, &bound) && serves(&bound, map);
}

bool port_list_has_socket(const struct port_list *list, int fd)
{
	struct bound bound;

	if (list->count == 0 || !get_bound(fd, &bound))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (serves(&bound, &list->maps[i]))
			return true;
	return false;
}
