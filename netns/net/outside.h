/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: what lies outside of the container and may be reached by it, what is its own. The same
 * rules as policy.h's for frames, for connections that are made without any.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "netns/options/options.h"

/*
 * True for an address of the outside: not this host's loopback in any form, not multicast or
 * broadcast, not link-local IPv6, not in the container's own network, not a metadata service.
 */
bool outside_has4(const struct net_options *options, struct in_addr address);
bool outside_has6(const struct net_options *options, const struct in6_addr *address);

/* True for the container's own addresses, its loopback and "this host" (0.0.0.0, ::) among them. */
bool outside_is_own4(const struct net_options *options, struct in_addr address);
bool outside_is_own6(const struct net_options *options, const struct in6_addr *address);

/* Metadata services of clouds: 169.254.169.254 and Amazon's fd00:ec2::254. */
bool outside_is_metadata4(struct in_addr address);
bool outside_is_metadata6(const struct in6_addr *address);
