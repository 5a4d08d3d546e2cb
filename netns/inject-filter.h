/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container whose connections are made by bryo-net (netns/net/inject, "tier 1"): what keeps it
 * from misusing the sockets of the host that it is given, and which of its system calls stop and
 * wait for bryo-net's word. Installed beside the container's own profile, by its first process and
 * by each exec.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A system call filter alone cannot keep a container from connecting a socket of the host
 * elsewhere: calls on other sockets go on into the kernel, and another thread may change descriptor
 * and address meanwhile. This can (docs/network.md and decision 14 have the argument):
 */
enum inject_wall {
	INJECT_WALL_NONE, /* this kernel has none: no injection unless asked for */
	/*
	 * A Landlock domain that denies the container TCP connect and bind (ABI 4, Linux 6.7):
	 * all of them, on its own loopback too, are made by bryo-net. Its price: processes of
	 * two domains, the container's and an exec's, cannot trace each other.
	 */
	INJECT_WALL_LANDLOCK,
};

/*
 * Whether it works here. The caller stands in the host's network namespace. Also asks for
 * SO_NETNS_COOKIE (Linux 5.14), the youngest of the other things that are needed, and that no SMC
 * sockets can be made of TCP ones, which would go around Landlock.
 */
enum inject_wall inject_wall_find(void);

#define INJECT_FILTER_MAX 128

struct inject_filter {
	struct sock_filter code[INJECT_FILTER_MAX];
	uint16_t count; /* 0: this machine's architecture has none */
};

/*
 * Stops connect(2), epoll_create(2) (which sets a socket may be in must be known),
 * landlock_create_ruleset(2) (see inject.c), with listens listen(2), and behind Landlock bind(2).
 * Denied: MSG_FASTOPEN and TCP_FASTOPEN_CONNECT, by which data or a connection could go elsewhere
 * (Landlock does not see them), and io_uring, which would go around this filter. Programs fall back
 * to the plain calls.
 */
void inject_filter_make(enum inject_wall wall, bool listens, struct inject_filter *ret_filter);
