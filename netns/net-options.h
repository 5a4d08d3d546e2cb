/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the user-mode network of a container is to be: the settings behind the default network,
 * --network=slirp4netns[:OPTION,...] and --network=pasta[:OPTION,...]. All of them name the same
 * stack of ours; the two spellings are Podman's, kept so that command lines keep working.
 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

struct net_options {
	char ifname[IFNAMSIZ];	  /* inside the container: tap0 */
	uint32_t mtu;		  /* 65520 */
	struct in_addr net4;	  /* 10.0.2.0 */
	uint8_t prefix4;	  /* 24; 8 to 25 */
	bool ipv6;		  /* on */
	struct in6_addr net6;	  /* fd62:7279:6f00::, always /64 */
	bool host_loopback;	  /* the gateway's address reaches the host's loopback: off */
	bool metadata;		  /* 169.254.169.254 may be reached: off */
	bool dns;		  /* our forwarder answers at net_dns4()/net_dns6(): on */
	struct in_addr outbound4; /* source address of connections; 0.0.0.0: the kernel's choice */
	bool has_outbound6;
	struct in6_addr outbound6;
};

/* What the default network has. */
struct net_options net_options_default(void);

/*
 * Options behind "slirp4netns:" or "pasta:" (NULL or "" give the defaults): what our stack has is
 * set, what it does not have yet and what nobody knows is refused by name.
 *
 *   slirp4netns  allow_host_loopback=, cidr=, enable_ipv6=, mtu=, outbound_addr=, outbound_addr6=,
 *                port_handler=rootlesskit|slirp4netns (both mean ours)
 *   pasta        -4 / --ipv4-only, -m / --mtu, -I / --ns-ifname, -o / --outbound, --map-gw,
 *                --no-map-gw; accepted and without meaning here: --config-net, --no-dhcp,
 *                --no-dhcpv6, --no-ndp, --no-ra, -q / --quiet
 */
int net_options_slirp4netns(const char *text, struct net_options *ret_options, struct err *err);
int net_options_pasta(const char *text, struct net_options *ret_options, struct err *err);

/* Addresses that follow from the options: gateway .2, DNS .3, container .100 (as slirp4netns). */
struct in_addr net_gateway4(const struct net_options *options);
struct in_addr net_dns4(const struct net_options *options);
struct in_addr net_container4(const struct net_options *options);
struct in6_addr net_gateway6(const struct net_options *options);
struct in6_addr net_dns6(const struct net_options *options);
struct in6_addr net_container6(const struct net_options *options);
