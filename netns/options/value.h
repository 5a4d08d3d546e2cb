/* SPDX-License-Identifier: Apache-2.0 */
/* Values of network options, as both spellings take them: value.c. */
#pragma once

#include "netns/options/options.h"

enum {
	NET_MTU_DEFAULT = 65520, /* slirp4netns' and pasta's; a tap takes up to 65521 */
	NET_MTU_MIN = 1280,	 /* IPv6 needs it (RFC 8200) */
	NET_MTU_MAX = 65521,
	NET_PREFIX4_MIN = 8,
	NET_PREFIX4_MAX = 30, /* the container, its gateway, and two that are nobody's */
	NET_PREFIX6 = 64,
};

/* Defaults with all that net_options_finish() fills in still open. */
struct net_options net_options_open(void);

/*
 * Each sets one thing from text, which may be NULL (an option without its value), and refuses what
 * is no such thing. name is the option's, as the user typed it.
 */
int net_value_bool(const char *name, const char *text, bool *ret, struct err *err);
int net_value_mtu(const char *text, struct net_options *options, struct err *err);
/* "10.0.3.0/24": the network alone. */
int net_value_cidr(const char *text, struct net_options *options, struct err *err);
/* "ADDRESS[/BITS]" of either family: the container's own. */
int net_value_address(const char *name, const char *text, struct net_options *options,
		      struct err *err);
/* "24" or "255.255.255.0". */
int net_value_netmask(const char *text, struct net_options *options, struct err *err);
int net_value_ifname(const char *name, const char *text, char ret[IFNAMSIZ], struct err *err);

/* An address of either family goes to the field of its family; which was it? AF_INET, AF_INET6. */
int net_value_either(const char *name, const char *text, struct in_addr *ret4,
		     struct in6_addr *ret6, struct err *err);
int net_value_outbound(const char *name, const char *text, struct net_options *options,
		       struct err *err);
/* An address, or "none". */
int net_value_map_host(const char *name, const char *text, struct net_options *options,
		       struct err *err);
int net_value_map_guest(const char *name, const char *text, struct net_options *options,
			struct err *err);

/*
 * Pasta's port syntax: "none", or [ADDRESS/]PORTS with PORTS a list of FIRST[-LAST][:TO[-TOLAST]]
 * and ~FIRST[-LAST] (left out). from_container: -T, where FIRST is the container's port, TO the
 * host's, and ADDRESS can only be a loopback one.
 * Adds to list (NULL: checks only).
 */
int net_value_ports(const char *name, const char *text, bool udp, bool from_container,
		    struct port_list *list, struct err *err);
