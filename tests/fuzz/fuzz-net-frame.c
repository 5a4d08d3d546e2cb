/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of frames from a container through policy, reassembly and translator, with real sockets
 * in a network namespace of its own that has nothing but lo: no host can be reached. Input: frames,
 * each behind two bytes of size; a first byte of the size above 0xf0 does something else (time
 * passes, the server writes, reads or hangs up). Addresses and ports of a frame are mostly
 * overwritten by those of a server, and its sequence numbers by right ones, so that the search gets
 * beyond the first checks. Without the right to make a namespace nothing is tried.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "netns/net/bytes.h"
#include "netns/net/dns.h"
#include "netns/net/policy.h"
#include "netns/net/stack/fragment.h"
#include "netns/net/stack/frame.h"
#include "netns/net/stack/stack.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PORT = 7777, STEPS = 64 };

static int64_t now = 1000000000000LL;
static struct watch_loop loop;
static struct stack *stack;
static struct net_options options;
static struct policy policy;
static struct dns dns;
static struct fragments fragments;
static int listener = -1, datagrams = -1, server = -1;
/* Of the connection that began last: what the container would send next. */
static uint32_t next_seq, next_ack;

static int64_t fake_clock(void)
{
	return now;
}

/* Every frame that comes out must be one. */
static void output(void *user, const void *buffer, size_t size)
{
	struct packet packet;
	uint8_t *copy = xmemdup(buffer, size);

	(void)user;
	assert(size > FRAME_VNET);
	assert(packet_parse(copy + FRAME_VNET, size - FRAME_VNET, &packet) == 0);
	if (packet.proto == IPPROTO_TCP && packet.family != 0 && !packet.fragment) {
		const uint8_t *const tcp = packet.frame + packet.transport;

		next_seq = get32(tcp + 8);
		next_ack = get32(tcp + 4) + 1;
	}
	free(copy);
}

static void bind_server(int fd)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(PORT),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
}

static bool usable;

static bool set_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		perror("no network namespace, so nothing is tried");
		return false;
	}
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (ioctl(listener, SIOCSIFFLAGS, &request) < 0)
		abort();
	bind_server(listener);
	bind_server(datagrams);
	return listen(listener, 100) == 0;
}

static void open_stack(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	const struct stack_interface interface = { .mac = mac, .udp_gso = true };
	const struct stack_args args = {
		.options = &options, .loop = &loop, .policy = &policy, .dns = &dns, .output = output
	};
	struct resolv resolv;

	options = net_options_default();
	options.mtu = 1500;
	options.host_loopback = true;
	memset(&fragments, 0, sizeof(fragments));
	memset(&policy, 0, sizeof(policy));
	policy.options = dns.options = &options;
	resolv_parse("nameserver 127.0.0.1\n", 21, &resolv);
	dns_set_servers(&dns, &resolv);
	if (watch_loop_open(&loop) < 0 || stack_open(&args, &stack, NULL) < 0)
		abort();
	loop.clock = fake_clock;
	loop.now = now;
	stack_attach(stack, &interface);
}

static void run(void)
{
	for (int i = 0; i < 8 && watch_round(&loop, 0) > 0; i++)
		;
}

/* What is not a frame. */
static void host_step(uint8_t what, uint8_t value)
{
	static char buffer[65536];
	const struct linger at_once = { .l_onoff = 1 };

	if (server < 0)
		server = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (what % 8 == 0)
		now += (int64_t)value * 100000000LL;
	else if (what % 8 == 1)
		(void)send(server, buffer, (size_t)value * 256, MSG_NOSIGNAL);
	else if (what % 8 == 2)
		(void)send(server, "!", 1, MSG_OOB | MSG_NOSIGNAL);
	else if (what % 8 == 3)
		(void)recv(server, buffer, sizeof(buffer), 0);
	else if (what % 8 == 4)
		(void)shutdown(server, SHUT_WR);
	if (what % 8 == 5)
		(void)setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if ((what % 8 == 5 || what % 8 == 6) && server >= 0) {
		(void)close(server);
		server = -1;
	}
}

/* Bits of hint say what of a TCP or UDP frame is put right. */
static void put_right(uint8_t *frame, size_t size, uint8_t hint)
{
	struct packet packet;

	if (packet_parse(frame, size, &packet) < 0 || packet.family != AF_INET ||
	    packet.to_port == 0)
		return;
	if (hint & 1)
		memcpy(frame + packet.to, "\x0a\x00\x02\x02", 4);
	if (hint & 2)
		memcpy(frame + packet.from, "\x0a\x00\x02\x64", 4);
	if (hint & 4) {
		put16(frame + packet.transport, 40000 + (hint & 8));
		put16(frame + packet.transport + 2, PORT);
	}
	if (hint & 16 && packet.proto == IPPROTO_TCP) {
		put32(frame + packet.transport + 4, next_seq);
		put32(frame + packet.transport + 8, next_ack);
	}
}

static void frame_step(const uint8_t *data, size_t size, uint8_t hint)
{
	/* Memory of exactly its size, so that the sanitizer sees every step beyond it. */
	uint8_t *frame = xmemdup(size > 0 ? data : (const uint8_t *)"", size > 0 ? size : 1);
	struct packet packet;

	put_right(frame, size, hint);
	if (packet_parse(frame, size, &packet) == 0 &&
	    policy_judge(&policy, &packet) == POLICY_PASS &&
	    (!fragment_is(&packet) || (fragment_take(&fragments, &packet, now, &packet) &&
				       policy_judge(&policy, &packet) == POLICY_PASS)))
		stack_input(stack, &packet, hint & 32 ? (uint16_t)(hint * 4) : 0);
	if (hint & 64)
		stack_flush(stack);
	free(frame);
}

/* Before the fuzzer has threads: with them nobody gets a user namespace (unshare(2)). */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	usable = set_up();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!usable)
		return 0;
	open_stack();
	for (int i = 0; i < STEPS && size >= 3; i++) {
		const size_t wanted = (size_t)(data[0] << 8 | data[1]);
		const uint8_t hint = data[2];
		const size_t length = wanted < size - 3 ? wanted : size - 3;

		data += 3;
		size -= 3;
		if (wanted >= 0xf000) {
			host_step((uint8_t)(wanted >> 8), hint);
		} else {
			frame_step(data, length, hint);
			data += length;
			size -= length;
		}
		run();
	}
	stack_close(stack);
	watch_loop_close(&loop);
	if (server >= 0)
		(void)close(server);
	server = -1;
	while ((server = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		(void)close(server);
	return 0;
}
