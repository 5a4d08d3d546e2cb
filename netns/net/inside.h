/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that are made in the container's network namespace and used by bryo-net in its own: a
 * socket belongs to the namespace it was made in, whoever holds it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct port_list;

enum { INSIDE_MAX = 128 };

/* A listening TCP socket on the container's loopback, and the host's port behind it. */
struct inside_socket {
	int fd; /* close-on-exec, non-blocking */
	int family;
	uint16_t host_port;
};

/*
 * Listens in the network namespace of netns_fd, whose lo is up, on the container_port of each
 * entry: at its host_ip (127.0.0.1 or ::1), or both where that is empty. The work is done by a
 * vforked child that enters the namespace. The caller owns the sockets. More than INSIDE_MAX are
 * refused; what cannot be bound is an error that names the port.
 */
int inside_listen(int netns_fd, const struct port_list *ports, struct inside_socket *ret_sockets,
		  size_t *ret_count, struct err *err);
