/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor asks of a running bryo-net: netns/net-message.h has the messages. */
#pragma once

#include <stdbool.h>

#include "netns/inject-filter.h"

struct err;

/* What is done; data is the caller's. */
struct control {
	/* The host's resolvers are read again, and ports bound that were not. 0 or an errno. */
	int (*reload)(void *data, struct err *err);
	/* A filter's listener, made for this wall. fd is closed after that. */
	void (*listener)(void *data, int fd, enum inject_wall wall);
	/* No more socket injection. */
	void (*uninject)(void *data);
	void *data;
};

/*
 * Takes one message from the monitor's socket, which is readable, and answers what wants an answer.
 * False: the monitor has closed its end, has died or makes no sense: bryo-net has to end.
 */
bool control_take(int fd, const struct control *control);
