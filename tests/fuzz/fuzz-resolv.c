/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf: any bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "netns/net/dns.h"
#include "netns/resolv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns dns;
	struct resolv resolv;

	resolv_parse((const char *)data, size, &resolv);
	assert(resolv.server_count <= RESOLV_MAX_SERVERS);
	for (size_t i = 0; i < resolv.server_count; i++)
		(void)resolv_is_loopback(resolv.servers[i]);
	dns_set_servers(&dns, &resolv);
	assert(dns.four.count + dns.six.count <= resolv.server_count);
	return 0;
}
