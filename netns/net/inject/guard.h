/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a socket of the host safe in a container's hands: a filter on its incoming packets,
 * attached before the container has it and locked (SO_LOCK_FILTER, socket(7)), so that neither the
 * container nor whoever it passes the socket to can take it off.
 *
 * The container may disconnect the socket, connect it elsewhere, bind it or listen on it, by races
 * that no system call filter can close. It will not get a connection: the handshake's packets from
 * anybody but the peer that was allowed do not pass, in the kernel's own receive path
 * (tcp_v4_rcv() calls sk_filter before anything else looks at a packet), whatever the socket did
 * since. docs/network.md has the whole argument.
 */
#pragma once

#include <linux/filter.h>
#include <netinet/in.h>
#include <stdint.h>

enum { GUARD_CODE_MAX = 24 };

/* A filter as the kernel takes it. */
struct guard {
	struct sock_filter steps[GUARD_CODE_MAX];
	uint16_t count;
};

/*
 * For a socket that is going to connect to peer (AF_INET, or AF_INET6 with or without a mapped
 * IPv4 address): packets of that address and port only, and none that opens a connection towards
 * us. 0 or -EAFNOSUPPORT.
 */
int guard_peer(const struct sockaddr *peer, struct guard *ret_guard);

/*
 * For a socket that listens on port, and what it accepts, which inherits the filter: packets for
 * that port only, and none that would complete a connection that it began itself (SYN with ACK).
 */
void guard_port(uint16_t port, struct guard *ret_guard);

/* Attaches and locks it. 0 or a negative errno; then the socket must not be given away. */
int guard_attach(const struct guard *guard, int fd);
