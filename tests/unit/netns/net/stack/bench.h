/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bench for the translator: it runs in a network namespace of its own, with a clock that only
 * moves when told and a "container" that is this test. Included once by each test program.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "netns/net/bytes.h"
#include "netns/net/dns.h"
#include "netns/net/packet.h"
#include "netns/net/policy.h"
#include "netns/net/stack/frame.h"
#include "netns/net/stack/stack.h"
#include "netns/net/watch.h"

enum { BENCH_FRAMES = 512, BENCH_FRAME = 70000 };

/* Frames that came out and were not looked at yet. */
struct bench {
	struct net_options options;
	struct watch_loop loop;
	struct policy policy;
	struct dns dns;
	struct stack *stack;
	uint8_t frames[BENCH_FRAMES][BENCH_FRAME];
	size_t sizes[BENCH_FRAMES];
	size_t first, count;
};

static struct bench bench;
static int64_t bench_now = 1000000000000LL;

static int64_t bench_clock(void)
{
	return bench_now;
}

static void bench_output(void *data, const void *buffer, size_t size)
{
	const size_t at = (bench.first + bench.count) % BENCH_FRAMES;

	(void)data;
	assert_true(size <= BENCH_FRAME);
	assert_true(bench.count < BENCH_FRAMES);
	memcpy(bench.frames[at], buffer, size);
	bench.sizes[at] = size;
	bench.count++;
}

/* A namespace with lo and nothing else. False: this host does not let us. */
static bool bench_enter(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	const int sock = unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0
				 ? -1
				 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool up = sock >= 0 && ioctl(sock, SIOCSIFFLAGS, &request) == 0;

	if (sock >= 0)
		(void)close(sock);
	return up;
}

static void bench_open(bool old_kernel)
{
	const struct stack_args args = { .options = &bench.options,
					 .loop = &bench.loop,
					 .policy = &bench.policy,
					 .dns = &bench.dns,
					 .output = bench_output,
					 .old_kernel = old_kernel };
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	const struct stack_interface interface = { .mac = mac };

	bench.options = net_options_default();
	bench.options.host_loopback = true;
	bench.options.mtu = 1500;
	bench.policy.options = bench.dns.options = &bench.options;
	bench.first = bench.count = 0;
	assert_int_equal(watch_loop_open(&bench.loop), 0);
	bench.loop.clock = bench_clock;
	bench.loop.now = bench_now;
	assert_int_equal(stack_open(&args, &bench.stack, NULL), 0);
	stack_attach(bench.stack, &interface);
}

static void bench_close(void)
{
	stack_close(bench.stack);
	watch_loop_close(&bench.loop);
}

/* Lets the translator do what there is to do now; the kernel's part is done at once on lo. */
static bool bench_asleep; /* the loop does not run meanwhile */

static void bench_run(void)
{
	for (int i = 0; i < 50 && !bench_asleep && watch_round(&bench.loop, 0) > 0; i++)
		;
}

/* The next frame; NULL: none comes within a second. */
static uint8_t *bench_frame(size_t *ret_size)
{
	uint8_t *frame = NULL;

	for (int i = 0; i < 100 && bench.count == 0; i++)
		(void)watch_round(&bench.loop, 10000000);
	if (bench.count == 0)
		return NULL;
	frame = bench.frames[bench.first];
	*ret_size = bench.sizes[bench.first];
	bench.first = (bench.first + 1) % BENCH_FRAMES;
	bench.count--;
	return frame;
}

static void bench_input(void *frame, size_t size)
{
	struct packet packet;

	assert_int_equal(packet_parse(frame, size, &packet), 0);
	stack_input(bench.stack, &packet, 0);
	stack_flush(bench.stack);
	bench_run();
}

/* A frame of 10.0.2.100 to that address, with size bytes of transport behind its IP header. */
static size_t bench_put_ip4(uint8_t *frame, const char *to, uint8_t proto, size_t size)
{
	uint8_t *const ip = frame + PACKET_ETHERNET;

	memset(frame, 0, PACKET_ETHERNET + 20);
	memcpy(frame, "\x52\x55\x0a\x00\x02\x02\x02\x00\x00\x00\x00\x01\x08\x00", 14);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(20 + size));
	ip[8] = 64;
	ip[9] = proto;
	assert_int_equal(inet_pton(AF_INET, "10.0.2.100", ip + 12), 1);
	assert_int_equal(inet_pton(AF_INET, to, ip + 16), 1);
	return PACKET_ETHERNET + 20 + size;
}
