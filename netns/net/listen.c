/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: see listen.h. Runs in bryo-net before its sandbox, and as it ends. */
#include "netns/net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "netns/net/relay.h"
#include "netns/net/stack/stack.h"

#define REST_NS (100 * 1000000LL)

/* ---- Sockets ---- */

static int set_options(int fd, int family, enum port_proto proto)
{
	static const int on = 1;

	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	/* Connections of a container before do not hold the port; a UDP port in use must be seen.
	 */
	if (proto == PORT_TCP)
		return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ? -errno : 0;
	/* Answers leave from the address that was asked: ip(7), ipv6(7). */
	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ? -errno : 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int bind_to(int fd, int family, const struct port_map *map)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(map->host_port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(map->host_port) };

	if (family == AF_INET) {
		(void)inet_pton(AF_INET, map->host_ip, &four.sin_addr);
		return bind(fd, (const struct sockaddr *)&four, sizeof(four)) < 0 ? -errno : 0;
	}
	(void)inet_pton(AF_INET6, map->host_ip, &six.sin6_addr);
	return bind(fd, (const struct sockaddr *)&six, sizeof(six)) < 0 ? -errno : 0;
}

static int open_socket(const struct port_map *map, int family, int *ret_fd)
{
	const int type = map->proto == PORT_TCP ? SOCK_STREAM : SOCK_DGRAM;
	auto_close int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : set_options(fd, family, map->proto);

	if (r == 0)
		r = bind_to(fd, family, map);
	if (r == 0 && map->proto == PORT_TCP && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = fd_take(&fd);
	return r;
}

/* ---- Listeners ---- */

static void rested(struct watch_timer *timer)
{
	struct listener *const listener =
		(struct listener *)((char *)timer - offsetof(struct listener, rest));

	(void)listener_resume(listener);
}

static void add(struct relay *relay, const struct port_map *map, int fd, bool missing)
{
	relay->listeners[relay->listener_count++] =
		(struct listener){ .watch.fd = fd,
				   .rest.expired = rested,
				   .loop = &relay->loop,
				   .map = *map,
				   .family = strchr(map->host_ip, ':') ? AF_INET6 : AF_INET,
				   .missing = missing };
}

static int open_one(struct relay *relay, const struct port_map *map)
{
	const int family = strchr(map->host_ip, ':') ? AF_INET6 : AF_INET;
	int fd = -1;
	int r = 0;

	if (family == AF_INET6 ? !relay->options.ipv6 : !relay->options.ipv4)
		return -EAFNOSUPPORT;
	r = open_socket(map, family, &fd);
	if (r == 0)
		add(relay, map, fd, false);
	return r;
}

/* ---- Inherited sockets ---- */

/* What bind_to() and its like would have seen to. */
static int adopt(const struct port_map *map, int fd)
{
	int family = 0;
	socklen_t size = sizeof(family);
	int r = fd_set_nonblock(fd, true);

	if (r < 0 || map->proto == PORT_TCP)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
		return -errno;
	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &(int){ 1 }, sizeof(int)) < 0 ? -errno
											    : 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &(int){ 1 }, sizeof(int)) < 0 ? -errno
											    : 0;
}

/* The sockets that serve this port already: one or, for all addresses, two. True: there is one. */
static bool take_inherited(struct relay *relay, const struct port_map *one,
			   const struct listen_inherited *inherited)
{
	struct port_map map = *one;
	bool taken = false;

	for (size_t i = 0; i < inherited->count; i++) {
		if (inherited->fds[i] < 0 || !port_map_has_socket(one, inherited->fds[i]) ||
		    adopt(one, inherited->fds[i]) < 0)
			continue;
		port_socket_ip(inherited->fds[i], map.host_ip);
		add(relay, &map, inherited->fds[i], false);
		relay->listeners[relay->listener_count - 1].inherited = true;
		inherited->fds[i] = -1;
		taken = true;
		if (*one->host_ip != '\0')
			return true;
	}
	return taken;
}

/* The two sides of "all addresses". A host or a container without IPv6 has only the first. */
static int open_port(struct relay *relay, struct port_map *one,
		     const struct listen_inherited *inherited, struct err *err)
{
	const bool all = *one->host_ip == '\0';
	int r = 0;

	if (take_inherited(relay, one, inherited))
		return 0;
	if (all)
		(void)strcpy(one->host_ip, "0.0.0.0");
	r = open_one(relay, one);
	if (r < 0)
		return port_explain(one, r, err);
	if (!all)
		return 0;
	(void)strcpy(one->host_ip, "::");
	r = open_one(relay, one);
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) {
		if (relay->options.ipv6)
			add(relay, one, -1, true);
		return 0;
	}
	return r < 0 ? port_explain(one, r, err) : 0;
}

static size_t count_listeners(const struct port_list *ports)
{
	size_t count = 0;

	for (size_t i = 0; i < ports->count; i++)
		count += (size_t)ports->maps[i].count * (*ports->maps[i].host_ip == '\0' ? 2 : 1);
	return count;
}

int listen_open(struct relay *relay, const struct port_list *ports,
		const struct listen_inherited *inherited, struct err *err)
{
	relay->listeners =
		xcalloc(count_listeners(ports) + inherited->count + 1, sizeof(*relay->listeners));
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
			r = open_port(relay, &one, inherited, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int listen_reload(struct relay *relay, struct err *err)
{
	for (size_t i = 0; i < relay->listener_count; i++) {
		struct listener *const listener = &relay->listeners[i];
		int fd = -1;
		int r = 0;

		if (!listener->missing)
			continue;
		r = open_socket(&listener->map, listener->family, &fd);
		if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
			continue;
		if (r < 0)
			return port_explain(&listener->map, r, err);
		listener->missing = false;
		(void)listener_swap(listener, fd);
		stack_listen(relay->stack, listener);
		r = listener_resume(listener);
		if (r < 0)
			return err_set(err, r, "cannot watch port %u", listener->map.host_port);
	}
	return 0;
}

void listen_close(struct relay *relay)
{
	for (size_t i = 0; i < relay->listener_count; i++) {
		listener_pause(&relay->listeners[i]);
		fd_close(&relay->listeners[i].watch.fd);
	}
	relay->listener_count = 0;
}

/* ---- Accepting and not ---- */

int listener_resume(struct listener *listener)
{
	int r = 0;

	watch_timer_cancel(listener->loop, &listener->rest);
	if (listener->watched)
		return 0;
	r = watch_add(listener->loop, &listener->watch, EPOLLIN);
	listener->watched = r == 0;
	return r;
}

void listener_pause(struct listener *listener)
{
	watch_timer_cancel(listener->loop, &listener->rest);
	if (listener->watched)
		watch_remove(listener->loop, &listener->watch);
	listener->watched = false;
}

void listener_rest(struct listener *listener)
{
	listener_pause(listener);
	watch_timer_set(listener->loop, &listener->rest, listener->loop->now + REST_NS);
}

int listener_swap(struct listener *listener, int fd)
{
	const bool watched = listener->watched;
	const int before = listener->watch.fd;

	listener_pause(listener);
	listener->watch.fd = fd;
	if (watched)
		(void)listener_resume(listener);
	return before;
}
