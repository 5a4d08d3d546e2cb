/* SPDX-License-Identifier: Apache-2.0 */
/* Where the container's network lies when the user did not say. */
#pragma once

struct net_options;

/*
 * The default IPv4 network, 10.0.2.0/24, gives way where this host has a route to it (QEMU and
 * VirtualBox give it to their guests): the next free one up to 10.0.254.0/24, else it stays. What
 * the user chose stays as it is. Reads the routes of the caller's network namespace.
 */
void aside_move(struct net_options *options);
