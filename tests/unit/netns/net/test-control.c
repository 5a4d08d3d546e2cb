/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor may say to a running bryo-net. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/net-message.h"
#include "netns/net.h"
#include "netns/net/control.h"

static int reloads;
static int result;

static int reload(void *data, struct err *err)
{
	assert_ptr_equal(data, &reloads);
	reloads++;
	return result < 0 ? err_set(err, result, "port 80") : 0;
}

static const struct control control = { .reload = reload, .data = &reloads };

static void a_reload_is_done_and_answered(void **state)
{
	struct net_process net = NET_PROCESS_INIT;
	const char message = NET_MESSAGE_RELOAD;
	struct err err = ERR_INIT;
	struct err report;
	int ends[2];

	(void)state;
	assert_int_equal(fd_socketpair(SOCK_SEQPACKET, ends), 0);
	net.fd = ends[0];
	assert_int_equal(fd_send(ends[0], &message, 1, NULL, 0), 0);
	assert_true(control_take(ends[1], &control));
	assert_int_equal(reloads, 1);
	assert_int_equal(recv(ends[0], &report, sizeof(report), 0), sizeof(report));
	assert_int_equal(report.code, 0);
	/* Why not, in the words of whoever failed: as net_wait_ready() reads reports. */
	result = -EADDRINUSE;
	assert_int_equal(fd_send(ends[0], &message, 1, NULL, 0), 0);
	assert_true(control_take(ends[1], &control));
	assert_int_equal(net_wait_ready(&net, 100, &err), -EADDRINUSE);
	assert_string_equal(err.text, "port 80: Address already in use");
	/* Nobody answers: the monitor goes on. */
	assert_int_equal(net_reload(&net, 1, &err), -ETIMEDOUT);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void all_else_is_the_end(void **state)
{
	static const char *const bad[] = { "X", "RR", "A" };
	int ends[2];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(fd_socketpair(SOCK_SEQPACKET, ends), 0);
		assert_int_equal(send(ends[0], bad[i], i == 1 ? 2 : 1, 0), i == 1 ? 2 : 1);
		assert_false(control_take(ends[1], &control));
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	assert_int_equal(fd_socketpair(SOCK_SEQPACKET, ends), 0);
	assert_true(control_take(ends[1], &control)); /* nothing there: woken once too often */
	(void)close(ends[0]);
	assert_false(control_take(ends[1], &control));
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reload_is_done_and_answered),
		cmocka_unit_test(all_else_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
