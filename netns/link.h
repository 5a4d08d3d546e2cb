/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bridges and what is plugged into them, by rtnetlink(7). All in the caller's network namespace,
 * with CAP_NET_ADMIN over it; each call is one message to the kernel and one answer.
 */
#pragma once

#include <net/if.h>
#include <stdint.h>

struct err;

/*
 * Makes a bridge (-EEXIST where the name is taken) with a hardware address of its own, so that it
 * does not change with what is plugged in; not up. 0 or a negative errno.
 */
int link_bridge_create(const char *name);

struct link_veth {
	const char *name;   /* the host's end */
	const char *bridge; /* what it is plugged into */
	const char *peer;   /* the container's end */
	int peer_ns_fd;	    /* and its network namespace */
	const uint8_t *mac; /* of the container's end, 6 bytes */
	uint32_t mtu;	    /* of both; 0: the kernel's */
};
/*
 * Makes a pair, the host's end up and without an IPv6 address of its own, the other one down. The
 * error names the step. Needs CAP_NET_ADMIN over the other namespace too.
 */
int link_veth_create(const struct link_veth *veth, struct err *err);

/* 0, or a negative errno; a link that is gone already is fine. */
int link_delete(const char *name);
