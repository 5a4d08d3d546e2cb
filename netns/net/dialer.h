/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small process that stays in the container's network namespace and makes connections there for
 * bryo-net, which cannot enter it any more: from the address of a client outside to a port of the
 * container, so that its server sees who comes (port_handler=splice).
 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "netns/options/options.h"

struct err;

struct dialer {
	int fd; /* SOCK_SEQPACKET to the process, which ends when it closes; -1: none */
};
#define DIALER_INIT ((struct dialer){ .fd = -1 })

/* Whose connection to whom: host and port of either family, both of one. */
union dialer_address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/*
 * Starts it in the network namespace of netns_fd, whose interface is up, and prepares that: a rule
 * and a route by which answers to foreign addresses come back (netns/mark.h). The caller has root's
 * capabilities over the namespace; the process keeps CAP_NET_RAW alone, in a sandbox like
 * bryo-net's. Needs Linux 5.17 (SO_MARK with CAP_NET_RAW).
 */
int dialer_start(int netns_fd, const struct net_options *options, struct dialer *ret_dialer,
		 struct err *err);

/*
 * A socket in the container's namespace, non-blocking, on its way (connect(2) was called) from
 * address from, port included where that is free, to address to. The caller owns *ret_fd. Waits for
 * the process: some twenty microseconds.
 */
int dialer_connect(const struct dialer *dialer, const union dialer_address *from,
		   const union dialer_address *to, int *ret_fd);
