/* SPDX-License-Identifier: Apache-2.0 */
/* Options of --network=slirp, slirp4netns and pasta: any text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/net-message.h"
#include "netns/options/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a command line gives, bryo-net must take, and see as it was meant. */
static void check(struct net_options options, const struct port_list *published,
		  const struct port_list *host)
{
	auto_free char *text = net_message_text(&options, published, host);
	struct port_list ports = PORT_LIST_INIT;
	struct port_list host_ports = PORT_LIST_INIT;
	struct net_options back = { 0 };

	assert(net_message_parse(text, strlen(text), &back, &ports, &host_ports, NULL) == 0);
	assert(ports.count == published->count && host_ports.count == host->count);
	/* Resolvers do not travel. */
	options.own_resolvers = false;
	options.resolver_count = 0;
	memset(options.resolvers, 0, sizeof(options.resolvers));
	assert(memcmp(&back, &options, sizeof(back)) == 0);
	port_list_done(&ports);
	port_list_done(&host_ports);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	struct port_list published = PORT_LIST_INIT;
	struct port_list host = PORT_LIST_INIT;
	const struct net_option_ports ports = { .published = &published, .host = &host };
	const struct port_list none = PORT_LIST_INIT;
	struct net_options options = { 0 };

	if (net_options_slirp4netns(text, &options, NULL) == 0)
		check(options, &none, &none);
	if (net_options_slirp(text, &options, NULL) == 0)
		check(options, &none, &none);
	if (net_options_pasta(text, &options, &ports, NULL) == 0)
		check(options, &published, &host);
	if (net_options_parse(text, &options, NULL, NULL) == 0)
		check(options, &none, &none);
	port_list_done(&published);
	port_list_done(&host);
	return 0;
}
