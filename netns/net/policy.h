/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames of the container may reach the stack. The stack opens sockets with this user's
 * rights in the host's network namespace, so whatever is let through here can be talked to: host
 * loopback, link-local and metadata addresses are not, unless asked for.
 */
#pragma once

#include <stdbool.h>

#include "netns/net-options.h"
#include "netns/net/packet.h"

/* True when the frame may go on. Total: any packet that parses has an answer. */
bool policy_allows(const struct net_options *options, const struct packet *packet);
