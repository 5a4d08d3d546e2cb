/* SPDX-License-Identifier: Apache-2.0 */
/* Streams between two sockets: whole, ended and reset as they should be, bounded, without leaks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "netns/net/splice.h"
#include "netns/netns.h"

static struct watch_loop loop;
static struct splice engine; /* large */
static size_t fds_before;

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

static int set_up(void **state)
{
	(void)state;
	fds_before = open_fds();
	assert_int_equal(watch_loop_open(&loop), 0);
	splice_open(&engine, &loop);
	return 0;
}

/* Each test closes what is its own; then nothing may be left. */
static int tear_down(void **state)
{
	(void)state;
	splice_close(&engine);
	watch_loop_close(&loop);
	assert_int_equal(engine.used, 0);
	assert_int_equal(open_fds(), fds_before);
	return 0;
}

static void rounds(int count)
{
	while (count-- > 0)
		assert_true(watch_round(&loop, 0) >= 0);
}

/* ---- TCP on this host's loopback ---- */

static int listen_on(struct sockaddr_in *ret)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(*ret);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0x7f000001) } };
	assert_int_equal(bind(fd, (struct sockaddr *)ret, size), 0);
	assert_int_equal(listen(fd, SOMAXCONN), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &size), 0);
	return fd;
}

static int connect_to(const struct sockaddr_in *to)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static int accept_from(int listener)
{
	for (int i = 0; i < 1000; i++) {
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			return fd;
		rounds(1);
	}
	fail_msg("nobody came");
	return -1;
}

/* A client and a server with the engine between: clients of front are carried to back. */
struct stage {
	struct sockaddr_in front, back;
	int front_fd; /* the engine's */
	int back_fd;
};

static void stage_open(struct stage *stage)
{
	stage->front_fd = listen_on(&stage->front);
	stage->back_fd = listen_on(&stage->back);
	assert_int_equal(splice_listen(&engine, stage->front_fd,
				       (const struct sockaddr *)&stage->back, sizeof(stage->back)),
			 0);
}

static void stage_pair(const struct stage *stage, int *ret_client, int *ret_server)
{
	*ret_client = connect_to(&stage->front);
	*ret_server = accept_from(stage->back_fd);
}

/* Sends as many bytes as go, at most left; each byte is its place in the stream. */
static size_t send_some(int fd, size_t sent, size_t left)
{
	uint8_t data[16384];
	ssize_t n = 0;

	if (left > sizeof(data))
		left = sizeof(data);
	for (size_t i = 0; i < left; i++)
		data[i] = (uint8_t)((sent + i) * 31 >> 3);
	n = send(fd, data, left, MSG_NOSIGNAL);
	assert_true(n >= 0 || errno == EAGAIN);
	return n < 0 ? 0 : (size_t)n;
}

/* -1: the end. */
static ssize_t receive_some(int fd, size_t got)
{
	uint8_t data[16384];
	const ssize_t n = recv(fd, data, sizeof(data), 0);

	if (n < 0) {
		assert_int_equal(errno, EAGAIN);
		return 0;
	}
	for (ssize_t i = 0; i < n; i++)
		if (data[i] != (uint8_t)((got + (size_t)i) * 31 >> 3))
			fail_msg("byte %zu is wrong", got + (size_t)i);
	return n == 0 ? -1 : n;
}

static void transfer(int from, int to, size_t size)
{
	size_t sent = 0;
	size_t got = 0;

	for (int idle = 0; got < size && idle < 100000; idle++) {
		const size_t before = sent + got;
		ssize_t n = 0;

		sent += send_some(from, sent, size - sent);
		rounds(1);
		n = receive_some(to, got);
		assert_true(n >= 0);
		got += (size_t)n;
		if (sent + got > before)
			idle = 0;
	}
	assert_int_equal(got, size);
}

static bool sees_end(int fd)
{
	for (int i = 0; i < 1000; i++) {
		char byte;
		const ssize_t n = recv(fd, &byte, 1, 0);

		if (n == 0)
			return true;
		if (n > 0 || errno != EAGAIN)
			return false;
		rounds(1);
	}
	return false;
}

static bool sees_reset(int fd)
{
	for (int i = 0; i < 1000; i++) {
		char byte;

		if (recv(fd, &byte, 1, 0) >= 0)
			return false;
		if (errno != EAGAIN)
			return errno == ECONNRESET;
		rounds(1);
	}
	return false;
}

/* ---- Tests ---- */

