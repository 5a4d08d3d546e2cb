/* SPDX-License-Identifier: Apache-2.0 */
/* Locked socket filters: see guard.h. Runs in bryo-net's injector; allocates nothing. */
#include "netns/net/inject/guard.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"

/*
 * Where a filter on a TCP socket sees its packet: offset 0 is the TCP header, and the IP header is
 * reached from SKF_NET_OFF on (Documentation/networking/filter.rst).
 */
enum {
	TCP_SOURCE = 0,
	TCP_DESTINATION = 2,
	TCP_FLAGS = 13,
	FLAG_SYN = 0x02,
	FLAG_ACK = 0x10,
	IP_VERSION = 0, /* high half of the first byte */
	IP4_SOURCE = 12,
	IP6_SOURCE = 8,
	PASS = 0x7fffffff,
	DROP = 0,
};

struct code {
	struct guard guard;
	uint16_t checks[GUARD_CODE_MAX]; /* steps whose failure means DROP */
	uint16_t check_count;
};

static void add(struct code *code, uint16_t op, uint32_t k)
{
	code->guard.steps[code->guard.count++] = (struct sock_filter){ .code = op, .k = k };
}

static void load_ip(struct code *code, uint16_t size, uint32_t offset)
{
	add(code, BPF_LD | size | BPF_ABS, (uint32_t)SKF_NET_OFF + offset);
}

static void load_tcp(struct code *code, uint16_t size, uint32_t offset)
{
	add(code, BPF_LD | size | BPF_ABS, offset);
}

/* The packet is dropped unless what was loaded equals value. */
static void expect(struct code *code, uint32_t value)
{
	code->checks[code->check_count++] = code->guard.count;
	add(code, BPF_JMP | BPF_JEQ | BPF_K, value);
}

/* The packet is dropped if these two flags are as given. */
static void refuse_flags(struct code *code, uint32_t flags)
{
	load_tcp(code, BPF_B, TCP_FLAGS);
	add(code, BPF_ALU | BPF_AND | BPF_K, FLAG_SYN | FLAG_ACK);
	add(code, BPF_ALU | BPF_XOR | BPF_K, flags);
	/* Anything but zero is fine: expect() has it the other way round. */
	code->guard.steps[code->guard.count++] =
		(struct sock_filter){ .code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = 0 };
	add(code, BPF_RET | BPF_K, DROP);
}

/* All checks passed; and where those jump to that did not. */
static void finish(struct code *code, struct guard *ret_guard)
{
	add(code, BPF_RET | BPF_K, PASS);
	for (uint16_t i = 0; i < code->check_count; i++) {
		struct sock_filter *step = &code->guard.steps[code->checks[i]];

		step->jf = (uint8_t)(code->guard.count - code->checks[i] - 1);
	}
	add(code, BPF_RET | BPF_K, DROP);
	*ret_guard = code->guard;
}

/*
 * The version first: an IPv6 address can be chosen so that it looks like the bytes at that place of
 * an IPv4 packet from the loopback.
 */
static void expect_version(struct code *code, uint32_t version)
{
	load_ip(code, BPF_B, IP_VERSION);
	add(code, BPF_ALU | BPF_RSH | BPF_K, 4);
	expect(code, version);
}

static void expect_source4(struct code *code, const void *address)
{
	uint32_t value = 0;

	memcpy(&value, address, sizeof(value));
	expect_version(code, 4);
	load_ip(code, BPF_W, IP4_SOURCE);
	expect(code, ntohl(value));
}

static void expect_source6(struct code *code, const struct in6_addr *address)
{
	expect_version(code, 6);
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t value = 0;

		memcpy(&value, address->s6_addr + 4 * i, sizeof(value));
		load_ip(code, BPF_W, IP6_SOURCE + 4 * i);
		expect(code, ntohl(value));
	}
}

int guard_peer(const struct sockaddr *peer, struct guard *ret_guard)
{
	const struct sockaddr_in *four = (const void *)peer;
	const struct sockaddr_in6 *six = (const void *)peer;
	struct code code = { .check_count = 0 };
	in_port_t port = 0;

	if (peer->sa_family == AF_INET) {
		expect_source4(&code, &four->sin_addr);
		port = four->sin_port;
	} else if (peer->sa_family == AF_INET6) {
		if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
			expect_source4(&code, six->sin6_addr.s6_addr + 12);
		else
			expect_source6(&code, &six->sin6_addr);
		port = six->sin6_port;
	} else {
		return -EAFNOSUPPORT;
	}
	load_tcp(&code, BPF_H, TCP_SOURCE);
	expect(&code, ntohs(port));
	refuse_flags(&code, FLAG_SYN);
	finish(&code, ret_guard);
	return 0;
}

void guard_port(uint16_t port, struct guard *ret_guard)
{
	struct code code = { .check_count = 0 };

	load_tcp(&code, BPF_H, TCP_DESTINATION);
	expect(&code, port);
	refuse_flags(&code, FLAG_SYN | FLAG_ACK);
	finish(&code, ret_guard);
}

int guard_attach(const struct guard *guard, int fd)
{
	const struct sock_fprog program = { .len = guard->count,
					    .filter = (struct sock_filter *)guard->steps };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &(int){ 1 }, sizeof(int)) < 0)
		return -errno;
	return 0;
}
