/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own addresses, as connections to the outside have them. */
#pragma once

#include "netns/options/options.h"

/*
 * Finds own4 and own6 where map_guest4 or map_guest6 wants them, in the caller's network namespace.
 * An error where this host has no such address.
 */
int own_address_find(struct net_options *options, struct err *err);
