/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of a network: bridge, forwarding, rules; and all that one container has there. */
#pragma once

struct bridge_message;
struct bridge_network;
struct err;

/*
 * Under the change lock (lease_lock()): the bridge with its addresses, the table and in it the
 * container's ports, forwarding of IPv4 switched on. What is there already is left as it is; what
 * dead containers left is taken away. lease_fd: the network's file of addresses.
 */
int host_up(const struct bridge_message *message, int lease_fd, struct err *err);

/*
 * The container's end and the host's: a veth pair, the container's address and routes. Leaves this
 * process in the container's network namespace.
 */
int host_connect(const struct bridge_message *message, int netns_fd, struct err *err);

/* Under the change lock: the container's ports lead nowhere. */
int host_unpublish(const struct bridge_message *message, struct err *err);

/* The veth pair is gone. Takes the kernel some 20 ms: not under the lock. */
int host_disconnect(const struct bridge_message *message, struct err *err);

/*
 * Under the change lock: the container has no address any more, and when it was the last one
 * nothing is left of the network.
 */
int host_leave(const struct bridge_message *message, int lease_fd, struct err *err);

/* Under the change lock: what dead containers left, and the network when nobody lives in it. */
int host_repair(const struct bridge_network *network, int lease_fd, struct err *err);
