/* SPDX-License-Identifier: Apache-2.0 */
/* The table of flows: found, removed, full, given back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>

#include "netns/net/stack/flow.h"

enum { MAX = 256 };

static struct flow_table table;
static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static int set_up(void **state)
{
	void *memory = mmap(NULL, flow_table_bytes(sizeof(struct flow), MAX),
			    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (memory == MAP_FAILED)
		return -1;
	flow_table_init(&table, memory, sizeof(struct flow), MAX, MAX, key);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return munmap(table.places, flow_table_bytes(sizeof(struct flow), MAX));
}

static struct tuple numbered(uint16_t port)
{
	const struct tuple tuple = { .proto = 6, .container_port = port };

	return tuple;
}

/* The paper's example: 00 01 ... 0e; ours takes whole words, so with eight bytes of it. */
static void the_hash_is_siphash(void **state)
{
	static const uint8_t bytes[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	(void)state;
	assert_true(flow_hash(key, bytes, 8) == 0x93f5f5799a932462);
}

static void flows_are_found_until_removed(void **state)
{
	struct flow *flows[MAX];

	(void)state;
	for (uint16_t i = 0; i < MAX; i++) {
		const struct tuple tuple = numbered(i);

		assert_null(flow_find(&table, &tuple));
		flows[i] = flow_add(&table, &tuple);
		assert_non_null(flows[i]);
		assert_int_equal(flows[i]->watch.fd, -1);
	}
	for (uint16_t i = 0; i < MAX; i += 3)
		flow_remove(&table, flows[i]);
	for (uint16_t i = 0; i < MAX; i++) {
		const struct tuple tuple = numbered(i);

		assert_ptr_equal(flow_find(&table, &tuple), i % 3 == 0 ? NULL : flows[i]);
	}
}

static void a_full_table_says_no_until_there_is_a_place(void **state)
{
	const struct tuple last = numbered(MAX);
	struct flow *flow = NULL;
	uint32_t index = 0;
	uint32_t seen = 0;

	(void)state;
	for (uint16_t i = 0; i < MAX; i++) {
		const struct tuple tuple = numbered(i);

		flow = flow_add(&table, &tuple);
		assert_non_null(flow);
	}
	assert_null(flow_add(&table, &last));
	flow_remove(&table, flow);
	assert_ptr_equal(flow_add(&table, &last), flow);
	while (flow_next(&table, &index))
		seen++;
	assert_int_equal(seen, MAX);
}

static void an_empty_table_gives_its_memory_back(void **state)
{
	const struct tuple tuple = numbered(1);
	struct flow *flow = flow_add(&table, &tuple);
	unsigned char resident[64];

	(void)state;
	flow_table_idle(&table); /* not while there is one */
	assert_ptr_equal(flow_find(&table, &tuple), flow);
	flow_remove(&table, flow);
	flow_table_idle(&table);
	assert_int_equal(mincore(table.places, 4096, resident), 0);
	assert_int_equal(resident[0] & 1, 0);
	assert_null(flow_find(&table, &tuple));
	assert_non_null(flow_add(&table, &tuple));
	assert_non_null(flow_find(&table, &tuple));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_siphash),
		cmocka_unit_test_setup_teardown(flows_are_found_until_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_table_says_no_until_there_is_a_place, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_empty_table_gives_its_memory_back, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
