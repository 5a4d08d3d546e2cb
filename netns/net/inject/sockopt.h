/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program set on its socket before it connects or listens, carried over to the socket of the
 * host that takes its place (socket(7), tcp(7), ip(7), ipv6(7)).
 */
#pragma once

#include <stdbool.h>

/*
 * Learns what a new socket of the host has, once; options that a program left alone are left alone.
 * 0 or a negative errno (no IPv6 is no error).
 */
int sockopt_init(void);

/*
 * Copies from the container's socket to the host's, both of this family. What cannot be set there
 * is a negative errno: the caller leaves that connection to the user-mode stack, which carries the
 * program's own socket, options and all. used: it had a connection before (and is the host's).
 */
int sockopt_copy(int family, int from, int to, bool used);

/* True when the socket has something that cannot be carried over: a filter, a device, a mark. */
bool sockopt_is_special(int fd);
