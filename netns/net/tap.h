/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's network interface, and a descriptor on which bryo-net reads and writes its
 * ethernet frames: a tap device, or, where /dev/net/tun cannot be used, one end of a veth pair and
 * a packet socket on the other end.
 */
#pragma once

#include "netns/net-options.h"

struct err;

enum tap_kind { TAP_TUN, TAP_VETH };

/*
 * Makes the interface in the network namespace of netns_fd, up, with addresses and routes as the
 * options have it. The work is done by a vforked child that enters the namespace; the caller stays
 * in its own. *ret_fd is non-blocking and close-on-exec. *ret_marker is a TCP socket made there, which
 * tells that namespace from others (SO_NETNS_COOKIE), or -1 where it could not be made. try_tun false: straight to veth (tests).
 */
int tap_open(int netns_fd, const struct net_options *options, bool try_tun, int *ret_fd,
	     enum tap_kind *ret_kind, int *ret_marker, struct err *err);
