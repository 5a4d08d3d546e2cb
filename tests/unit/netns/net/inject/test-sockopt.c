/* SPDX-License-Identifier: Apache-2.0 */
/* netns/net/inject/sockopt.c: what a program set on its socket is found on the one in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "netns/net/inject/sockopt.h"

static int get(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void set(int fd, int level, int name, int value)
{
	assert_int_equal(setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

static void test_copy(void **state)
{
	static const struct {
		int level;
		int name;
		int value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_SOCKET, SO_OOBINLINE, 1 },
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 33 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 7 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 12345 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 9999 },
		{ IPPROTO_IP, IP_TOS, 0x10 },
		{ IPPROTO_IP, IP_TTL, 17 },
	};
	const struct timeval limit = { .tv_sec = 3 };
	const struct linger linger = { 1, 5 };
	struct timeval got_limit = { 0 };
	struct linger got_linger = { 0 };
	socklen_t size = sizeof(got_limit);
	auto_close int from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(sockopt_init(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		set(from, options[i].level, options[i].name, options[i].value);
	assert_int_equal(setsockopt(from, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(setsockopt(from, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	set(from, SOL_SOCKET, SO_RCVBUF, 50000);
	assert_int_equal(sockopt_copy(AF_INET, from, to, false), 0);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		assert_int_equal(get(to, options[i].level, options[i].name), options[i].value);
	assert_int_equal(get(to, SOL_SOCKET, SO_RCVBUF), get(from, SOL_SOCKET, SO_RCVBUF));
	assert_int_equal(getsockopt(to, SOL_SOCKET, SO_SNDTIMEO, &got_limit, &size), 0);
	assert_int_equal(got_limit.tv_sec, 3);
	size = sizeof(got_linger);
	assert_int_equal(getsockopt(to, SOL_SOCKET, SO_LINGER, &got_linger, &size), 0);
	assert_int_equal(got_linger.l_onoff, 1);
	assert_int_equal(got_linger.l_linger, 5);
}

/* What a program left alone keeps the host's value: its buffers go on growing by themselves. */
static void test_untouched(void **state)
{
	auto_close int from = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int to = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int before = from < 0 ? 0 : get(to, SOL_SOCKET, SO_RCVBUF);

	(void)state;
	if (from < 0)
		skip(); /* no IPv6 */
	assert_int_equal(sockopt_init(), 0);
	set(from, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	assert_int_equal(sockopt_copy(AF_INET6, from, to, false), 0);
	assert_int_equal(get(to, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	assert_int_equal(get(to, SOL_SOCKET, SO_RCVBUF), before);
	assert_false(sockopt_is_special(from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_untouched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
