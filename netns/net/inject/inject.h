/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier 1, socket injection: a process of bryo-net that makes the container's TCP connections and
 * published listeners on sockets of the host and puts them in place of the container's own. What
 * flows then never passes through bryo-net.
 *
 *     container's thread                injector (host's network namespace)
 *     connect(5, 192.0.2.1:443)  ──>    outside? a plain TCP socket, not in an epoll set?
 *        stopped by the filter          socket(), options copied, connect()
 *        its 5 is the host's socket <── notify_replace()
 *     goes on                       <── notify_answer()
 *
 * What keeps the container from connecting that socket elsewhere: netns/inject-filter.h's walls.
 *
 * It is a process of its own since it needs CAP_SYS_PTRACE over the container, which the one that
 * parses the container's frames must not have, and cannot use behind Landlock. It reads 128 bytes
 * of a socket address from the container, and nothing else of it.
 *
 * Whatever is not plain (see outgoing.c and incoming.c) goes on as if nobody had looked, and is
 * carried by the user-mode stack. When the injector ends, waiting calls fail with ENOSYS.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netns/inject-filter.h"
#include "netns/options/options.h"

struct err;

/* A published TCP port at one address of the host. */
struct inject_port {
	uint16_t container_port;
	struct sockaddr_storage host; /* as bound: address and port, IPv6 for IPv6 only */
	uint32_t tag;		      /* of the caller, for notices */
	bool shared;  /* the socket is also somebody else's, and has to go on as it is */
	int listener; /* bound there; whoever is not injected is served through it. Shared with the
			 stack, which stops accepting when it stops listening */
};

struct inject_args {
	const struct net_options *options;
	const struct inject_port *ports;
	size_t port_count;
	int container_socket; /* any socket made in the container's network namespace */
};

enum {
	INJECT_PORTS_MAX = 1024,
	INJECT_LISTENERS_MAX = 256, /* filters at a time: one, and one for each exec */
};

/* What comes back over the socket: one struct a message. */
struct inject_notice {
	uint32_t tag; /* this port listens again, to be accepted from */
};

/*
 * Forks the injector. *ret_socket is a SOCK_SEQPACKET socket: inject_add() sends listeners over it,
 * notices come back; the injector ends when it is closed. 0 or an error.
 */
int inject_start(const struct inject_args *args, int *ret_socket, struct err *err);

/*
 * Ends the injector and waits until it has given up its copies of the ports' sockets. Closes
 * *socket.
 */
void inject_stop(int *socket);

/* From now on nothing is injected. 0 or a negative errno. */
int inject_off(int socket);

/* Hands over the listener of a filter made for this wall. The descriptor stays the caller's. */
int inject_add(int socket, int listener, enum inject_wall wall);
