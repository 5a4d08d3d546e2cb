/* SPDX-License-Identifier: Apache-2.0 */
/* The settings message of bryo-net: any bytes. */
#include <stdint.h>

#include "netns/net-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_options options = { 0 };
	struct port_list ports = PORT_LIST_INIT;
	struct port_list host_ports = PORT_LIST_INIT;

	(void)net_message_parse((const char *)data, size, &options, &ports, &host_ports, NULL);
	port_list_done(&ports);
	port_list_done(&host_ports);
	return 0;
}
