/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of a network, given to one container each, without a daemon: one file,
 *
 *     RUN/networks/NAME.INODE     INODE: of the network namespace that the network is in
 *
 * whose byte ranges are locks (OFD locks, fcntl(2)) and whose content says what they cannot:
 *
 *     lock 0                      the change lock: rules, bridge and content change under it alone
 *     lock n                      held by the monitor whose container has the address net4 + n
 *     lock 2^62 + low 62 bits of an IPv6 address's host part
 *     header, then byte n         1: something of that container may stand in rules and links
 *
 * A lock goes with its holder, so a killed monitor's address is free at once; its byte is still 1
 * then, which is how what it left behind is found. The file is as long as the highest address
 * given.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netns/bridge/bridge.h"

enum { LEASE_STALE_MAX = 64 };

/* Who is there, as lease_count() finds it. Stale ones beyond the array are found the next time. */
struct lease_census {
	uint32_t living;
	uint32_t stale_count;
	uint32_t stale[LEASE_STALE_MAX]; /* their numbers */
};

/* Opens the network's file, making it; *ret_fd is close-on-exec. A new description each time. */
int lease_open(int run_fd, const char *network, int *ret_fd, struct err *err);

/* The change lock, until the descriptor is closed or lease_unlock(). 0 or a negative errno. */
int lease_lock(int fd);
void lease_unlock(int fd);

/*
 * Under the change lock, which it takes: an address for a container, wished or the next free one
 * (those given last come last), its byte set. The address belongs to fd's description from then on.
 * network->net4 becomes the subnet that is in use: with living containers theirs; else the
 * network's own, or where it moves and is_taken() says so the next free one of the same size.
 * Returns the number, or a negative errno. ipv6: give an IPv6 address too.
 */
struct lease_args {
	int fd;
	const struct bridge_wish *wish;
	bool ipv6;
	/* May a subnet not be used? NULL: each may. */
	bool (*is_taken)(void *data, struct in_addr net4, uint8_t prefix4);
	void *data;
};
int lease_take(const struct lease_args *args, struct bridge_network *network,
	       struct bridge_address *ret_address, struct err *err);

/* Under the change lock: who else (than the container with this number) has an address. */
int lease_count(int fd, uint32_t own, struct lease_census *ret_census);
/* Under the change lock: is its byte set, and its lock held by another description than fd's? */
bool lease_is_living(int fd, uint32_t number);
/* Under the change lock: nothing of this container is left. */
int lease_clear(int fd, uint32_t number);
/* Without a lock: is there a byte set whose lock is free? */
bool lease_has_stale(int fd);

/* The address that a number stands for, and back (0: outside of the subnet). */
struct in_addr lease_address(const struct bridge_network *network, uint32_t number);
uint32_t lease_number(const struct bridge_network *network, struct in_addr address);
