/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-net: the user-mode network of one container. Started by the monitor (netns/net.c) with one
 * socket as descriptor 3, in the host's network namespace, as root of the user namespace that owns
 * the container's. Single-threaded.
 *
 * Order: read the settings; start the stack and bind the published ports (both before the container
 * exists); wait for its network namespace; make the interface there (tap.c); enter the sandbox; say
 * "ready"; carry frames until the socket closes, the container's init ends or the interface goes.
 * It must never look at a frame before it is in the sandbox.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/pages.h"
#include "netns/net-message.h"
#include "netns/net/inject/inject.h"
#include "netns/net/inside.h"
#include "netns/net/listen.h"
#include "netns/net/lockdown.h"
#include "netns/net/own-address.h"
#include "netns/net/publish.h"
#include "netns/net/relay.h"
#include "netns/net/splice.h"
#include "netns/net/tap.h"

/* Tells the monitor how it went; code 0 is "ready". */
static void report(const struct err *err)
{
	(void)send(NET_SOCKET_FD, err, sizeof(*err), MSG_NOSIGNAL);
}

/* What came with the options. */
struct settings {
	struct port_list ports;
	struct port_list host_ports;
	int inherited[NET_INHERITED_MAX];
	size_t inherited_count;
};

/* 0, or -ECONNRESET when the monitor is gone. */
static int receive_settings(struct net_options *options, struct settings *settings, struct err *err)
{
	size_t size = 0;
	int r = 0;
	auto_free char *data = NULL;
	ssize_t n = recv(NET_SOCKET_FD, NULL, 0, MSG_PEEK | MSG_TRUNC);

	if (n <= 0)
		return -ECONNRESET;
	if (n > NET_MESSAGE_MAX)
		return err_say(err, ERR_USAGE, "network settings are too long");
	data = xmalloc((size_t)n);
	settings->inherited_count = NET_INHERITED_MAX;
	r = fd_recv(NET_SOCKET_FD, data, (size_t)n, &size, settings->inherited,
		    &settings->inherited_count);
	if (r < 0)
		return -ECONNRESET;
	return net_message_parse(data, size, options, &settings->ports, &settings->host_ports, err);
}

/* The network namespace and, if the monitor has one to give, a pidfd of the container's init. */
static int receive_attach(int *ret_netns, int *ret_pidfd, struct err *err)
{
	char message = 0;
	int fds[2] = { -1, -1 };
	size_t count = 2;
	size_t size = 0;
	int r = fd_recv(NET_SOCKET_FD, &message, 1, &size, fds, &count);

	if (r < 0)
		return -ECONNRESET;
	*ret_netns = count > 0 ? fds[0] : -1;
	*ret_pidfd = count > 1 ? fds[1] : -1;
	if (size != 1 || message != NET_MESSAGE_ATTACH || count < 1)
		return err_say(err, ERR_FAILED, "bryo-net was not given a network namespace");
	return 0;
}

/* Connections cost a descriptor each: as many as this user may have. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The published TCP ports, as the injector sees them: it shares their sockets. */
static void list_ports(const struct relay *relay, struct inject_args *args)
{
	static struct inject_port list[INJECT_PORTS_MAX];

	args->ports = list;
	for (size_t i = 0; i < relay->listener_count && args->port_count < INJECT_PORTS_MAX; i++) {
		const struct listener *listener = &relay->listeners[i];
		struct inject_port *port = &list[args->port_count];
		socklen_t size = sizeof(port->host);

		if (listener->map.proto != PORT_TCP || listener->watch.fd < 0 ||
		    getsockname(listener->watch.fd, (struct sockaddr *)&port->host, &size) < 0)
			continue;
		port->container_port = listener->map.container_port;
		port->listener = listener->watch.fd;
		port->shared = listener->inherited;
		port->tag = (uint32_t)i;
		args->port_count++;
	}
}

/*
 * Socket injection is a faster way only: without a wall (older kernels) nobody uses it but who
 * asked for it. Where a wall stands the container may rely on it, so that what fails then is an
 * error.
 */
static int start_injector(struct relay *relay, struct err *err)
{
	static struct inject_args args;
	const enum net_fast fast = relay->options.fast;
	int r = 0;

	if (relay->tap.marker < 0 || fast == NET_FAST_OFF ||
	    (fast == NET_FAST_AUTO && inject_wall_find() == INJECT_WALL_NONE)) {
		fd_close(&relay->tap.marker);
		return 0;
	}
	args.options = &relay->options;
	args.container_socket = relay->tap.marker;
	list_ports(relay, &args);
	r = inject_start(&args, &relay->injector.fd, err);
	fd_close(&relay->tap.marker);
	return r;
}

/*
 * The host's loopback ports that the container sees at its own. Both loopbacks of the host are ours
 * to connect to: the port is one that the user named.
 */
