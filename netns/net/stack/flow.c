/* SPDX-License-Identifier: Apache-2.0 */
/* The table of flows: see flow.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/stack/flow.h"

#include <sys/mman.h>

_Static_assert(sizeof(struct tuple) % 8 == 0, "hashed in words");

/* ---- The hash ---- */

static uint64_t rotate(uint64_t value, int by)
{
	return value << by | value >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t flow_hash(const uint64_t key[2], const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };

	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word = 0;

		memcpy(&word, bytes + i, sizeof(word));
		sip_word(v, word);
	}
	sip_word(v, (uint64_t)size << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- The table ---- */

size_t flow_table_bytes(size_t size, uint32_t max)
{
	const size_t page = 4096;
	const size_t bytes = size * max + sizeof(uint32_t) * max;

	return (bytes + page - 1) / page * page;
}

void flow_table_init(struct flow_table *table, void *memory, size_t size, uint32_t max,
		     uint32_t limit, const uint64_t key[2])
{
	*table = (struct flow_table){ .places = memory,
				      .chains = (uint32_t *)((uint8_t *)memory + size * max),
				      .size = size,
				      .max = limit < max ? limit : max,
				      .chain_mask = max - 1,
				      .key = { key[0], key[1] } };
}

static struct flow *place(const struct flow_table *table, uint32_t number)
{
	return number == 0 ? NULL
			   : (struct flow *)(void *)(table->places + table->size * (number - 1));
}

static uint32_t number_of(const struct flow_table *table, const struct flow *flow)
{
	return (uint32_t)((size_t)((const uint8_t *)flow - table->places) / table->size) + 1;
}

static uint32_t *chain_of(const struct flow_table *table, const struct tuple *tuple)
{
	return &table->chains[flow_hash(table->key, tuple, sizeof(*tuple)) & table->chain_mask];
}

struct flow *flow_find(const struct flow_table *table, const struct tuple *tuple)
{
	struct flow *flow = NULL;

	if (table->count == 0)
		return NULL;
	flow = place(table, *chain_of(table, tuple));
	while (flow && !tuple_equal(&flow->tuple, tuple))
		flow = place(table, flow->next);
	return flow;
}

struct flow *flow_add(struct flow_table *table, const struct tuple *tuple)
{
	uint32_t number = table->free;
	uint32_t *const chain = chain_of(table, tuple);
	struct flow *flow = NULL;

	if (table->count >= table->max)
		return NULL;
	if (number == 0)
		number = ++table->touched;
	flow = place(table, number);
	if (number == table->free)
		table->free = flow->next;
	memset(flow, 0, table->size);
	flow->watch.fd = -1;
	flow->timer.due = WATCH_NEVER;
	flow->tuple = *tuple;
	flow->used = 1;
	flow->next = *chain;
	*chain = number;
	table->count++;
	return flow;
}

void flow_remove(struct flow_table *table, struct flow *flow)
{
	const uint32_t number = number_of(table, flow);
	uint32_t *link = chain_of(table, &flow->tuple);

	while (*link != number)
		link = &place(table, *link)->next;
	*link = flow->next;
	flow->used = 0;
	flow->next = table->free;
	table->free = number;
	table->count--;
}

struct flow *flow_next(const struct flow_table *table, uint32_t *index)
{
	while (*index < table->touched) {
		struct flow *const flow = place(table, ++*index);

		if (flow->used)
			return flow;
	}
	return NULL;
}

void flow_table_idle(struct flow_table *table)
{
	if (table->count > 0 || table->touched == 0)
		return;
	/* Private anonymous memory reads as zeroes after this (madvise(2)). */
	if (madvise(table->places, flow_table_bytes(table->size, table->chain_mask + 1),
		    MADV_DONTNEED) < 0)
		return;
	table->touched = 0;
	table->free = 0;
}
