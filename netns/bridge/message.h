/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor and bryo-bridge say to each other over their SOCK_SEQPACKET socket. As with
 * bryo-net one version of bryo installs both, and each byte is checked all the same.
 *
 *   monitor -> bryo-bridge   settings: JSON, {"version":1,"task":"up","network":{...},...}
 *   monitor -> bryo-bridge   with "up": the byte 'A' with the container's network namespace
 *   bryo-bridge -> monitor   struct err: code 0, or why not. "up": the network can be used;
 *                            "down": the ports lead nowhere any more; "repair": done
 *   bryo-bridge -> monitor   end of file: all is done
 */
#pragma once

#include <stddef.h>

#include "netns/bridge/bridge.h"
#include "netns/net-message.h"

#define BRIDGE_MESSAGE_VERSION 1
#define BRIDGE_LEASE_FD (NET_SOCKET_FD + 1) /* where bryo-bridge finds the file of addresses */

enum bridge_task { BRIDGE_UP, BRIDGE_DOWN, BRIDGE_REPAIR };

struct bridge_message {
	enum bridge_task task;
	struct bridge_network network;
	/* Not with BRIDGE_REPAIR: */
	struct bridge_address address;
	uint32_t number;
	char id[65];
	char veth[IFNAMSIZ];
	struct port_list ports;
};
#define BRIDGE_MESSAGE_INIT ((struct bridge_message){ .ports = PORT_LIST_INIT })
void bridge_message_done(struct bridge_message *message);

/* The settings as text. The caller owns it. */
char *bridge_message_text(const struct bridge_message *message);

/* Reads and checks them. 0 or a negative errno. */
int bridge_message_parse(const char *data, size_t size, struct bridge_message *ret_message,
			 struct err *err);
