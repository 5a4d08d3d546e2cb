/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the user-mode network of a container is to be: the settings behind the default network and
 * --network=slirp[:OPTION,...], slirp4netns[:OPTION,...] and pasta[:OPTION,...]. All of them name
 * the same stack of ours; the latter two are Podman's spellings (podman-run(1), slirp4netns(1),
 * pasta(1)), kept so that command lines keep working.
 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct port_list;

/* Sockets of the host handed into the container (netns/net/inject): where it can be done, or not.
 */
enum net_fast { NET_FAST_AUTO, NET_FAST_ON, NET_FAST_OFF };

/* What carries the bytes of a published TCP port: frames, or pipes between two sockets. */
enum net_port_handler { NET_PORTS_STACK, NET_PORTS_SPLICE };

enum { NET_RESOLVERS_MAX = 4 };

/*
 * A plain value: no member owns anything. Addresses that were not asked for follow from the
 * network: gateway .2, DNS .3, container .100 (as slirp4netns). Those of a family that is off are
 * not to be looked at.
 */
struct net_options {
	char ifname[IFNAMSIZ]; /* inside the container: tap0 */
	uint32_t mtu;	       /* 65520 */

	bool ipv4;	     /* on */
	struct in_addr net4; /* 10.0.2.0 */
	uint8_t prefix4;     /* 24; 8 to 30 */
	struct in_addr container4;
	struct in_addr gateway4; /* in net4 */
	struct in_addr dns4;	 /* may be outside of net4 */

	bool ipv6;	      /* on */
	struct in6_addr net6; /* fd62:7279:6f00:: */
	uint8_t prefix6;      /* always 64 */
	struct in6_addr container6;
	struct in6_addr gateway6; /* in net6 */
	struct in6_addr dns6;

	bool host_loopback;	    /* the host's loopback can be reached: off */
	struct in_addr map_host4;   /* under this address; 0.0.0.0: the gateway's */
	struct in6_addr map_host6;  /* the same; :: is the gateway's */
	struct in_addr map_guest4;  /* reaches the host's own address; 0.0.0.0: none */
	struct in6_addr map_guest6; /* the same; :: is none */
	struct in_addr own4;	    /* that address; found by bryo-net, does not travel */
	struct in6_addr own6;

	bool metadata; /* 169.254.169.254 may be reached: off */
	bool dns;      /* our forwarder answers at dns4, dns6: on */
	bool tcp;      /* carried: on */
	bool udp;
	bool icmp;

	struct in_addr outbound4; /* source address of connections; 0.0.0.0: the kernel's choice */
	bool has_outbound6;
	struct in6_addr outbound6;
	char outbound_if4[IFNAMSIZ]; /* sockets are bound to this device of the host; "": none */
	char outbound_if6[IFNAMSIZ];

	enum net_fast fast;
	enum net_port_handler ports;

	/* For the container's resolv.conf only (pasta's -D); bryo-net is not told. */
	bool own_resolvers; /* these, maybe none at all, instead of the forwarder and the host's */
	size_t resolver_count;
	char resolvers[NET_RESOLVERS_MAX][INET6_ADDRSTRLEN];
};

/* Ports that come with the options; the caller's lists, which are added to. NULL: not wanted. */
struct net_option_ports {
	struct port_list *published; /* pasta's -t and -u, beside --publish */
	struct port_list *host;	     /* -T: ports of the host's loopback, for the container's own */
};

/* What the default network has. */
struct net_options net_options_default(void);

/* True for "slirp", "slirp4netns" and "pasta", alone or with a colon and options. */
bool net_options_is_mode(const char *mode);

/*
 * A whole mode as net_options_is_mode() knows it; NULL, "" and any other give the defaults. What
 * our stack has is set; what it does not have and what nobody knows is refused by name.
 */
int net_options_parse(const char *mode, struct net_options *ret_options,
		      const struct net_option_ports *ports, struct err *err);

/*
 * The options behind "slirp4netns:" or "slirp:" (NULL or "" give the defaults):
 *
 *   both   allow_host_loopback=, cidr=, enable_ipv6=, mtu= (0: the default), outbound_addr= and
 *          outbound_addr6= (an address or an interface of the host),
 *          port_handler=rootlesskit|slirp4netns|builtin|splice (the first three mean ours)
 *   slirp  fast=on|off|auto, ipv4=, ipv6=, dns=, metadata=, tcp=, udp=, icmp=, ifname=, address=,
 *          gateway=, dns_addr=, outbound_if=, map_host=, map_guest=
 */
int net_options_slirp4netns(const char *text, struct net_options *ret_options, struct err *err);
int net_options_slirp(const char *text, struct net_options *ret_options, struct err *err);

/*
 * The options behind "pasta:": its command line, with commas for blanks. The table in
 * pasta.c says which are taken, which mean nothing here and which are refused.
 */
int net_options_pasta(const char *text, struct net_options *ret_options,
		      const struct net_option_ports *ports, struct err *err);

/*
 * Fills what was left open (all zero) from the network, and checks that all fits together. Called
 * by the parsers above and for what came over a socket; total.
 */
int net_options_finish(struct net_options *options, struct err *err);

struct in_addr net_gateway4(const struct net_options *options);
struct in_addr net_dns4(const struct net_options *options);
struct in_addr net_container4(const struct net_options *options);
struct in6_addr net_gateway6(const struct net_options *options);
struct in6_addr net_dns6(const struct net_options *options);
struct in6_addr net_container6(const struct net_options *options);
/* The address that means the host's loopback, where host_loopback is set. */
struct in_addr net_loopback4(const struct net_options *options);
struct in6_addr net_loopback6(const struct net_options *options);

/*
 * What an address that the container sends to stands for on the host: loopback for that of
 * net_loopback4(), the host's own for map_guest4, and the same of IPv6. False: for itself.
 * ret_real may be NULL.
 */
bool net_mapped4(const struct net_options *options, struct in_addr to, struct in_addr *ret_real);
bool net_mapped6(const struct net_options *options, const struct in6_addr *to,
		 struct in6_addr *ret_real);
