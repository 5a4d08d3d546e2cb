/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that somebody else bound, held against published ports. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "netns/port/port.h"

enum { SIX_ONLY = 1, NO_LISTEN = 2 };

/* Bound to a port of the kernel's choice, which *ret_port gets. */
static int bound(const char *ip, int type, int flags, uint16_t *ret_port)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	const bool is_six = strchr(ip, ':') != NULL;
	struct sockaddr *address = is_six ? (void *)&six : (void *)&four;
	socklen_t size = is_six ? sizeof(six) : sizeof(four);
	const int only = (flags & SIX_ONLY) != 0;
	const int fd = socket(is_six ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		print_message("no such sockets here\n");
		skip();
	}
	assert_int_equal(inet_pton(is_six ? AF_INET6 : AF_INET, ip,
				   is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr),
			 1);
	if (is_six)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	assert_int_equal(bind(fd, address, size), 0);
	assert_int_equal(getsockname(fd, address, &size), 0);
	*ret_port = ntohs(is_six ? six.sin6_port : four.sin_port);
	if (type == SOCK_STREAM && !(flags & NO_LISTEN))
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static struct port_map map_of(const char *ip, uint16_t port, uint16_t count, enum port_proto proto)
{
	struct port_map map = {
		.host_port = port, .container_port = 80, .count = count, .proto = proto
	};

	(void)strcpy(map.host_ip, ip);
	return map;
}

static void a_socket_serves_what_it_is_bound_to(void **state)
{
	static const struct {
		const char *bound;
		int type, flags;
		const char *wanted;
		enum port_proto proto;
		bool serves;
	} cases[] = {
		{ "127.0.0.1", SOCK_STREAM, 0, "127.0.0.1", PORT_TCP, true },
		{ "127.0.0.1", SOCK_STREAM, 0, "", PORT_TCP, false },
		{ "127.0.0.1", SOCK_STREAM, 0, "0.0.0.0", PORT_TCP, false },
		{ "127.0.0.1", SOCK_STREAM, 0, "127.0.0.1", PORT_UDP, false },
		{ "127.0.0.1", SOCK_STREAM, NO_LISTEN, "127.0.0.1", PORT_TCP, false },
		{ "127.0.0.1", SOCK_DGRAM, 0, "127.0.0.1", PORT_UDP, true },
		{ "127.0.0.1", SOCK_DGRAM, 0, "127.0.0.1", PORT_TCP, false },
		{ "0.0.0.0", SOCK_STREAM, 0, "", PORT_TCP, true },
		{ "0.0.0.0", SOCK_STREAM, 0, "127.0.0.1", PORT_TCP, false },
		{ "::", SOCK_STREAM, 0, "", PORT_TCP, true },
		{ "::", SOCK_STREAM, 0, "0.0.0.0", PORT_TCP, true },
		{ "::", SOCK_STREAM, 0, "::", PORT_TCP, true },
		{ "::", SOCK_STREAM, SIX_ONLY, "0.0.0.0", PORT_TCP, false },
		{ "::", SOCK_DGRAM, 0, "", PORT_UDP, false },
		{ "::", SOCK_DGRAM, SIX_ONLY, "", PORT_UDP, true },
		{ "::1", SOCK_STREAM, 0, "::1", PORT_TCP, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint16_t port = 0;
		auto_close int fd = bound(cases[i].bound, cases[i].type, cases[i].flags, &port);
		const struct port_map map = map_of(cases[i].wanted, port, 1, cases[i].proto);
		const struct port_map other = map_of(cases[i].wanted, port ^ 1, 1, cases[i].proto);

		if (port_map_has_socket(&map, fd) != cases[i].serves)
			fail_msg("case %zu", i);
		assert_false(port_map_has_socket(&other, fd));
	}
}

static void ranges_and_lists(void **state)
{
	uint16_t port = 0;
	auto_close int fd = bound("127.0.0.1", SOCK_STREAM, 0, &port);
	struct port_list list auto_done(port_list) = PORT_LIST_INIT;
	struct port_map map = map_of("127.0.0.1", port - 1, 2, PORT_TCP);
	char ip[46];

	(void)state;
	assert_false(port_list_has_socket(&list, fd));
	port_list_add(&list, &map);
	assert_true(port_list_has_socket(&list, fd));
	port_socket_ip(fd, ip);
	assert_string_equal(ip, "127.0.0.1");
	map = map_of("127.0.0.1", port - 2, 2, PORT_TCP);
	assert_false(port_map_has_socket(&map, fd));
}

static void what_is_no_socket_serves_nothing(void **state)
{
	const struct port_map map = map_of("", 80, 1, PORT_TCP);
	int ends[2];
	char ip[46] = "x";

	(void)state;
	assert_int_equal(fd_pipe(ends), 0);
	assert_false(port_map_has_socket(&map, ends[0]));
	assert_false(port_map_has_socket(&map, -1));
	port_socket_ip(ends[0], ip);
	assert_string_equal(ip, "");
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_int_equal(fd_socketpair(SOCK_STREAM, ends), 0);
	assert_false(port_map_has_socket(&map, ends[0]));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_serves_what_it_is_bound_to),
		cmocka_unit_test(ranges_and_lists),
		cmocka_unit_test(what_is_no_socket_serves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
