/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of rtnetlink requests in one buffer on the stack: filled by nl_ functions, sent by one
 * sendmsg, answered by one acknowledgement each. No heap, no libnl: fit for a vforked child.
 */
#pragma once

#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct nl_batch {
	_Alignas(NLMSG_ALIGNTO) char data[2048];
	size_t size;
	struct nlmsghdr *last; /* the request that attributes go to */
	uint32_t count;	       /* requests so far: their sequence numbers are 1..count */
	int overflow;	       /* -EMSGSIZE once something did not fit */
};

/* Begins a request with its fixed part (struct ifinfomsg, ifaddrmsg, rtmsg). */
void nl_begin(struct nl_batch *batch, uint16_t type, uint16_t flags, const void *fixed,
	      size_t size);
/* Adds an attribute to the last request. */
void nl_attr(struct nl_batch *batch, uint16_t type, const void *data, size_t size);
void nl_attr_u32(struct nl_batch *batch, uint16_t type, uint32_t value);
/* Adds bytes that are no attribute: the header some nested attributes start with. */
void nl_fixed(struct nl_batch *batch, const void *data, size_t size);
/* Opens a nested attribute; nl_nest_end() takes what this returned. */
struct rtattr *nl_nest(struct nl_batch *batch, uint16_t type);
void nl_nest_end(struct nl_batch *batch, struct rtattr *nest);

/*
 * Sends the batch in the caller's network namespace and reads the answers. 0, or the first error
 * (a negative errno) with the number of its request, from 1, in *ret_failed (may be NULL).
 */
int nl_run(struct nl_batch *batch, uint32_t *ret_failed);
