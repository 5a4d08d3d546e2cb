/* SPDX-License-Identifier: Apache-2.0 */
/* What came back as ICMP to a datagram socket of ours: the error queue, ip(7) IP_RECVERR. */
#pragma once

#include <stdbool.h>

#include "netns/net/stack/stack-internal.h"

struct host_error {
	int code;	       /* positive errno */
	union host_address to; /* where the datagram went */
	bool has_by;	       /* somebody else than that says so: */
	union host_address by;
	uint8_t start[8]; /* of what was sent */
	size_t size;	  /* of what was sent, as far as it is known */
};

/* Asks the kernel to queue errors of this socket. */
void host_error_enable(int fd, int family);

/* Takes one error; false: there is none. Errors that are not from the network have code 0. */
bool host_error_take(int fd, struct host_error *ret_error);

/* Tells the container, which sent to tuple. */
void host_error_tell(struct stack *stack, const struct tuple *tuple,
		     const struct host_error *error);