static void large_transfers_arrive_whole_both_ways(void **state)
{
	struct stage stage;
	int client = -1;
	int server = -1;

	(void)state;
	stage_open(&stage);
	stage_pair(&stage, &client, &server);
	transfer(client, server, 50000000);
	transfer(server, client, 50000000);
	assert_int_equal(engine.used, 1);
	(void)close(client);
	assert_true(sees_end(server));
	(void)close(server);
	rounds(20);
	assert_int_equal(engine.used, 0);
	(void)close(stage.back_fd);
}

static void streams_of_unix_sockets_too(void **state)
{
	int a[2];
	int b[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, b), 0);
	assert_int_equal(splice_add(&engine, a[1], b[0], false), 0);
	transfer(a[0], b[1], 3000000);
	transfer(b[1], a[0], 3000000);
	(void)close(a[0]);
	assert_true(sees_end(b[1]));
	(void)close(b[1]);
}

static void one_side_may_end_first(void **state)
{
	struct stage stage;
	int client = -1;
	int server = -1;

	(void)state;
	stage_open(&stage);
	stage_pair(&stage, &client, &server);
	transfer(client, server, 100000);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	assert_true(sees_end(server));
	/* A server that answers only after the end of the question. */
	transfer(server, client, 20000000);
	assert_int_equal(engine.used, 1);
	assert_int_equal(shutdown(server, SHUT_WR), 0);
	assert_true(sees_end(client));
	rounds(20);
	assert_int_equal(engine.used, 0);
	(void)close(client);
	(void)close(server);
	(void)close(stage.back_fd);
}

static void a_reset_is_passed_on(void **state)
{
	const struct linger now = { .l_onoff = 1 };
	struct stage stage;

	(void)state;
	stage_open(&stage);
	for (int who = 0; who < 2; who++) {
		int ends[2];

		stage_pair(&stage, &ends[0], &ends[1]);
		transfer(ends[0], ends[1], 1000);
		assert_int_equal(setsockopt(ends[who], SOL_SOCKET, SO_LINGER, &now, sizeof(now)),
				 0);
		(void)close(ends[who]);
		assert_true(sees_reset(ends[1 - who]));
		(void)close(ends[1 - who]);
	}
	assert_int_equal(engine.used, 0);
	(void)close(stage.back_fd);
}

static void nobody_at_the_target_is_a_reset(void **state)
{
	struct stage stage;
	int client = -1;

	(void)state;
	stage_open(&stage);
	(void)close(stage.back_fd);
	client = connect_to(&stage.front);
	assert_true(sees_reset(client));
	assert_int_equal(engine.used, 0);
	(void)close(client);
}

static void a_slow_reader_slows_the_writer_down(void **state)
{
	struct stage stage;
	int client = -1;
	int server = -1;
	size_t sent = 0;
	size_t got = 0;
	int turns = 0;

	(void)state;
	stage_open(&stage);
	stage_pair(&stage, &client, &server);
	for (int idle = 0; idle < 200; idle++) {
		const size_t n = send_some(client, sent, 1 << 30);

		sent += n;
		idle = n > 0 ? 0 : idle;
		rounds(1);
	}
	/* Buffers of four sockets and a pipe, and not a byte in this process. */
	assert_in_range(sent, 10000, 64 << 20);
	/* Nothing to be done is nothing done: no turning in circles. */
	for (int i = 0; i < 100; i++)
		turns += watch_round(&loop, 0);
	assert_int_equal(turns, 0);
	while (got < sent) {
		const ssize_t n = receive_some(server, got);

		assert_true(n >= 0);
		got += (size_t)n;
		rounds(1);
	}
	/* And it goes on. */
	sent += send_some(client, sent, 1000);
	rounds(3);
	assert_int_equal(receive_some(server, got), sent - got);
	(void)close(client);
	(void)close(server);
	(void)close(stage.back_fd);
	rounds(10);
}

enum { MANY = 1000 };

static void a_thousand_connections_cost_their_sockets_only(void **state)
{
	static int clients[MANY];
	static int servers[MANY];
	struct stage stage;
	size_t before = 0;

	(void)state;
	stage_open(&stage);
	before = open_fds();
	for (int i = 0; i < MANY; i++)
		stage_pair(&stage, &clients[i], &servers[i]);
	assert_int_equal(engine.used, MANY);
	for (int i = 0; i < MANY; i++)
		transfer(clients[i], servers[i], 5000);
	/* Two of the test's and two of the engine's each, and some empty pipes. */
	assert_in_range(open_fds() - before, 4 * MANY, 4 * MANY + 2 * SPLICE_PIPES);
	for (int i = 0; i < MANY; i++) {
		(void)close(i % 2 ? clients[i] : servers[i]);
		assert_true(sees_end(i % 2 ? servers[i] : clients[i]));
		(void)close(i % 2 ? servers[i] : clients[i]);
	}
	rounds(100);
	assert_int_equal(engine.used, 0);
	assert_in_range(open_fds() - before, 0, 2 * SPLICE_PIPES);
	(void)close(stage.back_fd);
}

