/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of socket activation: whose they are, and who gets which. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/container/listen-fds.h"

/* In a child, whose descriptors 3 and 4 are ours to choose. */
static void in_child(void (*test)(void))
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%d", (int)getpid());
		(void)setenv("LISTEN_PID", text, 1);
		(void)setenv("LISTEN_FDS", "2", 1);
		(void)setenv("LISTEN_FDNAMES", "web:other", 1);
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			_exit(__LINE__ % 256);                                                     \
	} while (0)

static uint16_t listen_as(int number)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1) == 0 &&
	      getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	if (fd != number)
		CHECK(dup2(fd, number) == number && close(fd) == 0);
	return ntohs(address.sin_port);
}

static void shared_out(void)
{
	struct port_list ports = PORT_LIST_INIT;
	struct listen_fds all, net, rest;
	struct strv env = STRV_INIT;
	auto_free char *text = NULL;

	text = xasprintf("127.0.0.1:%u:80", listen_as(3));
	(void)listen_as(4);
	listen_fds_take(&all);
	CHECK(all.count == 2 && all.fds[0] == 3 && all.fds[1] == 4);
	CHECK(fcntl(3, F_GETFD) == FD_CLOEXEC && fcntl(4, F_GETFD) == FD_CLOEXEC);
	CHECK(port_parse(&ports, text, NULL) == 0);
	listen_fds_split(&all, &ports, &net, &rest);
	CHECK(net.count == 1 && net.fds[0] == 3 && str_eq(net.names, "web"));
	CHECK(rest.count == 1 && rest.fds[0] == 4 && str_eq(rest.names, "other"));
	listen_fds_env(&rest, &env);
	CHECK(strv_has(&env, "LISTEN_FDS=1") && strv_has(&env, "LISTEN_PID=1") &&
	      strv_has(&env, "LISTEN_FDNAMES=other"));
	strv_done(&env);
	listen_fds_done(&rest);
	listen_fds_env(&rest, &env);
	CHECK(env.count == 0);
	listen_fds_done(&all);
	listen_fds_done(&net);
	port_list_done(&ports);
}

static void another_process_is_meant(void)
{
	struct listen_fds all;

	(void)listen_as(3);
	(void)listen_as(4);
	(void)setenv("LISTEN_PID", "1", 1);
	listen_fds_take(&all);
	CHECK(all.count == 0);
	(void)unsetenv("LISTEN_PID");
	listen_fds_take(&all);
	CHECK(all.count == 0);
}

static void leftovers(void)
{
	struct listen_fds all;

	(void)listen_as(3);
	(void)close(4);
	listen_fds_take(&all);
	CHECK(all.count == 0);
	(void)setenv("LISTEN_FDS", "-1", 1);
	listen_fds_take(&all);
	CHECK(all.count == 0);
	(void)setenv("LISTEN_FDS", "1000000", 1);
	listen_fds_take(&all);
	CHECK(all.count == 0);
}

static void sockets_are_shared_out_by_port(void **state)
{
	(void)state;
	in_child(shared_out);
}

static void sockets_for_others_are_left_alone(void **state)
{
	(void)state;
	in_child(another_process_is_meant);
	in_child(leftovers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_shared_out_by_port),
		cmocka_unit_test(sockets_for_others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
