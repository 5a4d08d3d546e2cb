/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published TCP ports by splice: see publish.h. Bound before the container exists, served in
 * bryo-net's sandbox.
 */
#include "netns/net/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"

/* ---- Binding ---- */

static int bind_port(const struct port_map *one, int *ret_fd)
{
	union dialer_address address = { 0 };
	const bool six = strchr(one->host_ip, ':') != NULL;
	const int family = six ? AF_INET6 : AF_INET;
	auto_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	address.any.sa_family = (sa_family_t)family;
	address.four.sin_port = htons(one->host_port); /* sin6_port lies at the same place */
	(void)inet_pton(family, one->host_ip,
			six ? (void *)&address.six.sin6_addr : (void *)&address.four.sin_addr);
	if (six)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
	/* A port whose last container has ended a moment ago (TIME_WAIT), not one in use. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, &address.any, six ? sizeof(address.six) : sizeof(address.four)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int add(struct publish *publish, int fd, uint16_t container_port)
{
	if (publish->count == SPLICE_LISTENERS)
		return -ENOSPC;
	publish->ports[publish->count++] = (struct publish_port){
		.publish = publish, .fd = fd, .container_port = container_port
	};
	return 0;
}

static int open_one(struct publish *publish, const struct port_map *one, struct err *err)
{
	auto_close int fd = -1;
	int r = bind_port(one, &fd);

	if (r == 0)
		r = add(publish, fd, one->container_port);
	if (r == -ENOSPC)
		return err_say(err, ERR_UNSUPPORTED,
			       "port_handler=splice serves %d listening sockets at most",
			       SPLICE_LISTENERS);
	if (r < 0)
		return port_explain(one, r, err);
	(void)fd_take(&fd);
	return 0;
}

/* The sockets that serve this port already. True: all that it wants. */
static bool take_inherited(struct publish *publish, const struct port_map *one,
			   const struct listen_inherited *inherited)
{
	bool taken = false;

	for (size_t i = 0; i < inherited->count; i++) {
		if (inherited->fds[i] < 0 || !port_map_has_socket(one, inherited->fds[i]) ||
		    add(publish, inherited->fds[i], one->container_port) < 0)
			continue;
		inherited->fds[i] = -1;
		taken = true;
	}
	return taken;
}

/* "All addresses" has two sides; a host or a container without IPv6 has only the first. */
static int open_port(struct publish *publish, struct port_map *one,
		     const struct listen_inherited *inherited, struct err *err)
{
	int r = 0;

	if (take_inherited(publish, one, inherited))
		return 0;
	if (*one->host_ip != '\0') {
		if (strchr(one->host_ip, ':') && !publish->options->ipv6)
			return port_explain(one, -EAFNOSUPPORT, err);
		return open_one(publish, one, err);
	}
	(void)strcpy(one->host_ip, "0.0.0.0");
	r = open_one(publish, one, err);
	if (r < 0 || !publish->options->ipv6)
		return r;
	(void)strcpy(one->host_ip, "::");
	r = open_one(publish, one, err);
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) {
		*err = ERR_INIT;
		r = 0;
	}
	return r;
}

int publish_open(struct publish *publish, const struct net_options *options,
		 const struct port_list *ports, const struct listen_inherited *inherited,
		 struct err *err)
{
	publish->options = options;
	publish->count = 0;
	for (size_t i = 0; i < ports->count; i++) {
		for (uint32_t n = 0; n < ports->maps[i].count; n++) {
			struct port_map one = ports->maps[i];
			int r = 0;

			if (one.proto != PORT_TCP)
				break;
			one.host_port = (uint16_t)(one.host_port + n);
			one.container_port = (uint16_t)(one.container_port + n);
			one.count = 1;
			r = open_port(publish, &one, inherited, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

void publish_done(struct publish *publish)
{
	for (size_t i = 0; i < publish->count; i++)
		fd_close(&publish->ports[i].fd);
	publish->count = 0;
}

/* ---- Clients ---- */

static bool is_loopback4(struct in_addr address)
{
	return ntohl(address.s_addr) >> 24 == 127;
}

static void go_inside4(const struct net_options *options, uint16_t port, union dialer_address *from,
		       union dialer_address *to)
{
	/* Inside, the host's loopback would be the container's: the gateway stands for it. */
	if (is_loopback4(from->four.sin_addr))
		from->four.sin_addr = net_gateway4(options);
	to->four = (struct sockaddr_in){ .sin_family = AF_INET,
					 .sin_port = htons(port),
					 .sin_addr = net_container4(options) };
}

static void go_inside6(const struct net_options *options, uint16_t port, union dialer_address *from,
		       union dialer_address *to)
{
	/* A link-local client's interface means nothing inside. */
	if (IN6_IS_ADDR_LOOPBACK(&from->six.sin6_addr) ||
	    IN6_IS_ADDR_LINKLOCAL(&from->six.sin6_addr))
		from->six.sin6_addr = net_gateway6(options);
	from->six.sin6_scope_id = 0;
	to->six = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					 .sin6_port = htons(port),
					 .sin6_addr = net_container6(options) };
}

/* An inherited [::] socket takes IPv4 clients as ::ffff:a.b.c.d. */
static void unmap(union dialer_address *address)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = address->six.sin6_port };

	if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->six.sin6_addr))
		return;
	memcpy(&four.sin_addr, address->six.sin6_addr.s6_addr + 12, sizeof(four.sin_addr));
	address->four = four;
}

static int dial(struct splice_listener *listener, int client, int *ret_fd)
{
	const struct publish_port *port = listener->data;
	const struct net_options *const options = port->publish->options;
	union dialer_address from = { 0 };
	union dialer_address to = { 0 };
	socklen_t size = sizeof(from);

	if (getpeername(client, &from.any, &size) < 0)
		return -errno;
	unmap(&from);
	if (from.any.sa_family == AF_INET && options->ipv4)
		go_inside4(options, port->container_port, &from, &to);
	else if (from.any.sa_family == AF_INET6 && options->ipv6)
		go_inside6(options, port->container_port, &from, &to);
	else
		return -EAFNOSUPPORT;
	return dialer_connect(port->publish->dialer, &from, &to, ret_fd);
}

int publish_start(struct publish *publish, const struct dialer *dialer, struct splice *splice,
		  struct err *err)
{
	publish->dialer = dialer;
	for (size_t i = 0; i < publish->count; i++) {
		struct publish_port *port = &publish->ports[i];
		int r = splice_listen_to(splice, port->fd, dial, port);

		if (r < 0)
			return err_set(err, r, "cannot watch a published port");
		port->fd = -1;
	}
	return 0;
}
