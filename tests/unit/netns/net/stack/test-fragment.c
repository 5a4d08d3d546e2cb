/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments, both ways: what frame_fragment() cuts, fragment_take() puts together. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "netns/net/bytes.h"
#include "netns/net/stack/fragment.h"
#include "netns/net/stack/frame.h"

enum { PARTS = 64, PART = 1600, MTU = 1500, SIZE = 20011 };

static struct fragments fragments;
static uint8_t whole[FRAME_BUFFER];
static uint8_t parts[PARTS][PART];
static size_t sizes[PARTS];
static size_t count;

/* A datagram of SIZE bytes, cut. */
static void cut(bool six)
{
	const struct frame_link link = { .mtu = MTU };
	struct tuple tuple = {
		.six = six, .proto = IPPROTO_UDP, .container_port = 40000, .remote_port = 53
	};
	size_t size = 0;

	memset(&fragments, 0, sizeof(fragments));
	tuple.remote[0] = tuple.container[0] = 0x20;
	tuple.container[3] = 9;
	for (size_t i = 0; i < SIZE; i++)
		whole[frame_payload(&tuple) + i] = (uint8_t)(i * 11 / 3);
	size = frame_put_udp(whole, &link, &tuple, SIZE, 0);
	for (count = 0; count < PARTS; count++) {
		sizes[count] =
			frame_fragment(whole, size, &link, 77, (unsigned int)count, parts[count]);
		if (sizes[count] == 0)
			break;
		assert_true(sizes[count] <= FRAME_IP + MTU);
	}
	assert_int_equal(count, SIZE / 1472 + 1);
}

static bool take(size_t i, int64_t now, struct packet *ret)
{
	struct packet packet;

	assert_int_equal(packet_parse(parts[i] + FRAME_VNET, sizes[i] - FRAME_VNET, &packet), 0);
	assert_true(fragment_is(&packet));
	return fragment_take(&fragments, &packet, now, ret);
}

static void check_whole(const struct packet *packet, bool six)
{
	const uint8_t *const udp = packet->frame + packet->transport;
	const size_t size = SIZE + 8;
	const uint8_t *const addresses = packet->frame + packet->from;

	assert_false(fragment_is(packet));
	assert_int_equal(packet->to_port, 40000);
	assert_int_equal(packet->size - packet->transport, size);
	assert_int_equal(
		sum_fold(sum_add(sum_add((uint32_t)size + IPPROTO_UDP, addresses, six ? 32 : 8),
				 udp, size)),
		0xffff);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(udp[8 + i], (uint8_t)(i * 11 / 3));
}

static void datagrams_come_together_in_any_order(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct packet packet;

		cut(six != 0);
		for (size_t i = 0; i + 1 < count; i++)
			assert_false(take(i, 1, &packet));
		assert_true(take(count - 1, 1, &packet));
		check_whole(&packet, six != 0);
		cut(six != 0);
		for (size_t i = count - 1; i > 0; i--)
			assert_false(take(i, 1, &packet));
		assert_true(take(0, 1, &packet));
		check_whole(&packet, six != 0);
	}
}

static void doubles_end_a_datagram(void **state)
{
	struct packet packet;

	(void)state;
	cut(false);
	assert_false(take(0, 1, &packet));
	assert_false(take(1, 1, &packet));
	assert_false(take(1, 1, &packet));
	for (size_t i = 2; i < count; i++)
		assert_false(take(i, 1, &packet));
}

static void what_lies_beyond_the_end_ends_it(void **state)
{
	struct packet packet;

	(void)state;
	cut(false);
	/* Number 3 says that it is the last, after number 5 was there. */
	assert_false(take(5, 1, &packet));
	parts[3][FRAME_IP + 6] &= (uint8_t)~0x20;
	for (size_t i = 0; i < 5; i++)
		assert_false(take(i, 1, &packet));
}

static void old_fragments_are_given_up(void **state)
{
	struct packet packet;

	(void)state;
	cut(false);
	for (size_t i = 0; i + 1 < count; i++)
		assert_false(take(i, 1, &packet));
	assert_false(take(count - 1, 2 + FRAGMENT_NS, &packet));
}

static void the_oldest_of_too_many_gives_way(void **state)
{
	struct packet packet;

	(void)state;
	cut(false);
	assert_false(take(0, 1, &packet));
	for (int id = 0; id < FRAGMENT_SLOTS; id++) {
		parts[1][FRAME_IP + 5] = (uint8_t)id;
		assert_false(take(1, 2 + id, &packet));
	}
	parts[1][FRAME_IP + 5] = 77;
	for (size_t i = 1; i < count; i++)
		assert_false(take(i, 9, &packet));
}

static void a_datagram_of_more_than_64_kilobytes_is_none(void **state)
{
	struct packet packet;

	(void)state;
	cut(false);
	put16(parts[1] + FRAME_IP + 6, 0x1fff); /* the last eight, and many more */
	assert_false(take(1, 1, &packet));
	for (size_t i = 0; i < FRAGMENT_SLOTS; i++)
		assert_int_equal(fragments.slots[i].since, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_come_together_in_any_order),
		cmocka_unit_test(doubles_end_a_datagram),
		cmocka_unit_test(what_lies_beyond_the_end_ends_it),
		cmocka_unit_test(old_fragments_are_given_up),
		cmocka_unit_test(the_oldest_of_too_many_gives_way),
		cmocka_unit_test(a_datagram_of_more_than_64_kilobytes_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
