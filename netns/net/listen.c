/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: see listen.h. Runs in bryo-net before its sandbox, and as it ends. */
#include "netns/net/listen.h"

#include <errno.h>
#include <string.h>

#include "engine/base/err.h"
#include "netns/net/relay.h"

static int open_one(struct relay *relay, const struct port_map *one, struct err *err)
{
	int r = relay->ops->publish(relay->stack, one);

	return r < 0 ? port_explain(one, r, err) : 0;
}

/* The two sides of "all addresses". A host or a container without IPv6 has only the first. */
static int open_all(struct relay *relay, struct port_map *one, struct err *err)
{
	int r = 0;

	(void)strcpy(one->host_ip, "0.0.0.0");
	r = open_one(relay, one, err);
	if (r < 0)
		return r;
	(void)strcpy(one->host_ip, "::");
	r = relay->ops->publish(relay->stack, one);
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
		return 0;
	return r < 0 ? port_explain(one, r, err) : 0;
}

int listen_open(struct relay *relay, const struct port_list *ports, struct err *err)
{
	for (size_t i = 0; i < ports->count; i++) {
		for (uint32_t n = 0; n < ports->maps[i].count; n++) {
			struct port_map one = ports->maps[i];
			int r = 0;

			if (one.host_port == 0)
				return err_say(err, ERR_FAILED,
					       "container port %u has no host port",
					       one.container_port);
			one.host_port = (uint16_t)(one.host_port + n);
			one.container_port = (uint16_t)(one.container_port + n);
			one.count = 1;
			r = *one.host_ip == '\0' ? open_all(relay, &one, err)
						 : open_one(relay, &one, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

void listen_close(struct relay *relay, const struct port_list *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		for (uint32_t n = 0; n < ports->maps[i].count; n++) {
			struct port_map one = ports->maps[i];

			one.host_port = (uint16_t)(one.host_port + n);
			if (*one.host_ip != '\0') {
				relay->ops->unpublish(relay->stack, &one);
				continue;
			}
			(void)strcpy(one.host_ip, "0.0.0.0");
			relay->ops->unpublish(relay->stack, &one);
			(void)strcpy(one.host_ip, "::");
			relay->ops->unpublish(relay->stack, &one);
		}
	}
}
