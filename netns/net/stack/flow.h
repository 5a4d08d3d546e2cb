/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows (connections, UDP sources, pings) in a table of fixed size, found by their tuple. Places
 * are handed out in order and taken back last in, first out, so the table's pages are touched only
 * as far as there ever were flows at once. The hash is keyed: a container cannot aim at one chain.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "netns/net/stack/tuple.h"
#include "netns/net/watch.h"

struct stack;

/* What each kind of flow begins with. */
struct flow {
	struct watch watch; /* its socket; fd -1: none */
	struct watch_timer timer;
	struct stack *stack;
	struct tuple tuple;
	uint32_t next; /* in its chain, or in the list of free places: index + 1; 0: the end */
	uint32_t used;
};

/* The flow whose timer this is. */
static inline struct flow *flow_of_timer(struct watch_timer *timer)
{
	return (struct flow *)((char *)timer - offsetof(struct flow, timer));
}

struct flow_table {
	uint8_t *places;
	uint32_t *chains; /* heads: index + 1 */
	size_t size;	  /* of one place in bytes */
	uint32_t max;
	uint32_t chain_mask;
	uint32_t touched; /* places that were ever used */
	uint32_t count;
	uint32_t free; /* list of places that were given back: index + 1 */
	uint64_t key[2];
};

/* Bytes that a table of max flows of that size takes. max is a power of two. */
size_t flow_table_bytes(size_t size, uint32_t max);

/*
 * Lays a table out in zeroed memory of flow_table_bytes(), page-aligned. At most limit flows (up to
 * max) are handed out.
 */
void flow_table_init(struct flow_table *table, void *memory, size_t size, uint32_t max,
		     uint32_t limit, const uint64_t key[2]);

struct flow *flow_find(const struct flow_table *table, const struct tuple *tuple);

/* A zeroed flow but for tuple, watch.fd (-1); NULL: the table is full. The tuple must be new. */
struct flow *flow_add(struct flow_table *table, const struct tuple *tuple);

/* Gives the place back; the owner has closed its socket and cancelled its timer. */
void flow_remove(struct flow_table *table, struct flow *flow);

/* Goes through all flows: index starts at 0 and is moved on; NULL at the end. */
struct flow *flow_next(const struct flow_table *table, uint32_t *index);

/* Gives the table's memory back to the kernel, if there is no flow in it. */
void flow_table_idle(struct flow_table *table);

/* SipHash-2-4 (Aumasson, Bernstein 2012) of size bytes, a multiple of 8. */
uint64_t flow_hash(const uint64_t key[2], const void *data, size_t size);
