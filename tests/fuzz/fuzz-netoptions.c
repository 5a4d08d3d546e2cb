/* SPDX-License-Identifier: Apache-2.0 */
/* Options of --network=slirp4netns and pasta: any text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/net-message.h"
#include "netns/net-options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a command line gives, bryo-net must take. */
static void check(const struct net_options *options)
{
	auto_free char *text = net_message_text(options, NULL);
	struct port_list ports = PORT_LIST_INIT;
	struct net_options back = { 0 };

	assert(net_message_parse(text, strlen(text), &back, &ports, NULL) == 0);
	port_list_done(&ports);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	struct net_options options = { 0 };

	if (net_options_slirp4netns(text, &options, NULL) == 0)
		check(&options);
	if (net_options_pasta(text, &options, NULL) == 0)
		check(&options);
	return 0;
}