static int carry(struct splice *splice, const struct inside_socket *socket)
{
	const struct sockaddr_in four = { .sin_family = AF_INET,
					  .sin_port = htons(socket->host_port),
					  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
					  .sin6_port = htons(socket->host_port),
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (socket->family == AF_INET)
		return splice_listen(splice, socket->fd, (const void *)&four, sizeof(four));
	return splice_listen(splice, socket->fd, (const void *)&six, sizeof(six));
}

/* What goes by splice, beside the stack. */
struct bypass {
	struct splice splice;
	struct publish publish;
	struct dialer dialer;
};
static struct bypass bypass = { .dialer = DIALER_INIT }; /* large, and mostly untouched pages */

static int open_host_ports(int netns, const struct port_list *host_ports, struct err *err)
{
	struct inside_socket sockets[INSIDE_MAX];
	size_t count = 0;
	int r = inside_listen(netns, host_ports, sockets, &count, err);

	for (size_t i = 0; i < count && r == 0; i++) {
		r = carry(&bypass.splice, &sockets[i]);
		if (r < 0)
			(void)err_set(err, r, "cannot watch the container's sockets");
	}
	return r;
}

/* Published TCP ports are bypass.publish's or the stack's; UDP ports are always the stack's. */
static int open_ports(struct relay *relay, struct settings *settings, struct err *err)
{
	const struct listen_inherited inherited = { settings->inherited,
						    settings->inherited_count };
	struct port_list udp auto_done(port_list) = PORT_LIST_INIT;
	int r = 0;

	if (relay->options.ports != NET_PORTS_SPLICE)
		return listen_open(relay, &settings->ports, &inherited, err);
	for (size_t i = 0; i < settings->ports.count; i++)
		if (settings->ports.maps[i].proto == PORT_UDP)
			port_list_add(&udp, &settings->ports.maps[i]);
	r = publish_open(&bypass.publish, &relay->options, &settings->ports, &inherited, err);
	return r < 0 ? r : listen_open(relay, &udp, &inherited, err);
}

static int open_bypass(struct relay *relay, int netns, const struct settings *settings,
		       struct err *err)
{
	int r = 0;

	splice_open(&bypass.splice, &relay->loop);
	relay->splice = &bypass.splice;
	r = open_host_ports(netns, &settings->host_ports, err);
	if (r < 0 || bypass.publish.count == 0)
		return r;
	r = dialer_start(netns, &relay->options, &bypass.dialer, err);
	return r < 0 ? r : publish_start(&bypass.publish, &bypass.dialer, &bypass.splice, err);
}

/* All ports are free after this. */
static void close_ports(struct relay *relay)
{
	inject_stop(&relay->injector.fd);
	publish_done(&bypass.publish);
	if (relay->splice)
		splice_close(&bypass.splice);
	listen_close(relay);
}

/* Told now, not by each connection that fails. */
static int check_interfaces(const struct net_options *options, struct err *err)
{
	const char *const names[] = { options->outbound_if4, options->outbound_if6 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (*names[i] != '\0' && if_nametoindex(names[i]) == 0)
			return err_set(err, -errno, "cannot find network interface %s of this host",
				       names[i]);
	return 0;
}

static int set_up(struct relay *relay, struct settings *settings, struct err *err)
{
	auto_close int netns = -1;
	int r = receive_settings(&relay->options, settings, err);

	if (r == 0)
		r = check_interfaces(&relay->options, err);
	if (r == 0)
		r = own_address_find(&relay->options, err);
	if (r == 0)
		r = relay_open(relay, err);
	if (r == 0)
		r = open_ports(relay, settings, err);
	if (r == 0)
		r = receive_attach(&netns, &relay->init.fd, err);
	if (r == 0)
		r = tap_open(netns, &relay->options, true, &relay->tap, err);
	if (r == 0)
		r = open_bypass(relay, netns, settings, err);
	if (r == 0)
		r = start_injector(relay, err);
	return r;
}

int main(void)
{
	static struct relay relay; /* large, and mostly untouched pages */
	static struct settings settings;
	struct err err = ERR_INIT;
	int r = 0;

	/* One arena, and large blocks back to the kernel: this process idles for hours. */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 10);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	relay_init(&relay);
	r = set_up(&relay, &settings, &err);
	if (r == 0)
		r = relay_watch_resolvers(&relay, &err);
	if (r == 0)
		r = relay_start(&relay, &err);
	if (r == 0)
		r = lockdown_enter(relay.folders, &err);
	if (r < 0) {
		if (err.code < 0)
			report(&err);
		return 1;
	}
	report(&err);
	/* Not now: the container that waits for our report needs the processors. */
	relay.on_idle = pages_give_back;
	relay_run(&relay);
	close_ports(&relay);
	/* End of file tells the monitor that every port is free; taking the tap down takes longer.
	 */
	(void)close(NET_SOCKET_FD);
	_exit(0);
}
