/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published TCP ports that go by splice (port_handler=splice): listening sockets of the host, whose
 * clients are carried to connections that the dialer makes inside, from the client's own address.
 */
#pragma once

#include <stddef.h>

#include "netns/options/options.h"
#include "netns/net/dialer.h"
#include "netns/net/listen.h"
#include "netns/net/splice.h"
#include "netns/port/port.h"

/* One listening socket and where it leads. */
struct publish_port {
	struct publish *publish;
	int fd; /* the publish' own until publish_start(), splice's then */
	uint16_t container_port;
};

struct publish {
	const struct net_options *options;
	const struct dialer *dialer;
	struct publish_port ports[SPLICE_LISTENERS];
	size_t count;
};

/*
 * Binds the TCP ports of the list, before the container exists; inherited sockets that are bound as
 * one of them wants it serve in its place. The error names the port, as
 * listen_open()'s. The storage must stay where it is.
 */
int publish_open(struct publish *publish, const struct net_options *options,
		 const struct port_list *ports, const struct listen_inherited *inherited,
		 struct err *err);

/* Lets clients in. */
int publish_start(struct publish *publish, const struct dialer *dialer, struct splice *splice,
		  struct err *err);

/* Closes what publish_open() bound and nobody has taken over. */
void publish_done(struct publish *publish);
