/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports of a container whose packets the kernel forwards: nobody listens on them, yet no
 * other program of the host and no other container may have them. Sockets that are bound and read
 * by nobody see to that, for as long as whoever holds them lives.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct port_list;

struct port_hold {
	int *fds;
	size_t count;
	int least; /* while it is opened: the numbers that its descriptors are to have, 0: any */
};
#define PORT_HOLD_INIT ((struct port_hold){ 0 })

/*
 * Binds every port of the list in this process's network namespace: TCP and UDP, an entry for all
 * addresses on 0.0.0.0 and, with ipv6, on [::]. All or nothing; the error is in Podman's words and
 * names the port, as bryo-net's does. The descriptors are close-on-exec.
 */
int port_hold_open(const struct port_list *ports, bool ipv6, struct port_hold *ret_hold,
		   struct err *err);

/* Others may have the ports when this returns. */
void port_hold_done(struct port_hold *hold);
