/* SPDX-License-Identifier: Apache-2.0 */
/* Which IPv4 networks this host has a route to: rtnetlink(7), read. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route {
	struct in_addr destination; /* without host bits */
	uint8_t prefix;		    /* never 0: the default route says nothing about a network */
};

/* Owns its array. */
struct route_list {
	struct route *v;
	size_t count, capacity;
	uint32_t default_index;	 /* interface of the default route, 0: there is none */
	uint32_t default_metric; /* the lowest metric goes first */
};
#define ROUTE_LIST_INIT ((struct route_list){ 0 })

void route_list_done(struct route_list *list);

/*
 * Reads the main table of the caller's network namespace, without the routes out of one interface
 * (which need not exist). 0 or a negative errno, the list empty then.
 */
int route_list_read(const char *but_interface, struct route_list *ret_list);

/* Adds what one datagram of the kernel's says. Returns 1 at the end, 0 when more comes, or an
 * error. */
int route_list_parse(const void *data, size_t size, unsigned int but_index,
		     struct route_list *list);

/* The MTU of the way out, 0 where there is none or no bridge could have it. */
uint32_t route_list_mtu(const struct route_list *list);

/* Does a network hold a route's destination, or lie within one? */
bool route_list_meets(const struct route_list *list, struct in_addr net4, uint8_t prefix4);
