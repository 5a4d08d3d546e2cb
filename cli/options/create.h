/* SPDX-License-Identifier: Apache-2.0 */
/* The options that run and create share, and how they become a request. */
#pragma once

#include <stdbool.h>

#include "cli/options/option.h"
#include "engine/spec/request.h"

struct cli;
struct err;

/* The first member of the options of run and create. */
struct cli_create {
	struct request request;
	const char *arch, *os, *variant;
	bool rootfs;
	enum request_bool rm; /* --rmi=true implies it, and contradicts --rm=false */
};

/* Options into a struct cli_create. */
extern const struct cli_group cli_create_group;

/* The section of both manuals on --network. */
#define CLI_CREATE_NETWORK_NOTES                                                                   \
	"## NETWORK\n\n"                                                                           \
	"**--network** takes one of:\n\n"                                                          \
	"**private** The default: a network of the container's own, carried by bryo-net with "     \
	"this "                                                                                    \
	"user's rights.\n\n"                                                                       \
	"**slirp**, **slirp4netns**, **pasta** The same; behind a colon options with commas "      \
	"between, in "                                                                             \
	"either program's spelling: addresses (cidr=, address=, gateway=; -a, "                    \
	"-n, -g), families (ipv4=, ipv6=, enable\\_ipv6=; -4, -6), mtu= (-m), the host's "         \
	"loopback "                                                                                \
	"(allow\\_host\\_loopback=; --map-gw), resolvers (dns=, dns\\_addr=; -D, --dns-forward), " \
	"source addresses (outbound\\_addr=; -o), ports (-t, -u as **--publish** does it; -T "     \
	"PORT: a "                                                                                 \
	"TCP port of the host's loopback at the container's own), and "                            \
	"port\\_handler=splice, by which published TCP ports bypass the user-mode network. What "  \
	"bryo "                                                                                    \
	"does not have is refused by name.\n\n"                                                    \
	"**none** The loopback alone. **host** The host's. **container:**NAME Another "            \
	"container's, "                                                                            \
	"with its hosts and resolv.conf. **ns:**PATH One that is there already. Ports cannot be "  \
	"published with these.\n\n"                                                                \
	"default\\_rootless\\_network\\_cmd, pasta\\_options and network\\_cmd\\_options of "      \
	"containers.conf(5) apply. Sockets that **bryo** inherits (LISTEN\\_FDS, "                 \
	"sd\\_listen\\_fds(3)) "                                                                   \
	"serve the published ports that they are bound to; all others go to the container.\n"

/*
 * Completes the request with what is no option's own value: image (or root file system) and
 * command from the positionals, the platform from its parts, settings of bryo's own options. 0
 * or -EINVAL with err.
 */
int cli_create_finish(const struct cli *cli, struct cli_create *create, struct err *err);

/*
 * create-network.c: refuses --dns and the like where the container gets no resolv.conf, and says on
 * standard error that -p publishes nothing where the network is not the container's own.
 */
int cli_create_check_network(const struct request *request, struct err *err);
