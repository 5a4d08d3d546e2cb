/* SPDX-License-Identifier: Apache-2.0 */
/* UDP through the translator, to servers on the host's loopback: sizes, errors, ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>

#include "tests/unit/netns/net/stack/bench.h"

enum { PORT = 7777 };

static int server = -1;

static void serve(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(PORT),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static int end(void **state)
{
	(void)state;
	bench_close();
	if (server >= 0)
		(void)close(server);
	server = -1;
	return 0;
}

static int begin(void **state)
{
	(void)state;
	bench_open(false);
	return 0;
}

/* size bytes from the container's port to PORT of an address. */
static void send_in(const char *to, uint16_t port, size_t size)
{
	static uint8_t frame[BENCH_FRAME];
	uint8_t *const udp = frame + PACKET_ETHERNET + 20;
	const size_t whole = bench_put_ip4(frame, to, IPPROTO_UDP, 8 + size);

	put16(udp, port);
	put16(udp + 2, PORT);
	put16(udp + 4, (uint32_t)(8 + size));
	memset(udp + 8, 'x', size);
	bench_input(frame, whole);
}

static struct sockaddr_in receive(size_t size)
{
	static char buffer[65536];
	struct pollfd look = { .fd = server, .events = POLLIN };
	struct sockaddr_in from = { 0 };
	socklen_t length = sizeof(from);

	assert_int_equal(poll(&look, 1, 1000), 1);
	assert_int_equal(
		recvfrom(server, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &length),
		size);
	return from;
}

static void answer(const struct sockaddr_in *to, size_t size)
{
	static const char buffer[65536];

	assert_int_equal(sendto(server, buffer, size, 0, (const struct sockaddr *)to, sizeof(*to)),
			 size);
	bench_run();
}

static void expect(uint16_t port, size_t size)
{
	size_t whole = 0;
	const uint8_t *const frame = bench_frame(&whole);
	const uint8_t *const udp = frame + FRAME_IP + 20;

	assert_non_null(frame);
	assert_memory_equal(frame + FRAME_IP + 12, "\x0a\x00\x02\x02", 4);
	assert_int_equal(get16(udp), PORT);
	assert_int_equal(get16(udp + 2), port);
	assert_int_equal(get16(udp + 4), 8 + size);
	assert_int_equal(whole, FRAME_IP + 28 + size);
}

static void datagrams_keep_their_bounds(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 1472 };
	struct sockaddr_in from;

	(void)state;
	serve();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		send_in("10.0.2.2", 40000, sizes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		from = receive(sizes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		answer(&from, sizes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		expect(40000, sizes[i]);
}

static void one_source_has_one_socket_whoever_it_talks_to(void **state)
{
	struct sockaddr_in one;
	struct sockaddr_in two;
	struct sockaddr_in other;

	(void)state;
	serve();
	send_in("10.0.2.2", 40000, 1);
	one = receive(1);
	send_in("10.0.2.2", 40000, 2);
	two = receive(2);
	send_in("10.0.2.2", 40001, 3);
	other = receive(3);
	assert_int_equal(one.sin_port, two.sin_port);
	assert_int_not_equal(one.sin_port, other.sin_port);
}

static void large_answers_come_in_fragments(void **state)
{
	struct sockaddr_in from;
	size_t size = 0;
	size_t got = 0;

	(void)state;
	serve();
	send_in("10.0.2.2", 40000, 5000);
	from = receive(5000);
	answer(&from, 5000);
	assert_int_equal(bench.count, 4);
	for (int i = 0; i < 4; i++) {
		const uint8_t *const ip = bench_frame(&size) + FRAME_IP;

		assert_true(get16(ip + 2) <= 1500);
		assert_int_equal((get16(ip + 6) & 0x1fff) * 8, got);
		assert_int_equal((get16(ip + 6) & 0x2000) != 0, i < 3);
		got += get16(ip + 2) - 20U;
	}
	assert_int_equal(got, 5008);
}

static void a_closed_port_and_a_missing_route_are_told(void **state)
{
	size_t size = 0;
	const uint8_t *icmp = NULL;

	(void)state;
	send_in("10.0.2.2", 40000, 5);
	icmp = bench_frame(&size);
	assert_non_null(icmp);
	icmp += FRAME_IP + 20;
	assert_memory_equal(icmp, "\x03\x03", 2);
	assert_memory_equal(icmp + 8 + 16, "\x0a\x00\x02\x02", 4); /* what it was sent to */
	assert_int_equal(get16(icmp + 8 + 20), 40000);
	assert_int_equal(get16(icmp + 8 + 22), PORT);
	send_in("192.0.2.1", 40000, 5);
	icmp = bench_frame(&size);
	assert_non_null(icmp);
	assert_memory_equal(icmp + FRAME_IP + 20, "\x03\x00", 2);
}

static void strangers_on_loopback_are_not_heard(void **state)
{
	struct sockaddr_in from;

	(void)state;
	serve();
	bench.options.host_loopback = true;
	send_in("10.0.2.2", 40000, 1);
	from = receive(1);
	bench.options.host_loopback = false;
	answer(&from, 1);
	assert_int_equal(bench.count, 0);
}

static void silence_ends_a_flow(void **state)
{
	struct sockaddr_in before;
	struct sockaddr_in after;

	(void)state;
	serve();
	send_in("10.0.2.2", 40000, 1);
	before = receive(1);
	bench_now += 179 * 1000000000LL;
	bench_run();
	answer(&before, 1);
	expect(40000, 1);
	bench_now += 179 * 1000000000LL;
	bench_run();
	send_in("10.0.2.2", 40000, 2);
	after = receive(2);
	assert_int_equal(before.sin_port, after.sin_port);
	bench_now += 181 * 1000000000LL;
	bench_run();
	bench_run();
	answer(&before, 1); /* nobody has that port any more */
	assert_int_equal(bench.count, 0);
	send_in("10.0.2.2", 40000, 3);
	after = receive(3);
	assert_int_not_equal(before.sin_port, after.sin_port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(datagrams_keep_their_bounds, begin, end),
		cmocka_unit_test_setup_teardown(one_source_has_one_socket_whoever_it_talks_to,
						begin, end),
		cmocka_unit_test_setup_teardown(large_answers_come_in_fragments, begin, end),
		cmocka_unit_test_setup_teardown(a_closed_port_and_a_missing_route_are_told, begin,
						end),
		cmocka_unit_test_setup_teardown(strangers_on_loopback_are_not_heard, begin, end),
		cmocka_unit_test_setup_teardown(silence_ends_a_flow, begin, end),
	};

	if (!bench_enter()) {
		puts("skipped: this host lets nobody make a network namespace");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
