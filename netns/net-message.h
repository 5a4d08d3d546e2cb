/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor and bryo-net say to each other over their SOCK_SEQPACKET socket. One version of
 * bryo installs both, but bryo-net still checks every byte: it is the one with the sockets.
 *
 *   monitor -> bryo-net   settings: JSON, {"version":2,"options":{...},"ports":[...],
 *                         "host_ports":[...]}, with the listening sockets that the command
 *                         inherited (at most NET_INHERITED_MAX)
 *   monitor -> bryo-net   attach: the byte 'A' with the descriptors network namespace[, init's
 *                         pidfd]
 *   bryo-net -> monitor   struct err: code 0 "ready", else why not
 *   monitor -> bryo-net   reload: the byte 'R', any time after "ready"
 *   bryo-net -> monitor   struct err: what came of the reload
 *   monitor -> bryo-net   end of file: stop
 *   bryo-net -> monitor   end of file: all ports are free
 */
#pragma once

#include <stddef.h>

#include "netns/options/options.h"
#include "netns/port/port.h"

#define NET_MESSAGE_VERSION 2
#define NET_MESSAGE_MAX (1 << 20)
#define NET_MESSAGE_ATTACH 'A'
#define NET_MESSAGE_LISTENER 'L' /* and its wall, with a descriptor: a filter's listener */
#define NET_MESSAGE_UNINJECT 'U' /* socket injection ends */
#define NET_MESSAGE_RELOAD 'R'
#define NET_SOCKET_FD 3	     /* where bryo-net finds its end */
#define NET_INHERITED_MAX 16 /* sockets; fd_send() takes as many */

/* The settings as text; either list may be NULL. The caller owns it. */
char *net_message_text(const struct net_options *options, const struct port_list *ports,
		       const struct port_list *host_ports);

/*
 * Reads and checks them; adds to the lists. ret_host_ports may be NULL: they are checked only. 0 or
 * a negative errno.
 */
int net_message_parse(const char *data, size_t size, struct net_options *ret_options,
		      struct port_list *ret_ports, struct port_list *ret_host_ports,
		      struct err *err);
