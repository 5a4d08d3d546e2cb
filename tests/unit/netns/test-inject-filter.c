/* SPDX-License-Identifier: Apache-2.0 */
/* netns/inject-filter.c: which calls stop, which are denied, on made-up calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "engine/base/alloc.h"
#include "netns/inject-filter.h"
#include "tests/unit/netns/bpf.h"

#if defined(__x86_64__)
#define OWN AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN AUDIT_ARCH_AARCH64
#endif

static uint32_t verdict(enum inject_wall wall, bool listens, const struct seccomp_data *call)
{
	struct inject_filter filter;
	const struct bpf_input input = { .data = (const uint8_t *)call, .size = sizeof(*call) };

	inject_filter_make(wall, listens, &filter);
	assert_true(filter.count > 0 && filter.count <= INJECT_FILTER_MAX);
	return bpf_run(filter.code, filter.count, &input);
}

#ifdef OWN

static const struct {
	const char *what;
	struct seccomp_data call;
	uint32_t none;
	uint32_t landlock;
} cases[] = {
#define CALL(nr_, ...)                                                                             \
	{                                                                                          \
		.nr = (nr_), .arch = OWN, .args = { __VA_ARGS__ }                                  \
	}
#define STOPS SECCOMP_RET_USER_NOTIF
#define PASSES SECCOMP_RET_ALLOW
#define FAILS(code) (SECCOMP_RET_ERRNO | (code))
	{ "connect, IPv4", CALL(SYS_connect, 5, 1, sizeof(struct sockaddr_in)), STOPS, STOPS },
	{ "connect, IPv6", CALL(SYS_connect, 5, 1, sizeof(struct sockaddr_in6)), STOPS, STOPS },
	{ "connect, old IPv6", CALL(SYS_connect, 5, 1, 24), STOPS, STOPS },
	{ "connect, storage", CALL(SYS_connect, 5, 1, sizeof(struct sockaddr_storage)), STOPS,
	  STOPS },
	{ "connect, unix", CALL(SYS_connect, 5, 1, sizeof(struct sockaddr_un)), PASSES, STOPS },
	{ "connect, too short", CALL(SYS_connect, 5, 1, 15), PASSES, PASSES },
	{ "connect, huge", CALL(SYS_connect, 5, 1, 4096), PASSES, STOPS },
	{ "bind", CALL(SYS_bind, 5, 1, sizeof(struct sockaddr_in)), PASSES, STOPS },
	{ "listen", CALL(SYS_listen, 5, 1), STOPS, STOPS },
	{ "epoll_create1", CALL(SYS_epoll_create1, 0), STOPS, STOPS },
	{ "landlock", CALL(SYS_landlock_create_ruleset, 1, 16), STOPS, STOPS },
	{ "sendto", CALL(SYS_sendto, 5, 1, 1, MSG_NOSIGNAL), PASSES, PASSES },
	{ "sendto, fastopen", CALL(SYS_sendto, 5, 1, 1, MSG_FASTOPEN), FAILS(EOPNOTSUPP),
	  FAILS(EOPNOTSUPP) },
	{ "sendmsg, fastopen", CALL(SYS_sendmsg, 5, 1, MSG_FASTOPEN | MSG_DONTWAIT),
	  FAILS(EOPNOTSUPP), FAILS(EOPNOTSUPP) },
	{ "sendmmsg, fastopen", CALL(SYS_sendmmsg, 5, 1, 1, MSG_FASTOPEN), FAILS(EOPNOTSUPP),
	  FAILS(EOPNOTSUPP) },
	{ "setsockopt, fastopen", CALL(SYS_setsockopt, 5, IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
	  FAILS(ENOPROTOOPT), FAILS(ENOPROTOOPT) },
	{ "setsockopt, nodelay", CALL(SYS_setsockopt, 5, IPPROTO_TCP, TCP_NODELAY), PASSES,
	  PASSES },
	{ "setsockopt, 30 of others", CALL(SYS_setsockopt, 5, SOL_SOCKET, TCP_FASTOPEN_CONNECT),
	  PASSES, PASSES },
	{ "io_uring", CALL(SYS_io_uring_setup, 1), FAILS(ENOSYS), FAILS(ENOSYS) },
	{ "read", CALL(SYS_read, 5, 1, 16), PASSES, PASSES },
	{ "execve", CALL(SYS_execve, 1, 2, 3), PASSES, PASSES },
#ifdef __x86_64__
#define I386(nr_, ...)                                                                             \
	{                                                                                          \
		.nr = (nr_), .arch = AUDIT_ARCH_I386, .args = { __VA_ARGS__ }                      \
	}
	{ "x32 connect", CALL(0x40000000 | SYS_connect, 5, 1, 16), PASSES, FAILS(ENOSYS) },
	{ "x32 sendto", CALL(0x40000000 | SYS_sendto, 5, 1, 1, MSG_FASTOPEN), PASSES,
	  FAILS(ENOSYS) },
	{ "i386 connect", I386(362, 5, 1, 16), PASSES, STOPS },
	{ "i386 bind", I386(361, 5, 1, 16), PASSES, STOPS },
	{ "i386 socketcall connect", I386(102, 3, 1), PASSES, STOPS },
	{ "i386 socketcall bind", I386(102, 2, 1), PASSES, STOPS },
	{ "i386 socketcall sendto", I386(102, 11, 1), PASSES, FAILS(ENOSYS) },
	{ "i386 socketcall sendmsg", I386(102, 16, 1), PASSES, FAILS(ENOSYS) },
	{ "i386 socketcall sendmmsg", I386(102, 20, 1), PASSES, FAILS(ENOSYS) },
	{ "i386 socketcall recv", I386(102, 10, 1), PASSES, PASSES },
	{ "i386 sendto, fastopen", I386(369, 5, 1, 1, MSG_FASTOPEN), PASSES, FAILS(EOPNOTSUPP) },
	{ "i386 sendto", I386(369, 5, 1, 1, 0), PASSES, PASSES },
	{ "i386 io_uring", I386(425, 1), PASSES, FAILS(ENOSYS) },
	{ "i386 write, x86-64's connect's neighbour", I386(4, 5, 1, 16), PASSES, PASSES },
	{ "i386 number of x86-64's connect", I386(SYS_connect, 5, 1, 16), PASSES, PASSES },
#endif
};

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint32_t none = verdict(INJECT_WALL_NONE, true, &cases[i].call);
		const uint32_t landlock = verdict(INJECT_WALL_LANDLOCK, true, &cases[i].call);

		if (none != cases[i].none || landlock != cases[i].landlock)
			fail_msg("%s: none %#x, landlock %#x", cases[i].what, none, landlock);
	}
}

static void test_listens(void **state)
{
	const struct seccomp_data call = CALL(SYS_listen, 5, 1);

	(void)state;
	assert_int_equal(verdict(INJECT_WALL_NONE, false, &call), PASSES);
	assert_int_equal(verdict(INJECT_WALL_LANDLOCK, false, &call), PASSES);
}

/* An architecture that is not ours: none of its calls stop, or none work, by the wall. */
static void test_foreign_architecture(void **state)
{
	const struct seccomp_data call = { .nr = 3, .arch = AUDIT_ARCH_S390X };

	(void)state;
	assert_int_equal(verdict(INJECT_WALL_NONE, true, &call), PASSES);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef OWN
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_listens),
		cmocka_unit_test(test_foreign_architecture),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
