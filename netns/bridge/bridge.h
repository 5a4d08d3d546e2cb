/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of privileged mode: containers behind veth pairs on a bridge, with address
 * translation by nftables. This is what the monitor links; what talks to nftables and makes the
 * links is the program bryo-bridge, which runs for a moment at a container's start and at its end:
 *
 *     monitor                                   bryo-bridge
 *     bridge_start()       ── exec "up" ─────>  bridge, forwarding, rules, published ports
 *       (address taken, ports bound before)
 *     clone3() the container
 *     bridge_attach(netns) ── fd ────────────>  veth pair, addresses and routes in there
 *     bridge_wait_ready()  <── 0 or an error ─  ends
 *     ... container runs; the monitor holds the address and the ports ...
 *     bridge_stop()        ── exec "down" ───>  the container's ports, its veth pair;
 *                          <── ports gone ────  with the last container the rules and the bridge
 *     bridge_reap()        <── end ───────────
 *
 * What a killed monitor leaves (lease.h tells) the next bridge_start() or bridge_repair()
 * takes away. All functions want to be called in the host's network namespace, by its root.
 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netns/net.h"
#include "netns/port/hold.h"
#include "netns/port/port.h"

struct err;
struct json_t;

/*
 * A network, as whoever keeps such objects describes it. Nothing below knows which one it is.
 * Names hold letters, digits, - _ and . only.
 */
struct bridge_network {
	char name[64];	       /* "podman": what users call it, and its file of addresses */
	char id[65];	       /* for inspect; Podman's is the SHA-256 of the name */
	char bridge[IFNAMSIZ]; /* "bryo0" */
	char table[64];	       /* of nftables: "bryo" */
	char ifname[IFNAMSIZ]; /* in the container: "eth0" */
	uint32_t mtu;	       /* 0: that of the host's default route */
	struct in_addr net4;   /* 10.88.0.0, without host bits */
	uint8_t prefix4;       /* 16; 8 to 29 */
	bool moves; /* another subnet is as good where the host routes this one elsewhere */
	bool ipv6;  /* has net6 as well; used where the host forwards IPv6 */
	struct in6_addr net6; /* always /64 */
};

/* The one that every container of root is in unless it says otherwise. */
struct bridge_network bridge_network_default(void);

/* What a container asks for: --ip, --ip6, --mac-address. All zero: nothing. */
struct bridge_wish {
	struct in_addr ip4;
	bool has6, has_mac;
	struct in6_addr ip6;
	uint8_t mac[6];
};
/* Reads the three as flags have them (NULL: not given), in Podman's words where they are wrong. */
int bridge_wish_parse(const char *ip, const char *ip6, const char *mac,
		      struct bridge_wish *ret_wish, struct err *err);

/* What a container has got. */
struct bridge_address {
	struct in_addr ip4, gateway4;
	uint8_t prefix4;
	bool has6;
	struct in6_addr ip6, gateway6; /* /64 */
	uint8_t mac[6];
};

/*
 * For records: {"network","network_id","ip","prefix","gateway","mac"[,"ip6","gateway6"]}. The new
 * object is the caller's.
 */
struct json_t *bridge_address_json(const struct bridge_network *network,
				   const struct bridge_address *address);

struct bridge_args {
	int run_fd; /* the run folder; must stay open for as long as the bridge */
	const struct bridge_network *network;
	const struct bridge_wish *wish;
	const struct port_list *ports; /* none without a host port; copied */
	const char *id;		       /* the container's, 64 digits */
};

/* One container's part of the network. */
struct bridge {
	struct bridge_network network; /* with the subnet that was chosen */
	struct bridge_address address;
	uint32_t number; /* of the address in its subnet; 0: nothing is up */
	int lease_fd;	 /* holds the address */
	bool pinned;	 /* it was asked for by name: free when bridge_stop() returns */
	int run_fd;	 /* not ours */
	char id[65];
	char veth[IFNAMSIZ]; /* the host's end */
	struct port_list ports;
	struct port_hold hold;
	struct net_process helper; /* bryo-bridge, while it runs */
};
#define BRIDGE_INIT ((struct bridge){ .lease_fd = -1, .run_fd = -1, .helper = NET_PROCESS_INIT })

/*
 * Takes an address, binds the ports and starts bryo-bridge: call it before the container is cloned.
 * After an error nothing is left. ret_note (may be NULL) gets a line for the user, or NULL; the
 * caller's.
 */
int bridge_start(const struct bridge_args *args, struct bridge *ret_bridge, char **ret_note,
		 struct err *err);

/* Tells bryo-bridge the container's network namespace; the descriptor stays the caller's. */
int bridge_attach(struct bridge *bridge, int netns_fd, struct err *err);

/* Waits until the network can be used. After an error call bridge_stop(). */
int bridge_wait_ready(struct bridge *bridge, int timeout_ms, struct err *err);

/*
 * Takes the container out of the network. Its ports are free and lead nowhere when this returns;
 * the rest goes on in bryo-bridge, and the address stays taken, until bridge_reap(). Accepts one
 * that was never started, or was stopped already.
 */
void bridge_stop(struct bridge *bridge);
void bridge_reap(struct bridge *bridge);

/*
 * Takes away what killed monitors have left in networks of this network namespace. A look at one
 * small file for each when there is nothing. expected: a monitor that had an address is dead; as
 * its end may free one lock of its a moment before the other, this then waits up to 20 ms for
 * something to repair.
 */
void bridge_repair(int run_fd, bool expected);