/* Clients wait in the backlog as long as there is no place or no descriptor. */
static void without_descriptors_clients_wait(void **state)
{
	struct rlimit old;
	struct rlimit few;
	struct stage stage;
	int client = -1;
	int server = -1;
	int other = -1;

	(void)state;
	stage_open(&stage);
	client = connect_to(&stage.front);
	other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)other + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	rounds(5);
	assert_true(engine.paused);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (int i = 0; i < 20 && server < 0; i++) {
		assert_true(watch_round(&loop, 20000000) >= 0);
		server = accept4(stage.back_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	assert_true(server >= 0);
	transfer(client, server, 1000);
	(void)close(other);
	(void)close(client);
	(void)close(server);
	(void)close(stage.back_fd);
	rounds(10);
}

static void listeners_come_and_go(void **state)
{
	struct stage stage;
	struct sockaddr_in where;

	(void)state;
	stage_open(&stage);
	assert_true(splice_unlisten(&engine, stage.front_fd));
	assert_false(splice_unlisten(&engine, stage.front_fd));
	for (int i = 0; i < SPLICE_LISTENERS; i++)
		assert_int_equal(splice_listen(&engine, listen_on(&where),
					       (struct sockaddr *)&stage.back, sizeof(stage.back)),
				 0);
	stage.front_fd = listen_on(&where);
	assert_int_equal(splice_listen(&engine, stage.front_fd, (struct sockaddr *)&stage.back,
				       sizeof(stage.back)),
			 -ENOSPC);
	(void)close(stage.front_fd);
	(void)close(stage.back_fd);
}

/* ---- Another network namespace ---- */

/* Makes a listening socket there, hands it over, and is its client then. */
static int inside(int sock)
{
	struct sockaddr_in where;
	char answer[16] = "";
	char byte = 0;
	size_t size = 0, none = 0;
	int fd = -1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || netns_lo_up() < 0)
		return 77;
	fd = listen_on(&where);
	if (fd_send(sock, "l", 1, &fd, 1) < 0 || fd_recv(sock, &byte, 1, &size, NULL, &none) < 0)
		return 1;
	(void)close(fd);
	fd = connect_to(&where);
	(void)fd_set_nonblock(fd, false);
	if (send(fd, "question", 8, 0) != 8 || recv(fd, answer, 6, MSG_WAITALL) != 6)
		return 2;
	return strcmp(answer, "answer") == 0 ? 0 : 3;
}

static void a_listener_of_another_namespace_leads_to_this_one(void **state)
{
	struct sockaddr_in back;
	const int back_fd = listen_on(&back);
	int ends[2];
	int listener = -1;
	int server = -1;
	int status = 0;
	char text[16] = "";
	size_t size = 0, count = 1;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(fd_socketpair(SOCK_SEQPACKET, ends), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		_exit(inside(ends[1]));
	}
	(void)close(ends[1]);
	if (fd_recv(ends[0], text, 1, &size, &listener, &count) == 0) {
		assert_int_equal(
			splice_listen(&engine, listener, (struct sockaddr *)&back, sizeof(back)),
			0);
		assert_int_equal(fd_send(ends[0], "g", 1, NULL, 0), 0);
		for (int i = 0; i < 100 && server < 0; i++) {
			assert_true(watch_round(&loop, 20000000) >= 0);
			server = accept4(back_fd, NULL, NULL, SOCK_CLOEXEC);
		}
		assert_true(server >= 0);
		while (recv(server, text, 8, MSG_DONTWAIT) < 0 && errno == EAGAIN)
			rounds(1);
		assert_string_equal(text, "question");
		assert_int_equal(send(server, "answer", 6, 0), 6);
		for (int i = 0; i < 10; i++)
			assert_true(watch_round(&loop, 10000000) >= 0);
		(void)close(server);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(ends[0]);
	(void)close(back_fd);
	rounds(10);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("this user cannot make network namespaces\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(large_transfers_arrive_whole_both_ways),
		TEST(streams_of_unix_sockets_too),
		TEST(one_side_may_end_first),
		TEST(a_reset_is_passed_on),
		TEST(nobody_at_the_target_is_a_reset),
		TEST(a_slow_reader_slows_the_writer_down),
		TEST(a_thousand_connections_cost_their_sockets_only),
		TEST(without_descriptors_clients_wait),
		TEST(listeners_come_and_go),
		TEST(a_listener_of_another_namespace_leads_to_this_one),
	};
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
