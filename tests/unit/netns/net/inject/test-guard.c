/* SPDX-License-Identifier: Apache-2.0 */
/* netns/net/inject/guard.c: which packets a socket in a container's hands may get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/net/inject/guard.h"
#include "tests/unit/netns/bpf.h"

enum { SYN = 2, RST = 4, ACK = 16, PEER = 443, OWN = 50000 };

/* A packet as a filter on a TCP socket sees it. */
struct packet {
	uint8_t ip[40];
	size_t ip_size;
	uint8_t tcp[20];
};

static struct packet packet(const char *from, uint16_t source, uint16_t destination, uint8_t flags)
{
	struct packet p = { .ip_size = strchr(from, ':') ? 40 : 20 };
	const int six = p.ip_size == 40;

	p.ip[0] = six ? 0x60 : 0x45;
	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, from, p.ip + (six ? 8 : 12)), 1);
	p.tcp[0] = (uint8_t)(source >> 8);
	p.tcp[1] = (uint8_t)source;
	p.tcp[2] = (uint8_t)(destination >> 8);
	p.tcp[3] = (uint8_t)destination;
	p.tcp[13] = flags;
	return p;
}

static bool passes(const struct guard *guard, const struct packet *p)
{
	const struct bpf_input input = { .data = p->tcp,
					 .size = sizeof(p->tcp),
					 .net = p->ip,
					 .net_size = p->ip_size,
					 .swap = 1 };

	return bpf_run(guard->steps, guard->count, &input) != 0;
}

static bool peer_gets(const char *peer, bool mapped, const char *from, uint16_t source,
		      uint8_t flags)
{
	const struct packet p = packet(from, source, OWN, flags);
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(PEER) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PEER) };
	struct guard guard;

	if (strchr(peer, ':') || mapped) {
		assert_int_equal(inet_pton(AF_INET6, peer, &six.sin6_addr), 1);
		assert_int_equal(guard_peer((const struct sockaddr *)&six, &guard), 0);
	} else {
		assert_int_equal(inet_pton(AF_INET, peer, &four.sin_addr), 1);
		assert_int_equal(guard_peer((const struct sockaddr *)&four, &guard), 0);
	}
	return passes(&guard, &p);
}

static void test_peer4(void **state)
{
	(void)state;
	assert_true(peer_gets("192.0.2.1", false, "192.0.2.1", PEER, SYN | ACK));
	assert_true(peer_gets("192.0.2.1", false, "192.0.2.1", PEER, ACK));
	assert_true(peer_gets("192.0.2.1", false, "192.0.2.1", PEER, RST));
	assert_false(peer_gets("192.0.2.1", false, "192.0.2.1", PEER, SYN));
	assert_false(peer_gets("192.0.2.1", false, "192.0.2.1", PEER + 1, SYN | ACK));
	assert_false(peer_gets("192.0.2.1", false, "127.0.0.1", PEER, SYN | ACK));
	assert_false(peer_gets("192.0.2.1", false, "127.0.0.1", PEER, RST));
	assert_true(peer_gets("::ffff:192.0.2.1", true, "192.0.2.1", PEER, SYN | ACK));
	assert_false(peer_gets("::ffff:192.0.2.1", true, "127.0.0.1", PEER, SYN | ACK));
	assert_false(peer_gets("::ffff:192.0.2.1", true, "::1", PEER, SYN | ACK));
}

static void test_peer6(void **state)
{
	(void)state;
	assert_true(peer_gets("2001:db8::1", false, "2001:db8::1", PEER, SYN | ACK));
	assert_false(peer_gets("2001:db8::1", false, "2001:db8::2", PEER, SYN | ACK));
	assert_false(peer_gets("2001:db8::1", false, "2001:db9::1", PEER, SYN | ACK));
	assert_false(peer_gets("2001:db8::1", false, "::1", PEER, SYN | ACK));
	assert_false(peer_gets("2001:db8::1", false, "127.0.0.1", PEER, SYN | ACK));
}

/*
 * An IPv6 peer chosen to look like the middle of an IPv4 header from the loopback: time to live,
 * protocol, checksum, both addresses.
 */
static void test_disguise(void **state)
{
	struct packet p = packet("127.0.0.1", PEER, OWN, SYN | ACK);
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PEER) };
	struct guard guard;

	(void)state;
	p.ip[8] = 0x40;
	p.ip[9] = IPPROTO_TCP;
	p.ip_size = 40; /* as if what follows could be read, too */
	memcpy(&six.sin6_addr, p.ip + 8, 16);
	assert_int_equal(guard_peer((const struct sockaddr *)&six, &guard), 0);
	assert_false(passes(&guard, &p));
}

static void test_port(void **state)
{
	static const struct {
		uint16_t destination;
		uint8_t flags;
		bool passes;
	} cases[] = { { 8080, SYN, true },	  { 8080, ACK, true },	{ 8080, RST, true },
		      { 8080, SYN | ACK, false }, { 8081, SYN, false }, { 8081, ACK, false } };
	struct guard guard;

	(void)state;
	guard_port(8080, &guard);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct packet p =
			packet("198.51.100.7", 40000, cases[i].destination, cases[i].flags);

		assert_int_equal(passes(&guard, &p), cases[i].passes);
	}
}

static void test_other_families(void **state)
{
	const struct sockaddr unix_peer = { .sa_family = AF_UNIX };
	struct guard guard;

	(void)state;
	assert_int_equal(guard_peer(&unix_peer, &guard), -EAFNOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer4),	       cmocka_unit_test(test_peer6),
		cmocka_unit_test(test_disguise),       cmocka_unit_test(test_port),
		cmocka_unit_test(test_other_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
