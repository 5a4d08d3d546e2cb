/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces: make one, enter one, and give its links and addresses by rtnetlink(7).
 *
 * All of it is a few raw netlink messages, without libnl: the hot path of `bryo run` goes
 * through here, and each call below costs one sendmsg and one recvmsg however many objects it
 * changes.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * Sets lo up in the caller's own network namespace (the kernel then gives it 127.0.0.1 and ::1).
 * Needs CAP_NET_ADMIN over it. For --network=none, called by the container's init before it
 * gives up its capabilities: no allocation, safe after clone(CLONE_VM) or vfork. 0 or a negative
 * errno.
 */
int netns_lo_up(void);

/*
 * Makes a new network namespace, owned by the caller's user namespace (CAP_SYS_ADMIN in it),
 * with lo up, that lives as long as the descriptor (or something that was made in it). The caller
 * (which must have no threads) goes there and back. *ret_fd is close-on-exec.
 */
int netns_create(int *ret_fd, struct err *err);

/* Opens the network namespace of a process; *ret_fd is close-on-exec. */
int netns_open(int pid, int *ret_fd, struct err *err);

/* One interface with its addresses, as netns_link_set() gives it. */
struct netns_link {
	const char *name;
	uint32_t mtu;	      /* 0: as it is */
	struct in_addr addr4; /* 0.0.0.0: none */
	uint8_t prefix4;
	struct in_addr gateway4; /* default route; 0.0.0.0: none */
	bool has6;
	struct in6_addr addr6;
	uint8_t prefix6;
	struct in6_addr gateway6; /* default route; ::: none */
};

/*
 * In the caller's own network namespace: lo up, link up with its MTU, its addresses (IPv6 without
 * duplicate address detection: usable at once) and default routes. One batch; the error names
 * the first step that failed.
 */
int netns_link_set(const struct netns_link *link, struct err *err);

/* False where the kernel was started with ipv6.disable=1, or built without. */
bool netns_has_ipv6(void);

/*
 * Makes a pair of veth interfaces: name in the caller's namespace, peer in that of peer_ns_fd.
 * Neither is up. 0 or a negative errno.
 */
int netns_veth_create(const char *name, const char *peer, int peer_ns_fd);
